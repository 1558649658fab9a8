/**
 * What signals ask of a running weir: SIGTERM and SIGINT stop it, a second one ends it, SIGHUP reads its files again. SIGUSR1 and
 * SIGUSR2, by which other servers open their logs or themselves anew, ask for nothing.
 */
import type { Clock } from '../kit/clock.ts';

export interface SignalHandlers {
  stop(signal: NodeJS.Signals): void;
  end(signal: NodeJS.Signals): void;
  reload(): void;
  /** One that means nothing here. */
  foreign(signal: NodeJS.Signals): void;
}

/**
 * They are taken all the same: by itself Node opens a debugger for the one, through which everybody on the machine could
 * have weir run what they like, and ends at once by the other.
 */
const FOREIGN: readonly NodeJS.Signals[] = ['SIGUSR1', 'SIGUSR2'];

/**
 * A Ctrl-C reaches the whole process group, and npm and our own launcher pass theirs on as well: a SIGINT this soon
 * after the one before is the same one.
 */
const SAME_SIGINT_MS = 200;

/** Where the signals come from: `process`, or a test's own emitter. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
}

/** Returns what ends the watching. */
export function watchSignals(source: SignalSource, clock: Clock, handlers: SignalHandlers): () => void {
  let stopping = false;
  let interruptedMs = -Infinity;
  const onStop = (signal: NodeJS.Signals) => {
    if (signal === 'SIGINT') {
      const sinceMs = clock.monotonicMs() - interruptedMs;
      interruptedMs = clock.monotonicMs();
      if (sinceMs < SAME_SIGINT_MS) return;
    }
    if (stopping) return handlers.end(signal);
    stopping = true;
    handlers.stop(signal);
  };
  const onReload = () => {
    if (!stopping) handlers.reload();
  };
  const onForeign = (signal: NodeJS.Signals) => handlers.foreign(signal);
  const listeners = [
    ['SIGTERM', onStop],
    ['SIGINT', onStop],
    ['SIGHUP', onReload],
    ...FOREIGN.map((signal) => [signal, onForeign] as const),
  ] as const;
  for (const [signal, listener] of listeners) source.on(signal, listener);
  return () => {
    for (const [signal, listener] of listeners) source.off(signal, listener);
  };
}
