/** From the start of a weir to the exit of its process: what the service manager is told, and what signals do. */
import type { Clock } from '../kit/clock.ts';
import { createNotifier, type Notifier } from './sd-notify.ts';
import type { Environment } from './configuration.ts';
import { EXIT_FAILED, EXIT_FINE, EXIT_REFUSED, exitCodeOf, failureText } from './failure.ts';
import { makeHelpersNicer } from './helper-threads.ts';
import { Reloads } from './reloads.ts';
import type { RunningWeir, WeirOptions } from './serve.ts';
import { watchSignals, type SignalHandlers } from './signals.ts';
import { complain } from './standard-streams.ts';

/** Past the configured deadline of a stop, what hangs has this long until the process ends without it. */
const STOP_GRACE_MS = 5000;

export interface RunOptions {
  readonly clock: Clock;
  readonly environment: Environment;
  readonly start: (onAnnounced: WeirOptions['onAnnounced']) => Promise<RunningWeir>;
  /** Called once it serves. */
  readonly onReady?: (weir: RunningWeir) => Promise<void>;
}

/** Starts, serves until a signal, and ends the process. A start that is refused is told on standard error: exit code 1. */
export async function runUntilSignal(options: RunOptions): Promise<void> {
  let weir: RunningWeir | undefined;
  // Promises that are rejected and that nobody waits for come here as well.
  process.on('uncaughtException', (error) => endWithDefect(weir, error));
  process.once('exit', () => weir?.log.finish());
  // Signals that come while we start. Nothing serves yet, nothing is to be drained.
  let isStale = false;
  const reload = () => void (isStale = true);
  const endEarly = watchSignals(process, options.clock, { stop: end, end, reload, foreign: () => undefined });
  let withdraw = () => {};
  function end(): never {
    withdraw();
    process.exit(EXIT_FINE);
  }
  try {
    weir = await options.start((given) => (withdraw = given));
    const notifier = createNotifier(options.environment, options.clock, weir.log);
    const reloads = new Reloads(weir, notifier);
    watchSignals(process, options.clock, handlersOf(weir, notifier, reloads, options.clock));
    // After that: a signal that nobody watches for, though for a moment, is lost.
    endEarly();
    // The files may have been read before they were changed.
    if (isStale) reloads.ask();
    await weir.served();
    makeHelpersNicer();
    await options.onReady?.(weir);
    notifier.notify('READY=1', `STATUS=API on ${weir.endpoint}`);
    reloads.isTold = true;
  } catch (error) {
    complain(failureText(error));
    weir?.abandon();
    process.exit(exitCodeOf(error));
  }
}

/** Nothing is known any more of the state that control is in: whoever started weir starts it again. */
function endWithDefect(weir: RunningWeir | undefined, error: unknown): never {
  const what = 'the control thread has failed: weir ends, so that its service manager starts it again';
  if (weir === undefined) complain(failureText(error));
  else weir.log.error({ error, exitCode: EXIT_FAILED }, `${what}. This is a defect of weir: please report it`);
  weir?.abandon();
  process.exit(EXIT_FAILED);
}

function handlersOf(weir: RunningWeir, notifier: Notifier, reloads: Reloads, clock: Clock): SignalHandlers {
  return {
    stop(signal: NodeJS.Signals) {
      const timeoutMs = weir.configuration.stopTimeout * 1000;
      weir.log.info({ signal, timeoutMs }, 'stopping: requests in flight are finished; a second signal ends at once');
      notifier.notify('STOPPING=1');
      clock.after(timeoutMs + STOP_GRACE_MS, () => {
        weir.log.error({}, 'the stop hangs: ending without what it waits for');
        weir.abandon();
        process.exit(EXIT_FINE);
      });
      weir.stop(timeoutMs).then(
        () => process.exit(EXIT_FINE),
        (error: unknown) => {
          weir.log.error({ error }, 'the stop failed');
          process.exit(EXIT_REFUSED);
        },
      );
    },
    end(signal: NodeJS.Signals) {
      weir.log.warn({ signal }, 'second signal: ending at once');
      weir.abandon();
      process.exit(EXIT_FINE);
    },
    reload: () => reloads.ask(),
    foreign(signal: NodeJS.Signals) {
      weir.log.warn({ signal }, 'a signal that asks for nothing: SIGHUP reads the files again, SIGTERM stops');
    },
  };
}
