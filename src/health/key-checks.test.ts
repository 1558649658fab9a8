import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleLoadBalancer } from '../../test/support/records.ts';
import { FakeClock } from '../kit/clock.ts';
import type { LogFields } from '../kit/log.ts';
import { SeededRandom } from '../kit/random.ts';
import { idOf, type LoadBalancer, type Protocol } from '../model/load-balancer.ts';
import { withKeyChecks } from './key-checks.ts';
import { HealthMonitor } from './monitor.ts';
import type { KeyCheck, Probe, ProbeTarget } from './probe.ts';
import { effectiveStatus, type ProbeResult } from './threshold-counter.ts';

const ID = idOf(sampleLoadBalancer('shop'));
const RIGHT = 'cmlnaHQ=';
const OTHER = 'b3RoZXI=';

/** An instance that passes its checks and shows `key` at each port; what was asked of it is kept. */
function fakeInstance(clock: FakeClock) {
  const state = { key: RIGHT as string | undefined, up: true, tls: true };
  const asked: string[] = [];
  const abandoned: string[] = [];
  const probe: Probe = (target, done) => {
    assert.ok('address' in target);
    const name = `${target.protocol}:${target.port}`;
    asked.push(name);
    const timer = clock.after(1, () => done(answer(target)));
    return () => {
      abandoned.push(name);
      timer.cancel();
    };
  };
  function answer({ keyCheck }: ProbeTarget): ProbeResult {
    const result = { elapsedMs: 1, inconclusive: false };
    if (!state.up || (keyCheck !== undefined && state.key === undefined)) {
      return { ...result, good: false, cause: 'connection refused' };
    }
    if (keyCheck === undefined) return { ...result, good: true, cause: 'connected' };
    if (!state.tls) return { ...result, good: false, cause: 'TLS: wrong version number', noTls: true };
    const accepted = keyCheck.publicKeys?.includes(state.key!) ?? true;
    const publicKeys = [{ instancePort: keyCheck.instancePort, accepted }];
    return {
      ...result,
      good: accepted,
      cause: accepted ? 'TLS handshake completed' : 'public key refused',
      publicKeys,
    };
  }
  return { state, asked, abandoned, probe };
}

/** Runs one probe of TCP:80 with these other checks to its end. */
function probeOnce(checks: readonly KeyCheck[], arrange: (fake: ReturnType<typeof fakeInstance>) => void) {
  const clock = new FakeClock();
  const fake = fakeInstance(clock);
  arrange(fake);
  const results: ProbeResult[] = [];
  const target = { protocol: 'TCP', address: '10.0.0.1', port: 80, path: '', timeoutMs: 2000 } as const;
  withKeyChecks(fake.probe)({ ...target, otherKeyChecks: checks }, (result) => results.push(result));
  clock.advance(1000);
  assert.equal(results.length, 1);
  return { asked: fake.asked, result: results[0]! };
}

const check = (instancePort: number, publicKeys = [RIGHT]): KeyCheck => ({
  instancePort,
  port: instancePort,
  publicKeys,
});

test('keys are looked at after a good probe only, until one is not right', () => {
  const down = probeOnce([check(443)], ({ state }) => (state.up = false));
  assert.deepEqual(down.asked, ['TCP:80']);
  const wrong = probeOnce([check(443), check(444, [OTHER]), check(445)], () => {});
  assert.deepEqual(wrong.asked, ['TCP:80', 'SSL:443', 'SSL:444']);
  assert.equal(wrong.result.cause, 'public key refused');
  assert.deepEqual(wrong.result.publicKeys, [
    { instancePort: 443, accepted: true },
    { instancePort: 444, accepted: false },
  ]);
});

test('right keys leave the result of the probe itself, with the time of both', () => {
  const { result } = probeOnce([check(443), check(444)], () => {});
  assert.deepEqual([result.good, result.cause, result.elapsedMs], [true, 'connected', 3]);
});

test('a key that cannot be seen is told, and held against nobody', () => {
  const { result } = probeOnce([check(443)], ({ state }) => (state.key = undefined));
  assert.deepEqual([result.good, result.inconclusive], [false, true]);
  assert.equal(result.cause, 'no handshake at port 443: connection refused');
});

test('a probe that is abandoned in the middle of its key checks reports nothing', () => {
  const clock = new FakeClock();
  const { probe, abandoned } = fakeInstance(clock);
  const target = { protocol: 'TCP', address: '10.0.0.1', port: 80, path: '', timeoutMs: 2000 } as const;
  const abandon = withKeyChecks(probe)({ ...target, otherKeyChecks: [check(443)] }, () => assert.fail('a result'));
  clock.advance(1);
  abandon();
  clock.advance(1000);
  assert.deepEqual(abandoned, ['SSL:443']);
});

/** `shop` with an instance that is spoken to by TLS on 443, its key asked for unless `keys` is undefined. */
function shop(target: string, keys: readonly string[] | undefined, instanceProtocol: Protocol = 'HTTPS'): LoadBalancer {
  const listener = { protocol: 'HTTP', loadBalancerPort: 80, instanceProtocol, instancePort: 443 } as const;
  const keyPolicies = (keys ?? []).map((key, index) => ({
    policyName: `key-${index}`,
    policyTypeName: 'PublicKeyPolicyType',
    attributes: [{ name: 'PublicKey', value: key }],
  }));
  const authentication = {
    policyName: 'authentication',
    policyTypeName: 'BackendServerAuthenticationPolicyType',
    attributes: keyPolicies.map(({ policyName }) => ({ name: 'PublicKeyPolicyName', value: policyName })),
  };
  return sampleLoadBalancer('shop', {
    listeners: [{ ...listener, policyNames: [] }],
    instances: [{ instanceId: 'i-1', host: '10.0.0.1', zone: 'us-east-1a', registeredTimeMs: 1 }],
    healthCheck: { target, interval: 10, timeout: 2, unhealthyThreshold: 2, healthyThreshold: 10 },
    policies: [...keyPolicies, authentication],
    backendServerPolicies: keys === undefined ? [] : [{ instancePort: 443, policyNames: ['authentication'] }],
  });
}

function harness(record: LoadBalancer) {
  const clock = new FakeClock();
  const instance = fakeInstance(clock);
  const changes: string[] = [];
  const lines: [string, LogFields][] = [];
  const line = (fields: LogFields, message: string): void => void lines.push([message, fields]);
  const monitor = new HealthMonitor({
    clock,
    random: new SeededRandom(1),
    log: { debug: line, info: line, warn: line, error: line },
    onChange: (_id, _instanceId, inService) => changes.push(inService ? 'in' : 'out'),
    probe: instance.probe,
  });
  const watch = (changed: LoadBalancer) => monitor.watch(changed, (host) => host, false);
  const status = () => effectiveStatus(monitor.of(ID, 'i-1')!);
  watch(record);
  clock.advance(100);
  return { clock, ...instance, changes, lines, monitor, watch, status };
}

test('an instance whose key traffic refused is out at once, told once, and back with the first right key', () => {
  const { clock, state, asked, changes, lines, monitor, status } = harness(shop('TCP:80', [RIGHT]));
  assert.deepEqual(changes, ['in']);
  state.key = OTHER;
  clock.advance(60_000);
  assert.deepEqual(changes, ['in'], 'a TCP check sees no key');
  for (let each = 0; each < 1000; each++) monitor.publicKeyRefused(ID, 'i-1', 443);
  assert.deepEqual(changes, ['in', 'out']);
  assert.equal(status(), 'failed');
  assert.equal(asked.length, 7, 'traffic does not set the pace of probes');
  assert.equal(monitor.of(ID, 'i-1')!.results.filter(({ cause }) => cause === 'public key refused').length, 1);
  clock.advance(60_000);
  assert.equal(status(), 'failed');
  state.key = RIGHT;
  clock.advance(10_000);
  assert.deepEqual(changes, ['in', 'out', 'in']);
  assert.deepEqual(
    lines.map(([message, { cause }]) => `${message}: ${String(cause)}`),
    [
      'instance is in service: connected',
      'instance is out of service: public key refused',
      'instance is in service: connected',
    ],
  );
  asked.length = 0;
  clock.advance(20_000);
  assert.deepEqual(asked, ['TCP:80', 'TCP:80'], 'the key is not asked for any more');
});

test('a check that speaks TLS to the port sees the key by itself: no wrong one ever comes into service', () => {
  for (const target of ['SSL:443', 'HTTPS:443/up']) {
    const { clock, state, asked, changes, status } = harness(shop(target, [RIGHT]));
    assert.deepEqual(changes, ['in']);
    state.key = OTHER;
    clock.advance(10_000);
    assert.deepEqual(changes, ['in', 'out'], 'at once');
    assert.equal(status(), 'failed');
    state.key = RIGHT;
    asked.length = 0;
    clock.advance(10_000);
    assert.deepEqual(asked, [target.replace('/up', '')], 'in one handshake');
    assert.deepEqual(changes, ['in', 'out', 'in']);
  }
});

test('a check that speaks no TLS asks for no key, at the same port too', () => {
  const { clock, state, changes } = harness(shop('TCP:443', [RIGHT]));
  state.key = OTHER;
  clock.advance(30_000);
  assert.deepEqual(changes, ['in']);
});

test('a failing check counts beside a refused key, and both must be right again', () => {
  const { clock, state, monitor, changes } = harness(shop('TCP:80', [RIGHT]));
  monitor.publicKeyRefused(ID, 'i-1', 443);
  state.up = false;
  clock.advance(20_000);
  state.up = true;
  clock.advance(90_000);
  assert.equal(monitor.of(ID, 'i-1')!.status, 'not-passed');
  clock.advance(10_000);
  assert.deepEqual(changes, ['in', 'out', 'in']);
});

test('an instance that traffic had no handshake with is out when a probe has none either, and back with the first one', () => {
  for (const keys of [undefined, [RIGHT]]) {
    const { clock, state, asked, changes, lines, monitor, watch, status } = harness(shop('TCP:80', keys));
    state.tls = false;
    clock.advance(60_000);
    asked.length = 0;
    for (let each = 0; each < 1000; each++) monitor.tlsFailed(ID, 'i-1', 443);
    clock.advance(100);
    assert.deepEqual(asked, ['TCP:80', 'SSL:443'], 'asked at once, and once');
    assert.deepEqual(changes, ['in', 'out']);
    assert.equal(lines.at(-1)![1]['cause'], 'TLS: wrong version number');
    watch({ ...shop('TCP:80', keys), securityGroups: [] });
    clock.advance(60_000);
    asked.length = 0;
    monitor.tlsFailed(ID, 'i-1', 443);
    clock.advance(100);
    assert.deepEqual(asked, [], 'what is known is not asked at once');
    assert.equal(status(), 'failed', 'also where something else is changed');
    state.tls = true;
    clock.advance(10_000);
    assert.deepEqual(changes, ['in', 'out', 'in']);
    asked.length = 0;
    clock.advance(10_000);
    assert.deepEqual(asked, ['TCP:80'], 'no handshake is asked for any more');
  }
});

test('an alert now and then takes no instance out, and traffic does not set the pace of probes', () => {
  const { clock, asked, monitor, changes } = harness(shop('TCP:80', undefined));
  asked.length = 0;
  for (let seconds = 0; seconds < 40; seconds++) {
    monitor.tlsFailed(ID, 'i-1', 443);
    clock.advance(1000);
  }
  assert.deepEqual(changes, ['in']);
  assert.ok(asked.length <= 4 * 4, `probes and handshakes in 40 s: ${asked.length}`);
});

test('while nothing is said to a probe, nothing is held against the instance', () => {
  const { clock, state, monitor, changes } = harness(shop('TCP:80', undefined));
  state.key = undefined;
  monitor.tlsFailed(ID, 'i-1', 443);
  clock.advance(30_000);
  assert.deepEqual(changes, ['in']);
  assert.equal(monitor.of(ID, 'i-1')!.results.at(-1)!.cause, 'no handshake at port 443: connection refused');
});

test('what failed of TLS counts only while TLS is spoken to the port', () => {
  const { clock, state, asked, monitor, watch, changes } = harness(shop('TCP:80', undefined));
  state.tls = false;
  monitor.tlsFailed(ID, 'i-1', 443);
  clock.advance(100);
  watch(shop('TCP:80', undefined, 'HTTP'));
  clock.advance(20_000);
  asked.length = 0;
  monitor.tlsFailed(ID, 'i-1', 443);
  monitor.tlsFailed(ID, 'i-gone', 443);
  clock.advance(100);
  assert.deepEqual(asked, [], 'nothing is looked at for that');
  clock.advance(30_000);
  assert.deepEqual(changes, ['in', 'out', 'in']);
});

test('a port is looked at for TLS only while TLS is spoken to it', () => {
  const { clock, asked, monitor, watch } = harness(shop('TCP:80', undefined));
  monitor.tlsFailed(ID, 'i-1', 443);
  watch(shop('TCP:80', undefined, 'HTTP'));
  asked.length = 0;
  clock.advance(20_000);
  assert.ok(asked.length > 0 && !asked.includes('SSL:443'));
  watch(shop('TCP:80', undefined));
  clock.advance(100);
  assert.ok(asked.includes('SSL:443'), 'what was suspected is looked at then');
});

test('other keys are tried at once, and without a policy no key is wrong', () => {
  const { clock, state, monitor, watch, changes } = harness(shop('TCP:80', [RIGHT]));
  state.key = OTHER;
  monitor.publicKeyRefused(ID, 'i-1', 443);
  watch(shop('TCP:80', [RIGHT, OTHER]));
  clock.advance(2);
  assert.deepEqual(changes, ['in', 'out', 'in']);
  watch(shop('TCP:80', [RIGHT]));
  monitor.publicKeyRefused(ID, 'i-1', 443);
  watch(shop('TCP:80', undefined));
  assert.deepEqual(changes, ['in', 'out', 'in', 'out', 'in']);
});

test('a key is asked for only where a listener speaks TLS to the instance', () => {
  const { state, clock, monitor, changes } = harness(shop('SSL:443', [RIGHT], 'HTTP'));
  state.key = OTHER;
  clock.advance(30_000);
  monitor.publicKeyRefused(ID, 'i-1', 443);
  monitor.publicKeyRefused(ID, 'i-gone', 443);
  assert.deepEqual(changes, ['in']);
});
