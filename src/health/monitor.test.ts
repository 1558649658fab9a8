import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleLoadBalancer } from '../../test/support/records.ts';
import { FakeClock } from '../kit/clock.ts';
import type { LogFields } from '../kit/log.ts';
import { SeededRandom } from '../kit/random.ts';
import { idOf, type Instance, type LoadBalancer } from '../model/load-balancer.ts';
import { HealthMonitor } from './monitor.ts';
import type { ProbeTarget, Unprobeable } from './probe.ts';

const ID = idOf(sampleLoadBalancer('shop'));

function instance(instanceId: string, over: Partial<Instance> = {}): Instance {
  return { instanceId, host: '10.0.0.1', zone: 'us-east-1a', registeredTimeMs: 1, ...over };
}

function shop(instances: readonly Instance[], check: Partial<LoadBalancer['healthCheck']> = {}): LoadBalancer {
  const healthCheck = {
    target: 'TCP:80',
    interval: 10,
    timeout: 2,
    unhealthyThreshold: 2,
    healthyThreshold: 3,
    ...check,
  };
  return sampleLoadBalancer('shop', { instances, healthCheck });
}

/** A monitor whose instances are up or down as `up` says by real port, with instant probes. */
function harness() {
  const clock = new FakeClock();
  const up = new Map<number, boolean>();
  const probed: (ProbeTarget | Unprobeable)[] = [];
  const changes: string[] = [];
  const unreached: string[] = [];
  const lines: [string, LogFields][] = [];
  const line = (fields: LogFields, message: string): void => void lines.push([message, fields]);
  const monitor = new HealthMonitor({
    clock,
    random: new SeededRandom(1),
    log: { debug: line, info: line, warn: line, error: line },
    onUnreached: (_, instanceId) => unreached.push(instanceId),
    onChange: (_, instanceId, inService) => changes.push(`${instanceId} ${inService ? 'in' : 'out'}`),
    probe: (target, done) => {
      probed.push(target);
      const good = 'port' in target && up.get(target.port) === true;
      const cause = 'problem' in target ? target.problem : good ? 'connected' : 'connection refused';
      const result = {
        good,
        cause,
        elapsedMs: 0,
        inconclusive: false,
        ...('port' in target && !good && { unreached: true }),
      };
      const timer = clock.after(0, () => done(result));
      return () => timer.cancel();
    },
  });
  const addresses = new Map<string, string>();
  const watch = (record: LoadBalancer, knownBefore = false): void =>
    monitor.watch(record, (host) => addresses.get(host) ?? (/^\d/.test(host) ? host : undefined), knownBefore);
  return { clock, up, probed, changes, unreached, lines, monitor, watch, addresses };
}

test('the port of the check means on an instance what its ports say', () => {
  const { clock, probed, watch } = harness();
  const literal = instance('10.0.0.5:9001', { host: '10.0.0.5', port: 9001 });
  const mapped = instance('i-web1', { ports: { 80: 9080 } });
  watch(shop([literal, mapped, instance('10.0.0.6', { host: '10.0.0.6' })]));
  clock.advance(1000);
  const targets = probed.map((target) => 'address' in target && `${target.address}:${target.port}`);
  assert.deepEqual(new Set(targets), new Set(['10.0.0.5:9001', '10.0.0.1:9080', '10.0.0.6:80']));
});

test('an instance goes in and out of service, each change reported and logged once with its cause', () => {
  const { clock, up, changes, lines, monitor, watch } = harness();
  watch(shop([instance('i-1')]));
  assert.equal(monitor.of(ID, 'i-1')?.status, 'registering');
  up.set(80, true);
  clock.advance(1000);
  assert.equal(monitor.inService(ID, 'i-1'), true);
  up.set(80, false);
  clock.advance(40_000);
  assert.equal(monitor.of(ID, 'i-1')?.status, 'failed');
  assert.deepEqual(changes, ['i-1 in', 'i-1 out']);
  assert.deepEqual(lines, [
    ['instance is in service', { loadBalancer: 'shop', instance: 'i-1', cause: 'connected' }],
    ['instance is out of service', { loadBalancer: 'shop', instance: 'i-1', cause: 'connection refused' }],
  ]);
});

test('an instance that never comes into service is logged once', () => {
  const { clock, changes, lines, watch } = harness();
  watch(shop([instance('i-1')]));
  clock.advance(600_000);
  assert.deepEqual(changes, []);
  assert.deepEqual(
    lines.map(([message]) => message),
    ['instance has not come into service: its health checks fail'],
  );
});

test('fault 27: a flapping instance does not flood the log, and what was not logged is counted', () => {
  const { clock, up, changes, lines, watch } = harness();
  watch(shop([instance('i-1')], { interval: 5, healthyThreshold: 2 }));
  for (let flip = 0; flip < 400; flip++) {
    up.set(80, flip % 2 === 0);
    clock.advance(10_000);
  }
  assert.equal(changes.length, 400);
  assert.ok(lines.length <= 5 + 4000 / 60 + 1, `${lines.length} lines in ${4000 / 60} minutes`);
  const notLogged = lines.reduce((sum, [, fields]) => sum + Number(fields['changesNotLogged'] ?? 0), 0);
  assert.ok(lines.length + notLogged > 390);
});

test('health outlives a change of the record, and a changed check is tried at once', () => {
  const { clock, up, probed, changes, monitor, watch } = harness();
  up.set(80, true);
  watch(shop([instance('i-1')]));
  clock.advance(1000);
  watch(shop([instance('i-1')], { healthyThreshold: 9 }));
  assert.equal(probed.length, 1);
  watch(shop([instance('i-1')], { target: 'HTTP:81/up' }));
  clock.advance(0);
  assert.deepEqual(probed[1], { protocol: 'HTTP', port: 81, path: '/up', address: '10.0.0.1', timeoutMs: 2000 });
  assert.equal(monitor.inService(ID, 'i-1'), true);
  assert.deepEqual(changes, ['i-1 in']);
});

test('results count together as long as the same is asked, however often, and not with those of another check', () => {
  for (const [target, change, wanted] of [
    ['TCP:80', { interval: 20, timeout: 3 }, 'failed'],
    ['TCP:80', { target: 'TCP:81' }, 'in-service'],
    ['TCP:80', { target: 'SSL:80' }, 'in-service'],
    ['HTTP:80/a', { target: 'HTTP:80/b' }, 'in-service'],
  ] as const) {
    const { clock, up, monitor, watch } = harness();
    up.set(80, true);
    watch(shop([instance('i-1')], { target }));
    clock.advance(1000);
    up.clear();
    clock.advance(10_000);
    assert.equal(monitor.of(ID, 'i-1')?.failures, 1);
    watch(shop([instance('i-1')], { target, ...change }));
    clock.advance(0);
    assert.equal(monitor.of(ID, 'i-1')?.status, wanted, JSON.stringify(change));
  }
});

test('a check that has come to no connection is told of, and no other', () => {
  const { clock, up, unreached, watch } = harness();
  up.set(80, true);
  watch(shop([instance('i-1'), instance('i-2', { port: 81 }), instance('db.example', { host: 'db.example' })]));
  clock.advance(1000);
  assert.deepEqual(unreached, ['i-2']);
});

test('an instance that is deregistered is probed no more, and the others are', () => {
  const { clock, up, probed, changes, watch } = harness();
  up.set(80, true);
  watch(shop([instance('i-1'), instance('i-2', { port: 81 })]));
  clock.advance(1000);
  watch(shop([instance('i-1')]));
  probed.length = 0;
  up.set(81, true);
  clock.advance(60_000);
  assert.ok(probed.length > 0 && probed.every((target) => 'port' in target && target.port === 80));
  assert.deepEqual(changes, ['i-1 in']);
});

test('an instance that was registered again starts anew', () => {
  const { clock, up, monitor, watch } = harness();
  up.set(80, true);
  watch(shop([instance('i-1')]));
  clock.advance(1000);
  up.set(80, false);
  watch(shop([instance('i-1', { registeredTimeMs: 2 })]));
  assert.equal(monitor.of(ID, 'i-1')?.status, 'registering');
  clock.advance(1000);
  assert.equal(monitor.of(ID, 'i-1')?.failures, 1);
  watch(shop([]));
  assert.equal(monitor.of(ID, 'i-1'), undefined);
  watch(shop([instance('i-1', { registeredTimeMs: 2 })]));
  assert.equal(monitor.of(ID, 'i-1')?.failures, 0);
});

test('an instance known before the start is unknown until its first result', () => {
  const { clock, up, monitor, watch } = harness();
  up.set(80, true);
  watch(shop([instance('i-1')]), true);
  assert.equal(monitor.of(ID, 'i-1')?.status, 'unknown');
  clock.advance(1000);
  assert.equal(monitor.of(ID, 'i-1')?.status, 'in-service');
});

test('a name without an address fails its checks until it has one', () => {
  const { clock, up, monitor, watch, addresses } = harness();
  up.set(80, true);
  const record = shop([instance('db.example', { host: 'db.example' })]);
  watch(record);
  clock.advance(1000);
  addresses.set('db.example', '10.0.0.8');
  up.set(80, false);
  watch(record);
  clock.advance(10);
  assert.equal(monitor.of(ID, 'db.example')?.failures, 1, 'what has no address is not what has one');
  addresses.delete('db.example');
  up.set(80, true);
  watch(record);
  clock.advance(30_000);
  assert.equal(monitor.of(ID, 'db.example')?.status, 'failed');
  assert.equal(monitor.of(ID, 'db.example')?.results.at(-1)?.cause, 'no address for db.example');
  addresses.set('db.example', '10.0.0.9');
  watch(record);
  clock.advance(10);
  assert.equal(monitor.inService(ID, 'db.example'), true);
});

test('what would be a check of the API of weir, or traffic to it, is not made, and fails', () => {
  for (const [target, port] of [
    ['TCP:7600', 7600],
    ['TCP:80', 80],
  ] as const) {
    const { clock, up, probed, monitor } = harness();
    up.set(80, true).set(7600, true);
    monitor.watch(shop([instance('i-1')], { target }), (host, asked) => (asked === port ? undefined : host), false);
    clock.advance(1000);
    assert.deepEqual(probed, [{ problem: `port ${port} of 10.0.0.1 is the API of weir` }]);
    assert.equal(monitor.inService(ID, 'i-1'), false);
  }
});

test('nothing of a load balancer that is gone is probed or reported', () => {
  const { clock, up, probed, changes, monitor, watch } = harness();
  up.set(80, true);
  watch(shop([instance('i-1'), instance('i-2')]));
  monitor.forget(ID);
  assert.equal(monitor.of(ID, 'i-1'), undefined);
  clock.advance(60_000);
  assert.equal(probed.length, 0);
  assert.deepEqual(changes, []);
  assert.equal(monitor.probesInFlight, 0);
});
