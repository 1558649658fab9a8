import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeThreads, type FakeThread } from '../../test/support/fake-threads.ts';
import { settled } from '../../test/support/settled.ts';
import { FakeClock } from '../kit/clock.ts';
import { TargetTable } from '../traffic/target-table.ts';
import { Supervisor } from './supervisor.ts';
import { Waiters } from './waiters.ts';

/** Can stand still with the whole process: time passes, and no timer fires. */
class StallingClock extends FakeClock {
  stalledMs = 0;
  override monotonicMs(): number {
    return super.monotonicMs() + this.stalledMs;
  }
}

async function harness(threads = 2) {
  const clock = new StallingClock();
  const fakes = new FakeThreads();
  const table = new TargetTable(threads);
  const deaths: number[] = [];
  const lines: string[] = [];
  const line = (_: unknown, message: string): void => void lines.push(message);
  const supervisor = new Supervisor({
    clock,
    log: { debug: line, info: line, warn: line, error: line },
    threads,
    transport: 'auto',
    start: fakes.start,
    table,
    waiters: new Waiters(clock),
    snapshot: () => ({ revision: 7, upserts: [], removals: [] }),
    onProgress: () => undefined,
    onReport: () => undefined,
    onDeath: (thread) => deaths.push(thread),
  });
  supervisor.start();
  await settled();
  /** Lets time pass in which the given threads live. */
  const pass = async (ms: number, beating: () => readonly FakeThread[] = () => fakes.live): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 100) {
      for (const thread of beating()) thread.beat();
      clock.advance(Math.min(100, ms - passed));
      await settled();
    }
  };
  const apply = (): number => supervisor.apply({ revision: 8, upserts: [], removals: [] });
  return { clock, fakes, table, deaths, lines, supervisor, pass, apply };
}

test('a thread starts with everything, and with every page of the target table', async () => {
  const { fakes, table, supervisor, apply } = await harness(1);
  assert.equal(fakes.live[0]!.revision, 7);
  table.add();
  fakes.automatic = false;
  apply();
  table.add();
  apply();
  apply();
  const pages = fakes.live[0]!.inbox.map((message) => message.type === 'apply' && message.targetPages.length);
  assert.deepEqual(pages, [1, 1, 0]);
  fakes.live[0]!.die();
  await settled();
  assert.deepEqual(supervisor.status[0], { thread: 0, live: false, restarts: 1, revision: 0 });
});

test('a thread that was replaced serves no revision before it has applied one itself', async () => {
  const { clock, fakes, supervisor } = await harness(1);
  const served = () => supervisor.status.map(({ live, revision }) => ({ live, revision }));
  assert.deepEqual(served(), [{ live: true, revision: 7 }]);
  fakes.automatic = false;
  fakes.live[0]!.die();
  clock.advance(0);
  await settled();
  assert.deepEqual(served(), [{ live: true, revision: 0 }]);
  fakes.live[0]!.work();
  assert.deepEqual(served(), [{ live: true, revision: 7 }]);
});

test('a message is served when the last thread has answered it', async () => {
  const { fakes, supervisor, apply } = await harness();
  fakes.automatic = false;
  const [first, second] = [apply(), apply()];
  fakes.live[0]!.work();
  fakes.live[1]!.workOnce();
  assert.equal(supervisor.served(first), true);
  assert.equal(supervisor.served(second), false);
  fakes.live[1]!.work();
  assert.equal(supervisor.served(second), true);
});

test('a dead thread is replaced at once, its counts are taken back before, and the others are left alone', async () => {
  const { clock, fakes, deaths, lines, supervisor } = await harness();
  fakes.live[1]!.die('out of memory');
  assert.deepEqual(deaths, [1]);
  clock.advance(0);
  await settled();
  assert.deepEqual(
    fakes.live.map((thread) => thread.settings.thread),
    [0, 1],
  );
  assert.equal(fakes.started.length, 3);
  assert.equal(supervisor.served(supervisor.sequence), true);
  assert.deepEqual(lines, ['traffic thread died; its connections are lost, a new one takes its place']);
});

test('a thread that dies again and again is replaced within 200 ms where it has served, at once when it had settled', async () => {
  const { clock, fakes, pass } = await harness(1);
  const pauses = await pausesOf(9, clock, fakes);
  assert.deepEqual(pauses, [0, 100, 200, 200, 200, 200, 200, 200, 200]);
  await pass(10_000);
  fakes.live[0]!.die();
  clock.advance(0);
  assert.equal(fakes.live.length, 1);
});

test('a thread that dies before it has served is replaced after pauses that double to 5 s', async () => {
  const { clock, fakes } = await harness(1);
  fakes.automatic = false;
  // The first one has served.
  assert.deepEqual(await pausesOf(9, clock, fakes), [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
});

/** How long it took until there was a thread again, death by death. */
async function pausesOf(deaths: number, clock: FakeClock, fakes: FakeThreads): Promise<number[]> {
  const pauses: number[] = [];
  const dieAndWait = async (): Promise<void> => {
    fakes.live[0]!.die();
    const diedMs = clock.monotonicMs();
    while (fakes.live.length === 0) {
      clock.advance(fakes.started.length === 1 ? 0 : 10);
      await settled();
      if (clock.monotonicMs() === diedMs && fakes.live.length === 0) clock.advance(10);
    }
    pauses.push(clock.monotonicMs() - diedMs);
  };
  for (let death = 0; death < deaths; death++) await dieAndWait();
  return pauses;
}

test('a thread that stands still for 5 s is ended and replaced, one that beats is not', async () => {
  const { fakes, lines, pass } = await harness();
  const [beating, still] = fakes.live as [FakeThread, FakeThread];
  await pass(4400, () => [beating]);
  assert.equal(still.terminated, false);
  await pass(1200, () => [beating]);
  assert.equal(still.terminated, true);
  assert.equal(beating.terminated, false);
  assert.equal(fakes.live.length, 2);
  assert.match(lines[0]!, /its event loop stands still for 5 s/);
});

test('a process that stood still as a whole ends no thread', async () => {
  const { clock, fakes, pass } = await harness();
  // A stopped process that goes on finds its timers due once, whatever the clock says by then.
  clock.advance(400);
  clock.stalledMs = 3_600_000;
  clock.advance(600);
  await pass(10_000);
  assert.deepEqual(
    fakes.started.map((thread) => thread.terminated),
    [false, false],
  );
});

test('stop waits for threads to drain, then ends them', async () => {
  const { fakes, supervisor } = await harness();
  let stopped = false;
  const stopping = supervisor.stop(30_000).then(() => (stopped = true));
  await settled();
  assert.deepEqual(
    fakes.live.map((thread) => thread.stopTimeoutMs),
    [30_000, 30_000],
  );
  fakes.live[0]!.say({ type: 'stopped' });
  await settled();
  assert.equal(stopped, false);
  fakes.live[1]!.say({ type: 'stopped' });
  await stopping;
  assert.deepEqual(fakes.live, []);
  assert.equal(fakes.started.length, 2, 'no thread is replaced while stopping');
});

test('stop ends threads that do not come to an end shortly after the deadline', async () => {
  const { clock, fakes, supervisor } = await harness();
  const stopping = supervisor.stop(30_000);
  fakes.live[0]!.die();
  clock.advance(30_900);
  await settled();
  assert.equal(fakes.live.length, 1);
  clock.advance(100);
  await stopping;
  assert.deepEqual(fakes.live, []);
});

test('lines and failures of threads are passed on, failures once', async () => {
  const { fakes, lines, supervisor, apply } = await harness();
  const failure = { address: '127.0.0.1', port: 80, message: 'taken' };
  for (const thread of fakes.live) thread.failures = [failure];
  apply();
  await settled();
  assert.deepEqual(supervisor.failures, [failure]);
  fakes.live[0]!.say({ type: 'log', level: 'warn', message: 'plain data events are used' });
  assert.deepEqual(lines, ['plain data events are used']);
});

test('a thread that is not ready after 30 s is ended and replaced; the 5 s of one that is begin with that', async () => {
  const { clock, fakes, lines, pass } = await harness(1);
  fakes.areReady = false;
  fakes.live[0]!.die();
  clock.advance(0);
  await settled();
  const nobody = () => [];
  const first = fakes.live[0]!;
  await pass(29_400, nobody);
  assert.equal(first.terminated, false);
  await pass(1200, nobody);
  assert.equal(first.terminated, true);
  assert.ok(lines.includes('traffic thread is ended: it has not started for 30 s'));
  const second = fakes.live[0]!;
  await pass(20_000, nobody);
  second.say({ type: 'ready' });
  await pass(4400, nobody);
  assert.equal(second.terminated, false);
  await pass(1200, nobody);
  assert.equal(second.terminated, true);
});

test('a thread that takes its time to end is told of once', async () => {
  const { fakes, lines, pass } = await harness(1);
  fakes.endAtOnce = false;
  await pass(10_000, () => []);
  assert.deepEqual(lines, ['traffic thread is ended: its event loop stands still for 5 s']);
});

test('a thread that is late now and then lives', async () => {
  const { fakes, pass } = await harness(1);
  const [thread] = fakes.live as [FakeThread];
  for (let round = 0; round < 10; round++) {
    await pass(4000, () => []);
    await pass(500);
  }
  assert.equal(thread.terminated, false);
});

test('a thread whose successor waits for its turn has none when weir stops', async () => {
  const { clock, fakes, supervisor } = await harness(1);
  for (let death = 0; death < 3; death++) {
    fakes.live[0]!.die();
    clock.advance(death < 2 ? 200 : 0);
    await settled();
  }
  assert.deepEqual([fakes.live.length, fakes.started.length], [0, 3]);
  const stopping = supervisor.stop(1000);
  clock.advance(10_000);
  await stopping;
  assert.equal(fakes.started.length, 3);
});
