/** Runs one acceptance run: its lab, its time limit, its table, and nothing left behind. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { othersCpuSeconds } from '../../bench/cpu.ts';
import { messageOf } from '../../src/kit/assert.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { Lab, type AcceptanceRun } from './lab.ts';

/** Does one run in a lab of its own and prints its table. Resolves with whether everything held. */
export async function runInLab(run: AcceptanceRun, index: number): Promise<boolean> {
  console.log(`\n${run.name}: ${run.about}`);
  const missing = run.needs.filter((program) => !onPath(program));
  if (missing.length > 0) {
    console.error(`${run.name}: ${missing.join(', ')} not found: run test/acceptance/setup.sh first`);
    return false;
  }
  const lab = new Lab(index);
  // A run may wait for nothing but a timer, and the clock's timers keep no process alive.
  const alive = new MessageChannel();
  alive.port1.on('message', () => undefined);
  const stopListening = endOnSignals(lab);
  const limit = Promise.withResolvers<never>();
  const timer = systemClock.after(run.limitSeconds * 1000, () =>
    limit.reject(new Error(`did not end within ${run.limitSeconds} s`)),
  );
  const [startedMs, othersBefore] = [systemClock.monotonicMs(), othersCpuSeconds()];
  let error: unknown;
  try {
    await Promise.race([run.run(lab), limit.promise]);
  } catch (caught) {
    error = caught;
  }
  const tookSeconds = (systemClock.monotonicMs() - startedMs) / 1000;
  const others = (othersCpuSeconds() - othersBefore) / tookSeconds;
  console.log(
    `(${tookSeconds.toFixed(0)} s; other programs used ${others.toFixed(2)} of a CPU)\n\n${lab.figures.render()}`,
  );
  if (error !== undefined) console.error(`\n${run.name} FAILED: ${messageOf(error)}`);
  timer.cancel();
  await lab.close();
  stopListening();
  alive.port1.close();
  return error === undefined && lab.figures.held;
}

/** Neither Ctrl-C nor a defect of ours leaves anything behind. Returns what takes the listeners away. */
function endOnSignals(lab: Lab): () => void {
  const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
  const listeners = Object.entries(codes).map(([signal, code]) => {
    const listener = (): never => process.exit(code);
    process.once(signal, listener);
    return () => void process.off(signal, listener);
  });
  const onExit = (): void => lab.closeNow();
  process.once('exit', onExit);
  return () => {
    process.off('exit', onExit);
    for (const remove of listeners) remove();
  };
}

function onPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
