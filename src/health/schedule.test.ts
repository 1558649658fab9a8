import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../kit/clock.ts';
import { SeededRandom } from '../kit/random.ts';
import type { ProbeTarget } from './probe.ts';
import { ProbeSchedule } from './schedule.ts';
import type { ProbeResult } from './threshold-counter.ts';

const GOOD: ProbeResult = { good: true, cause: 'connected', elapsedMs: 1, inconclusive: false };

interface Started {
  readonly port: number;
  readonly atMs: number;
  /** Reports a good result. */
  finish(): void;
  abandoned: boolean;
}

/** A schedule whose probes last until they are told, or `durationMs`. */
function harness(options: { maxInFlight?: number; durationMs?: number } = {}) {
  const clock = new FakeClock();
  const started: Started[] = [];
  const results: string[] = [];
  const schedule = new ProbeSchedule({
    clock,
    random: new SeededRandom(7),
    maxInFlight: options.maxInFlight ?? 1000,
    onResult: (key) => results.push(key),
    probe: (target, done) => {
      const finish = () => done(GOOD);
      const probe = { port: (target as ProbeTarget).port, atMs: clock.monotonicMs(), finish, abandoned: false };
      started.push(probe);
      const timer = options.durationMs === undefined ? undefined : clock.after(options.durationMs, finish);
      return () => {
        probe.abandoned = true;
        timer?.cancel();
      };
    },
  });
  const set = (key: string, port: number, intervalMs = 5000) => {
    const target = { protocol: 'TCP', address: '127.0.0.1', port, path: '', timeoutMs: 2000 } as const;
    schedule.set(key, { target, intervalMs });
  };
  return { clock, started, results, schedule, set };
}

test('a new target is probed at once, then every interval whatever a probe took', () => {
  const { clock, started, results, set } = harness({ durationMs: 1900 });
  set('a', 1);
  clock.advance(20_000);
  assert.deepEqual(
    started.map((probe) => probe.atMs),
    [0, 5000, 10_000, 15_000, 20_000],
  );
  assert.equal(results.length, 4);
});

test('a target that is added while others run is probed within a second', () => {
  const { clock, started, set } = harness({ durationMs: 1 });
  for (let port = 1; port <= 50; port++) set(`old ${port}`, port);
  clock.advance(10_000);
  const before = started.length;
  set('new', 99);
  clock.advance(1000);
  assert.equal(started.slice(before).filter((probe) => probe.port === 99).length, 1);
});

test('a changed target is probed at once, and the old probe reports nothing', () => {
  const { clock, started, results, set } = harness();
  set('a', 1);
  clock.advance(0);
  set('a', 2);
  clock.advance(1);
  assert.deepEqual(
    started.map((probe) => [probe.port, probe.abandoned]),
    [
      [1, true],
      [2, false],
    ],
  );
  started[1]!.finish();
  assert.deepEqual(results, ['a']);
  clock.advance(5050);
  assert.equal(started.length, 3);
});

test('a removed target is probed no more, and a probe under way ends without a result', () => {
  const { clock, started, results, schedule, set } = harness();
  set('a', 1);
  clock.advance(0);
  schedule.delete('a');
  schedule.delete('a');
  clock.advance(60_000);
  assert.equal(started.length, 1);
  assert.equal(started[0]!.abandoned, true);
  assert.equal(schedule.inFlight, 0);
  assert.deepEqual(results, []);
});

test('a thousand targets added together are not probed together, neither at first nor later', () => {
  const { clock, started, set } = harness({ durationMs: 1 });
  for (let port = 1; port <= 1000; port++) set(`i-${port}`, port);
  clock.advance(60_000);
  const busiest = (fromMs: number, toMs: number): number => {
    const perTenth = new Map<number, number>();
    for (const { atMs } of started) {
      const tenth = Math.floor(atMs / 100);
      if (atMs >= fromMs && atMs < toMs) perTenth.set(tenth, (perTenth.get(tenth) ?? 0) + 1);
    }
    return Math.max(...perTenth.values());
  };
  // 1,000 in the first second, then 1,000 in every 5 s: an even spread has 20 in a tenth of a second.
  assert.ok(busiest(0, 2000) <= 110, `${busiest(0, 2000)} first probes in a tenth of a second`);
  assert.ok(busiest(10_000, 60_000) < 80, `${busiest(10_000, 60_000)} later probes in a tenth of a second`);
  for (let port = 1; port <= 1000; port += 111) {
    const times = started.filter((probe) => probe.port === port).map((probe) => probe.atMs);
    assert.ok(times[0]! <= 1000);
    assert.ok(times[1]! - times[0]! <= 5000);
    for (let i = 2; i < times.length; i++) assert.equal(times[i]! - times[i - 1]!, 5000);
  }
});

test('later probes start a few at once, so that the process wakes up 20 times a second and not for each', () => {
  const { clock, started, set } = harness({ durationMs: 1 });
  for (let port = 1; port <= 1000; port++) set(`i-${port}`, port);
  clock.advance(60_000);
  const later = started.map(({ atMs }) => atMs).filter((atMs) => atMs >= 10_000 && atMs < 60_000);
  assert.equal(later.length, 10_000);
  assert.ok(new Set(later).size <= 50 * 20);
});

test('no more probes are under way than allowed; the others follow as soon as one ends, first come first served', () => {
  const { clock, started, schedule, set } = harness({ maxInFlight: 2 });
  for (let port = 1; port <= 4; port++) set(`i-${port}`, port);
  clock.advance(1000);
  assert.equal(started.length, 2);
  assert.equal(schedule.inFlight, 2);
  started[0]!.finish();
  assert.equal(started.length, 3);
  schedule.delete(`i-${started[1]!.port}`);
  assert.equal(started.length, 4);
  assert.deepEqual(new Set(started.map((probe) => probe.port)), new Set([1, 2, 3, 4]));
  // Due again while it is still under way: one probe at a time.
  clock.advance(60_000);
  assert.equal(started.length, 4);
});

test('a probe that takes longer than its interval is the only one until it ends', () => {
  const { clock, started, results, schedule, set } = harness();
  set('a', 1);
  clock.advance(20_000);
  assert.equal(started.length, 1);
  assert.equal(schedule.inFlight, 1);
  started[0]!.finish();
  clock.advance(5050);
  assert.equal(started.length, 2);
  assert.deepEqual(results, ['a']);
});

test('a target that is removed while it waits for its first probe gets none', () => {
  const { clock, started, schedule, set } = harness({ maxInFlight: 1 });
  for (let port = 1; port <= 3; port++) set(`i-${port}`, port);
  clock.advance(100);
  schedule.delete('i-2');
  started[0]!.finish();
  assert.deepEqual(
    started.map(({ port }) => port),
    [1, 3],
  );
});

test('missed probes are not made up for after the process stood still', () => {
  class StalledClock extends FakeClock {
    stalledMs = 0;
    override monotonicMs(): number {
      return super.monotonicMs() + this.stalledMs;
    }
  }
  const clock = new StalledClock();
  const times: number[] = [];
  const schedule = new ProbeSchedule({
    clock,
    random: new SeededRandom(1),
    maxInFlight: 1,
    onResult: () => undefined,
    probe: (_, done) => {
      times.push(clock.monotonicMs());
      const timer = clock.after(0, () => done(GOOD));
      return () => timer.cancel();
    },
  });
  const target = { protocol: 'TCP', address: '127.0.0.1', port: 1, path: '', timeoutMs: 2000 } as const;
  schedule.set('a', { target, intervalMs: 5000 });
  clock.advance(0);
  clock.stalledMs = 3_600_000;
  clock.advance(15_000);
  assert.deepEqual(times, [0, 3_605_000, 3_610_000, 3_615_000]);
});

test('a stopped schedule does nothing any more', () => {
  const { clock, started, results, schedule, set } = harness({ maxInFlight: 1 });
  set('a', 1);
  set('b', 2);
  clock.advance(100);
  schedule.stop();
  clock.advance(60_000);
  assert.equal(started.length, 1);
  assert.equal(started[0]!.abandoned, true);
  assert.deepEqual(results, []);
});
