import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../kit/clock.ts';
import type { LogFields } from '../kit/log.ts';
import { ChangeLog } from './change-log.ts';
import { initialHealth, type Health, type HealthStatus } from './threshold-counter.ts';

const MINUTE = 60_000;

/** An instance that flaps, and the lines about it. */
function harness() {
  const clock = new FakeClock();
  const lines: [string, LogFields][] = [];
  const line = (fields: LogFields, message: string): void => void lines.push([message, fields]);
  const changes = new ChangeLog(
    clock,
    { debug: line, info: line, warn: line, error: line },
    {
      loadBalancer: 'shop',
      instance: 'i-1',
    },
  );
  const health = (status: HealthStatus): Health => ({ ...initialHealth(false), status, everPassed: true });
  let inService = false;
  const flap = (times: number, everyMs = 0): void => {
    for (let i = 0; i < times; i++) {
      clock.advance(everyMs);
      const [before, after] = [inService, (inService = !inService)];
      changes.record(health(before ? 'in-service' : 'failed'), health(after ? 'in-service' : 'failed'));
    }
  };
  return { clock, lines, changes, health, flap };
}

test('an instance has five lines at first, then one a minute, and five again after any time of quiet', () => {
  const { clock, lines, flap } = harness();
  flap(20);
  assert.equal(lines.length, 5);
  clock.advance(600 * MINUTE);
  flap(20);
  assert.equal(lines.length, 10);
  lines.length = 0;
  flap(60, MINUTE - 1000);
  assert.equal(lines.length, 59, 'of 60 changes within 59 minutes');
});

test('a line says how many changes had none, each once', () => {
  const { lines, flap } = harness();
  flap(300, 10_000);
  const notLogged = lines.map(([, { changesNotLogged = 0 }]) => Number(changesNotLogged));
  const since = 300 - notLogged.reduce((sum, count) => sum + count, lines.length);
  assert.ok(since >= 0 && since < 6, `${since} changes are told by no line`);
});

test('that an instance has not come into service is said of none that had', () => {
  const { lines, changes, health } = harness();
  changes.record(health('not-passed'), health('failed'));
  assert.equal(lines.length, 0);
  changes.record(initialHealth(false), { ...initialHealth(false), status: 'failed' });
  assert.deepEqual(
    lines.map(([message]) => message),
    ['instance has not come into service: its health checks fail'],
  );
});
