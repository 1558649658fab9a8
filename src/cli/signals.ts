/** What signals ask of a running weir: SIGTERM and SIGINT stop it, a second one ends it, SIGHUP reads its files again. */
import type { Clock } from '../kit/clock.ts';

export interface SignalHandlers {
  stop(signal: NodeJS.Signals): void;
  end(signal: NodeJS.Signals): void;
  reload(): void;
}

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
  source.on('SIGTERM', onStop);
  source.on('SIGINT', onStop);
  source.on('SIGHUP', onReload);
  return () => {
    source.off('SIGTERM', onStop);
    source.off('SIGINT', onStop);
    source.off('SIGHUP', onReload);
  };
}
