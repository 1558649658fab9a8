import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HEALTH_CHECK } from '../model/limits.ts';
import {
  describeHealth,
  initialHealth,
  observe,
  restartCounts,
  type Health,
  type KeptResult,
} from './threshold-counter.ts';

const THRESHOLDS = { healthyThreshold: 3, unhealthyThreshold: 2 };

function result(good: boolean, over: Partial<KeptResult> = {}): KeptResult {
  return { good, cause: good ? 'connected' : 'timeout', elapsedMs: 1, inconclusive: false, timeMs: 0, ...over };
}

/** The health after results written as `+` and `-`. */
function after(health: Health, results: string): Health {
  return results.split('').reduce((before, sign) => observe(before, result(sign === '+'), THRESHOLDS), health);
}

function status(results: string, knownBefore = false): string {
  return after(initialHealth(knownBefore), results).status;
}

test('a newly registered instance comes into service with its first good check', () => {
  assert.equal(status(''), 'registering');
  assert.equal(status('+'), 'in-service');
  assert.equal(status('-'), 'registering');
  assert.equal(status('-+'), 'in-service');
  assert.equal(status('---+'), 'in-service');
});

test('a newly registered instance that fails UnhealthyThreshold checks is called failed', () => {
  assert.equal(status('--'), 'failed');
  assert.equal(status('-----'), 'failed');
});

test('an instance leaves service after UnhealthyThreshold consecutive bad checks, not before', () => {
  assert.equal(status('+-'), 'in-service');
  assert.equal(status('+-+-+-'), 'in-service');
  assert.equal(status('+--'), 'failed');
});

test('an instance that left service comes back after HealthyThreshold consecutive good checks, not before', () => {
  assert.equal(status('+--+'), 'not-passed');
  assert.equal(status('+--++'), 'not-passed');
  assert.equal(status('+--++-'), 'not-passed');
  assert.equal(status('+--++-++'), 'not-passed');
  assert.equal(status('+--++--'), 'failed');
  assert.equal(status('+--+++'), 'in-service');
});

test('an instance known before a restart is unknown until its first result', () => {
  assert.equal(status('', true), 'unknown');
  assert.equal(status('+', true), 'in-service');
  assert.equal(status('-', true), 'not-passed');
  assert.equal(status('--', true), 'failed');
  assert.equal(status('--+', true), 'in-service');
});

test('a probe that failed on our side is kept and held against nobody', () => {
  const before = after(initialHealth(false), '+-');
  const health = observe(before, result(false, { inconclusive: true, cause: 'no descriptor' }), THRESHOLDS);
  assert.equal(health.status, 'in-service');
  assert.equal(health.failures, 1);
  assert.equal(health.results.at(-1)?.cause, 'no descriptor');
});

test('results of a check that was changed do not count with those of the new one', () => {
  const failing = restartCounts(after(initialHealth(false), '+-'));
  assert.equal(after(failing, '-').status, 'in-service');
  assert.equal(after(failing, '--').status, 'failed');
  const { passes } = restartCounts(after(initialHealth(false), '+--++'));
  assert.equal(passes, 0);
});

test('fault 27: for any results: flips need their thresholds, and the last ten are kept', () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { maxLength: 40 }),
      fc.record({
        healthyThreshold: fc.integer({ min: 2, max: 10 }),
        unhealthyThreshold: fc.integer({ min: 2, max: 10 }),
      }),
      fc.boolean(),
      (goods, thresholds, knownBefore) => {
        let health = initialHealth(knownBefore);
        goods.forEach((good, index) => {
          const before = health;
          health = observe(before, result(good), thresholds);
          const seen = goods.slice(0, index + 1);
          const run = seen.length - 1 - seen.lastIndexOf(!good);
          const wasIn = before.status === 'in-service';
          const isIn = health.status === 'in-service';
          const firstGood = good && !goods.slice(0, index).includes(true);
          const wentIn = good && (firstGood || run >= thresholds.healthyThreshold);
          assert.equal(isIn, wasIn ? good || run < thresholds.unhealthyThreshold : wentIn);
          assert.equal(health.status === 'failed', !good && run >= thresholds.unhealthyThreshold);
          assert.notEqual(health.status, 'unknown');
          assert.deepEqual(
            health.results.map((kept) => kept.good),
            seen.slice(-HEALTH_CHECK.keptResults),
          );
        });
      },
    ),
  );
});

test('each status has the state, reason code and description of DescribeInstanceHealth', () => {
  assert.deepEqual(describeHealth('in-service'), { state: 'InService', reasonCode: 'N/A', description: 'N/A' });
  assert.deepEqual(describeHealth('registering'), {
    state: 'OutOfService',
    reasonCode: 'ELB',
    description: 'Instance registration is still in progress.',
  });
  assert.deepEqual(describeHealth('failed'), {
    state: 'OutOfService',
    reasonCode: 'Instance',
    description: 'Instance has failed at least the UnhealthyThreshold number of health checks consecutively.',
  });
  assert.deepEqual(describeHealth('not-passed'), {
    state: 'OutOfService',
    reasonCode: 'Instance',
    description: 'Instance has not passed the configured HealthyThreshold number of health checks consecutively.',
  });
  assert.deepEqual(describeHealth('unknown'), {
    state: 'Unknown',
    reasonCode: 'ELB',
    description: 'A transient error occurred. Please try again later.',
  });
});
