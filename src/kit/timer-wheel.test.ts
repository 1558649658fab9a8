import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from './clock.ts';
import { TICK_MS, TimerWheel, WheelEntry } from './timer-wheel.ts';

/** One turn of the wheel: 512 ticks. */
const TURN_MS = 512 * TICK_MS;
/** How much later than asked for a timeout may come. */
const COARSENESS_MS = 2 * TICK_MS;

class Probe {
  readonly entry = new WheelEntry(this);
  readonly firedAtMs: number[] = [];
  readonly #clock: FakeClock;
  readonly #then: (() => void) | undefined;

  constructor(clock: FakeClock, then?: () => void) {
    this.#clock = clock;
    this.#then = then;
  }

  onTimeout(): void {
    this.firedAtMs.push(this.#clock.monotonicMs());
    this.#then?.();
  }
}

function assertOnTime(firedAtMs: number | undefined, dueMs: number): void {
  assert.ok(firedAtMs !== undefined, `never fired, due at ${dueMs}`);
  assert.ok(firedAtMs >= dueMs, `fired at ${firedAtMs}, before ${dueMs}`);
  assert.ok(firedAtMs <= dueMs + COARSENESS_MS, `fired at ${firedAtMs}, long after ${dueMs}`);
}

test('a timeout never comes early, whenever between two ticks it was asked for, and at most two ticks late', () => {
  for (let offsetMs = 0; offsetMs < 2 * TICK_MS; offsetMs += 7) {
    for (const delayMs of [0, 1, 49, 50, 51, 1000, TURN_MS - 1, TURN_MS, TURN_MS + 1, 4_000_000]) {
      const clock = new FakeClock();
      const wheel = new TimerWheel(clock);
      clock.advance(offsetMs);
      const probe = new Probe(clock);
      wheel.arm(probe.entry, delayMs);
      clock.advance(delayMs + COARSENESS_MS);
      assert.equal(probe.firedAtMs.length, 1, `${delayMs} after ${offsetMs}`);
      assertOnTime(probe.firedAtMs[0], offsetMs + delayMs);
      clock.advance(2 * TURN_MS);
      assert.equal(probe.firedAtMs.length, 1, 'once');
    }
  }
});

test('arming again moves the timeout, later or earlier', () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  const later = new Probe(clock);
  const earlier = new Probe(clock);
  wheel.arm(later.entry, 1000);
  wheel.arm(earlier.entry, 60_000);
  clock.advance(900);
  wheel.arm(later.entry, 1000);
  wheel.arm(earlier.entry, 200);
  clock.advance(70_000);
  assert.equal(later.firedAtMs.length, 1);
  assert.equal(earlier.firedAtMs.length, 1);
  assertOnTime(later.firedAtMs[0], 1900);
  assertOnTime(earlier.firedAtMs[0], 1100);
});

test('a disarmed or removed entry does not fire, and can be armed again', () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  const disarmed = new Probe(clock);
  const removed = new Probe(clock);
  wheel.arm(disarmed.entry, 100);
  wheel.arm(removed.entry, 100);
  wheel.disarm(disarmed.entry);
  wheel.remove(removed.entry);
  wheel.remove(removed.entry);
  clock.advance(1000);
  assert.deepEqual([disarmed.firedAtMs, removed.firedAtMs], [[], []]);
  wheel.arm(disarmed.entry, 100);
  wheel.arm(removed.entry, 100);
  clock.advance(1000);
  assertOnTime(disarmed.firedAtMs[0], 1100);
  assertOnTime(removed.firedAtMs[0], 1100);
});

test('a timeout may arm itself and remove others that are due in the same tick', () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  const again: Probe = new Probe(clock, () => wheel.arm(again.entry, 300));
  const one: Probe = new Probe(clock, () => wheel.remove(other.entry));
  const other: Probe = new Probe(clock, () => wheel.remove(one.entry));
  wheel.arm(again.entry, 300);
  wheel.arm(one.entry, 100);
  wheel.arm(other.entry, 100);
  clock.advance(2000);
  assert.equal(one.firedAtMs.length + other.firedAtMs.length, 1, 'whichever came first took the other out');
  assert.ok(again.firedAtMs.length >= 5);
  for (let i = 1; i < again.firedAtMs.length; i++) assertOnTime(again.firedAtMs[i], again.firedAtMs[i - 1]! + 300);
});

test('what one owner throws is reported and costs the others nothing', () => {
  const clock = new FakeClock();
  const failures: unknown[] = [];
  const wheel = new TimerWheel(clock, undefined, (error) => failures.push(error));
  const defect = new Error('a defect');
  const probes = [1, 2, 3].map(
    (number) =>
      new Probe(clock, () => {
        if (number === 2) throw defect;
      }),
  );
  for (const { entry } of probes) wheel.arm(entry, 100);
  clock.advance(300);
  for (const { firedAtMs } of probes) assert.equal(firedAtMs.length, 1);
  assert.deepEqual(failures, [defect]);
});

test('it says after each turn how late it came', () => {
  const clock = new FakeClock();
  const late: number[] = [];
  const wheel = new TimerWheel(clock, (lateMs) => late.push(lateMs));
  clock.advance(3 * TICK_MS);
  wheel.stop();
  clock.advance(3 * TICK_MS);
  assert.deepEqual(late, [0, 0, 0]);
});

type Step = { readonly at: number; readonly entry: number; readonly delayMs: number | 'disarm' | 'remove' };

test('whatever is armed, moved, disarmed and removed in whatever order fires once, when due', () => {
  const step = fc.record({
    at: fc.nat(5000),
    entry: fc.nat(5),
    delayMs: fc.oneof(fc.nat(200), fc.nat(60_000), fc.constantFrom('disarm' as const, 'remove' as const)),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), checkSteps));
});

function checkSteps(steps: readonly Step[]): void {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  const probes = Array.from({ length: 6 }, () => new Probe(clock));
  const dueMs = probes.map(() => Infinity);
  const checkFired = (): void => {
    for (const [index, { firedAtMs }] of probes.entries()) {
      const due = dueMs[index]!;
      if (firedAtMs.length === 0) {
        assert.ok(clock.monotonicMs() <= due + COARSENESS_MS, `due at ${due}, it is ${clock.monotonicMs()}`);
        continue;
      }
      assert.equal(firedAtMs.length, 1);
      assertOnTime(firedAtMs.pop(), due);
      dueMs[index] = Infinity;
    }
  };
  for (const { at, entry, delayMs } of steps) {
    clock.advance(at);
    checkFired();
    dueMs[entry] = typeof delayMs === 'number' ? clock.monotonicMs() + delayMs : Infinity;
    if (delayMs === 'disarm') wheel.disarm(probes[entry]!.entry);
    else if (delayMs === 'remove') wheel.remove(probes[entry]!.entry);
    else wheel.arm(probes[entry]!.entry, delayMs);
  }
  clock.advance(70_000);
  checkFired();
}

test('shifting moves the timeout of what is armed, into the past too, and arms nothing', () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  const [later, earlier, past, unarmed] = Array.from({ length: 4 }, () => new Probe(clock)) as [
    Probe,
    Probe,
    Probe,
    Probe,
  ];
  for (const { entry } of [later, earlier, past]) wheel.arm(entry, 60_000);
  clock.advance(10_000);
  wheel.shift(later.entry, 30_000);
  wheel.shift(earlier.entry, -30_000);
  wheel.shift(past.entry, -55_000);
  wheel.shift(unarmed.entry, -55_000);
  clock.advance(2 * TURN_MS + 60_000);
  assertOnTime(later.firedAtMs[0], 90_000);
  assertOnTime(earlier.firedAtMs[0], 30_000);
  assertOnTime(past.firedAtMs[0], 10_000);
  for (const { firedAtMs } of [later, earlier, past]) assert.equal(firedAtMs.length, 1);
  assert.deepEqual(unarmed.firedAtMs, []);
});
