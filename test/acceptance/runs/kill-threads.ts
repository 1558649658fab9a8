/** A traffic thread dies under load: of an exception, of memory, of an endless loop. Only its own connections are lost. */
import { systemClock } from '../../../src/kit/clock.ts';
import { failuresText, type SteadyLoad } from '../../support/steady-load.ts';
import { seconds } from '../figures.ts';
import { Inspector } from '../inspector.ts';
import { until, type AcceptanceRun, type Lab } from '../lab.ts';
import { CLIENTS_OF_EACH_KIND, startSteady } from '../steady.ts';
import type { WeirUnderTest } from '../weir.ts';

const THREADS = 2;
const KINDS = 4;
/** Of the load before a death and after its effects are over. */
const ROUNDS = 50;
/** The inspector listens on a port of its own choice. A thread that runs out of memory must not take the machine's. */
const NODE_FLAGS = ['--inspect=127.0.0.1:0', '--max-old-space-size=256'];

interface Death {
  readonly name: string;
  readonly thread: number;
  readonly expression: string;
  /** Until the thread is noticed to be dead, at most. */
  readonly noticedMs: number;
}

const DEATHS: readonly Death[] = [
  {
    name: 'an exception',
    thread: 0,
    expression: 'setImmediate(() => { throw new Error("killed by the acceptance run"); })',
    noticedMs: 0,
  },
  { name: 'an exit', thread: 1, expression: 'setImmediate(() => process.exit(3))', noticedMs: 0 },
  {
    name: 'no memory left',
    thread: 1,
    expression: 'setImmediate(() => { for (const held = [];;) held.push(Array.from({ length: 1e4 }, () => ({}))); })',
    // Until 256 MB are full and the collector has given up; where that takes longer, the thread stands still.
    noticedMs: 6000,
  },
  { name: 'an endless loop', thread: 0, expression: 'setImmediate(() => { for (;;); })', noticedMs: 6000 },
];
/** A new thread is to serve within that. */
const REPLACED_MS = 1000;
/** What a busy machine and our own looking add. */
const SLACK_MS = 1500;

export const killThreads: AcceptanceRun = {
  name: 'kill-threads',
  about: 'a traffic thread that dies under load is replaced within a second, and only its own connections are lost',
  needs: ['nginx'],
  limitSeconds: 180,
  async run(lab) {
    const { weir, startLoad } = await startSteady(lab, 'web', { threads: THREADS, nodeFlags: NODE_FLAGS });
    const inspector = await Inspector.connect(() => weir.process.output);
    lab.own(() => inspector.close());
    const load = startLoad();
    await load.rounds(ROUNDS);
    lab.figures.demand('failures before', load.failures.length, '0', load.failures.length === 0);
    for (const [index, death] of DEATHS.entries()) await die(lab, weir, inspector, load, death, index + 1);
    await load.stop();
    inspector.close();
    // One that stands still is told of twice.
    await weir.demandSoundEnd(lab, DEATHS.length + DEATHS.filter(({ noticedMs }) => noticedMs > 0).length);
  },
};

async function die(
  lab: Lab,
  weir: WeirUnderTest,
  inspector: Inspector,
  load: SteadyLoad,
  { name, thread, expression, noticedMs }: Death,
  nth: number,
): Promise<void> {
  lab.say(`thread ${thread} dies of ${name}`);
  const before = load.failures.length;
  const diedMs = systemClock.monotonicMs();
  await inspector.evaluateIn(`weir-${thread}`, expression);
  const limitMs = noticedMs + REPLACED_MS + SLACK_MS;
  // A thread that does not listen yet is no replacement.
  const replaced = () => weir.hasReplaced(thread, nth);
  await until(`the thread that died of ${name} is replaced`, limitMs + REPLACED_MS, replaced);
  const replacedMs = systemClock.monotonicMs() - diedMs;
  const { figures } = lab;
  figures.demand(`${name}: replaced after`, seconds(replacedMs), `<= ${seconds(limitMs)}`, replacedMs <= limitMs);
  await load.rounds(ROUNDS, true);
  const failures = load.failures.slice(before);
  const lastMs = Math.max(0, ...failures.map(({ atMs }) => atMs - diedMs));
  figures.demand(`${name}: last failure after`, seconds(lastMs), `<= ${seconds(limitMs)}`, lastMs <= limitMs);
  // Every client may lose what it has open, and once more what it opens while the dead thread's queue is still there.
  const most = 2 * CLIENTS_OF_EACH_KIND * KINDS;
  figures.demand(`${name}: failures`, failures.length, `<= ${most} (2 a client)`, failures.length <= most);
  if (failures.length > 0) lab.say(failuresText(failures));
}
