/** Entry point of a traffic thread (a worker): builds what the thread runs and does what control says, in order. */
import { writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { present, unreachable } from '../kit/assert.ts';
import { systemClock } from '../kit/clock.ts';
import { maxOpenFiles } from '../kit/open-files.ts';
import { TimerWheel } from '../kit/timer-wheel.ts';
import { chooseTransport } from '../transport/choose.ts';
import { connectionsPerThread } from '../transport/connection-limit.ts';
import { ThreadContext } from './context.ts';
import { CONTROL_STANDSTILL_MS, ControlWatch, mainThreadWaitsForDevice } from './control-watch.ts';
import { observeLoopDelay, THREAD_COUNTER, THREAD_ROW_CELLS } from './counters.ts';
import { DefectLog } from './defect-log.ts';
import { LogWriter } from './log-writer.ts';
import { Runtime } from './runtime.ts';
import type { ControlMessage, ThreadMessage, ThreadSettings } from './snapshot.ts';

const port = present(parentPort, 'the parent port: traffic/thread.ts runs as a worker');
const settings = workerData as ThreadSettings;
const row = new Float64Array(
  settings.threadCounters,
  settings.thread * THREAD_ROW_CELLS * Float64Array.BYTES_PER_ELEMENT,
  THREAD_ROW_CELLS,
);

function say(message: ThreadMessage): void {
  port.postMessage(message);
}

function count(cell: number): void {
  row[cell] = row[cell]! + 1;
}

function explained(code: string): string {
  if (code !== 'EMFILE') return '';
  return '; the limit of open files (ulimit -n) is what bounds the number of connections, and a higher one allows more';
}

const defects = new DefectLog(systemClock, say);

const { transport, why } = await chooseTransport(
  settings.transport,
  {
    onFailure: (error) => defects.note(error),
    onAcceptError(code) {
      count(THREAD_COUNTER.acceptErrors);
      if (row[THREAD_COUNTER.acceptErrors] === 1) {
        say({ type: 'log', level: 'error', message: `a connection could not be accepted: ${code}${explained(code)}` });
      }
    },
  },
  systemClock,
  connectionsPerThread(maxOpenFiles(), settings.threads),
);
if (transport.name === 'net' && settings.transport !== 'net') {
  say({ type: 'log', level: 'warn', message: `traffic goes through node:net, which is slower: ${why}` });
}

const log = settings.logRing === undefined ? undefined : new LogWriter(systemClock, settings.logRing);

function onTick(lateMs: number): void {
  count(THREAD_COUNTER.heartbeat);
  log?.tick();
  observeLoopDelay(row, lateMs / 1000);
}

const wheel = new TimerWheel(systemClock, onTick, (error) => {
  transport.outbox.clear();
  defects.note(error);
});
const runtime = new Runtime(
  new ThreadContext(settings.thread, transport, wheel, systemClock, say, log),
  settings.threads,
);

/** Control cannot say it any more, and its event loop would not hear an ordinary signal. */
function endProcess(): void {
  const what = `weir: the control thread stands still for ${CONTROL_STANDSTILL_MS / 1000} s. The process ends (SIGABRT), `;
  writeSync(2, `${what}so that its service manager starts it again. This is a defect of weir: please report it.\n`);
  process.kill(process.pid, 'SIGABRT');
}

const control = new Float64Array(
  settings.threadCounters,
  settings.threads * THREAD_ROW_CELLS * Float64Array.BYTES_PER_ELEMENT,
  THREAD_ROW_CELLS,
);
const watch = new ControlWatch({
  clock: systemClock,
  heartbeat: () => control[THREAD_COUNTER.heartbeat]!,
  waitsForDevice: mainThreadWaitsForDevice,
  onStandstill: endProcess,
});

async function obey(message: ControlMessage): Promise<void> {
  switch (message.type) {
    case 'apply': {
      const failures = await runtime.apply(message);
      row[THREAD_COUNTER.revision] = message.revision;
      say({ type: 'applied', revision: message.revision, failures });
      return;
    }
    case 'cut':
      runtime.cut(message.slots);
      return;
    case 'stop':
      watch.stop();
      await runtime.stop(message.timeoutMs);
      log?.tick();
      say({ type: 'stopped' });
      return;
    default:
      unreachable(message);
  }
}

let obeyed: Promise<void> = Promise.resolve();
port.on('message', (message: ControlMessage) => {
  obeyed = obeyed.then(() => obey(message));
});
// Before there is traffic that would wait for it (cli/compile-cache.ts).
flushCompileCache();
say({ type: 'ready' });
