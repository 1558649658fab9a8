import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleLoadBalancer } from '../../test/support/records.ts';
import type { Instance, Listener, LoadBalancer } from '../model/load-balancer.ts';
import { makeCounters } from '../traffic/counters.ts';
import { compile, wantedTargets, type CompileInputs } from './compile.ts';

const KEY = new Uint8Array(64).fill(1);

function listener(loadBalancerPort: number, instancePort: number, over: Partial<Listener> = {}): Listener {
  return { protocol: 'HTTP', instanceProtocol: 'HTTP', loadBalancerPort, instancePort, policyNames: [], ...over };
}

function instance(instanceId: string, over: Partial<Instance> = {}): Instance {
  return { instanceId, host: '10.0.0.1', zone: 'us-east-1a', registeredTimeMs: 1, ...over };
}

/** Inputs that allow everything; slots count up in the order of wanted targets. */
function inputsFor(record: LoadBalancer, over: Partial<CompileInputs> = {}): CompileInputs {
  const slots = wantedTargets(record).map(({ instanceId, instancePort }) => `${instanceId} ${instancePort}`);
  return {
    configuration: { preconnect: true, securityGroups: {} },
    addressOf: (host) => host,
    slotOf: (instanceId, instancePort) => slots.indexOf(`${instanceId} ${instancePort}`),
    tlsOf: () => undefined,
    mayListen: () => true,
    cookieKeys: () => [KEY],
    countedZones: ['a'],
    counters: makeCounters(1),
    ...over,
  };
}

function compiled(over: Partial<LoadBalancer>, inputs: Partial<CompileInputs> = {}) {
  const record = sampleLoadBalancer('shop', over);
  return compile(record, inputsFor(record, inputs));
}

function withAttributes(over: Partial<LoadBalancer['attributes']>) {
  return compiled({ attributes: { ...sampleLoadBalancer('shop').attributes, ...over } });
}

test('listeners with the same instance port share targets and slots', () => {
  const { listeners } = compiled({
    listeners: [listener(80, 8080), listener(81, 8080, { protocol: 'TCP', instanceProtocol: 'TCP' }), listener(82, 9)],
    instances: [instance('i-1'), instance('i-2')],
  });
  const slots = listeners.map(({ targets }) => targets.map(({ slot }) => slot));
  assert.deepEqual(slots[0], slots[1]);
  assert.deepEqual(new Set([...slots[0]!, ...slots[2]!]).size, 4);
  assert.equal(listeners[0]!.targets, listeners[1]!.targets);
});

test('a target is an address and the real port of the instance', () => {
  const { listeners } = compiled(
    {
      listeners: [listener(80, 8080)],
      instances: [
        instance('10.0.0.5:9001', { host: '10.0.0.5', port: 9001 }),
        instance('i-map', { ports: { 8080: 18_080 } }),
        instance('db.example', { host: 'db.example' }),
        instance('gone.example', { host: 'gone.example' }),
      ],
    },
    { addressOf: (host) => (host === 'db.example' ? '10.9.9.9' : host === 'gone.example' ? undefined : host) },
  );
  assert.deepEqual(
    listeners[0]!.targets.map(({ instanceId, host, port }) => [instanceId, host, port]),
    [
      ['10.0.0.5:9001', '10.0.0.5', 9001],
      ['i-map', '10.0.0.1', 18_080],
      ['db.example', '10.9.9.9', 8080],
    ],
  );
});

test('instances of zones that are not enabled are no targets', () => {
  const { listeners } = compiled({ instances: [instance('i-1'), instance('i-2', { zone: 'us-east-1b' })] });
  assert.deepEqual(
    listeners[0]!.targets.map(({ instanceId }) => instanceId),
    ['i-1'],
  );
});

test('a listener whose port is not ours is left out', () => {
  const { listeners } = compiled(
    { listeners: [listener(80, 8080), listener(81, 8080)] },
    { mayListen: ({ loadBalancerPort }) => loadBalancerPort === 81 },
  );
  assert.deepEqual(
    listeners.map(({ address, port }) => [address, port]),
    [['127.0.0.1', 81]],
  );
});

test('attributes become numbers and flags, absent ones their defaults', () => {
  const plain = withAttributes({});
  assert.equal(plain.idleTimeoutMs, 60_000);
  assert.equal(plain.desyncMitigationMode, 'defensive');
  assert.equal(plain.upgrade, false);
  assert.equal(plain.maxConnectionsPerTarget, Infinity);
  assert.equal(plain.drainingTimeoutMs, 0);
  const set = withAttributes({
    idleTimeout: 4000,
    crossZoneLoadBalancing: true,
    connectionDraining: { enabled: true, timeout: 7 },
    additional: {
      'elb.http.desyncmitigationmode': 'Strictest',
      'weir.http.upgrade': 'True',
      'weir.backend.maxconnections': '20',
    },
  });
  assert.equal(set.idleTimeoutMs, 4_000_000);
  assert.equal(set.crossZone, true);
  assert.equal(set.desyncMitigationMode, 'strictest');
  assert.equal(set.upgrade, true);
  assert.equal(set.maxConnectionsPerTarget, 20);
  assert.equal(set.drainingTimeoutMs, 7000);
});

test('what is compiled survives structured clone', () => {
  const before = compiled({ instances: [instance('i-1')] });
  assert.deepEqual(structuredClone(before), before);
});

test('a stickiness policy of an HTTP listener comes with the keys of cookies, and other listeners have none', () => {
  const attribute = (name: string, value: string) => [{ name, value }];
  const policies = [
    {
      policyName: 'hour',
      policyTypeName: 'LBCookieStickinessPolicyType',
      attributes: attribute('CookieExpirationPeriod', '3600'),
    },
    { policyName: 'browser', policyTypeName: 'LBCookieStickinessPolicyType', attributes: [] },
    {
      policyName: 'app',
      policyTypeName: 'AppCookieStickinessPolicyType',
      attributes: attribute('CookieName', 'SESSION'),
    },
  ];
  const { listeners } = compiled({
    policies,
    listeners: [
      listener(80, 1, { policyNames: ['hour'] }),
      listener(81, 1, { policyNames: ['browser'] }),
      listener(82, 1, { policyNames: ['app'] }),
      listener(83, 1, { policyNames: ['unknown'] }),
      listener(84, 1, { protocol: 'TCP', instanceProtocol: 'TCP', policyNames: ['hour'] }),
    ],
  });
  assert.deepEqual(
    listeners.map(({ stickiness }) => stickiness),
    [
      { kind: 'duration', periodSeconds: 3600, keys: [KEY] },
      { kind: 'duration', keys: [KEY] },
      { kind: 'application', cookieName: 'SESSION', keys: [KEY] },
      undefined,
      undefined,
    ],
  );
});

test('security groups with rules in the configuration restrict the clients of a listener', () => {
  const securityGroups = { 'sg-1': { ingress: [{ cidr: '10.0.0.0/8', fromPort: 80, toPort: 80 }] } };
  const over = { securityGroups: ['sg-1'], listeners: [listener(80, 1), listener(81, 1)] };
  const { listeners } = compiled(over, { configuration: { preconnect: true, securityGroups } });
  assert.deepEqual(
    listeners.map(({ ingress }) => ingress),
    [[{ family: 4, first: 0x0a_00_00_00n, prefix: 8 }], []],
  );
  assert.equal(compiled(over).listeners[0]!.ingress, undefined);
});

test('slow start is an additional attribute in seconds', () => {
  assert.equal(withAttributes({ additional: { 'weir.backend.slowstartseconds': '30' } }).slowStartMs, 30_000);
  assert.equal(withAttributes({}).slowStartMs, 0);
});

test('connections are made beforehand where the configuration says so', () => {
  const preconnects = [true, false].map(
    (preconnect) => compiled({}, { configuration: { preconnect, securityGroups: {} } }).preconnect,
  );
  assert.deepEqual(preconnects, [true, false]);
});

test('public keys of back ends are for the instance port that they are set on', () => {
  const policies = [
    { policyName: 'key', policyTypeName: 'PublicKeyPolicyType', attributes: [{ name: 'PublicKey', value: 'AAAA' }] },
    {
      policyName: 'known',
      policyTypeName: 'BackendServerAuthenticationPolicyType',
      attributes: [{ name: 'PublicKeyPolicyName', value: 'key' }],
    },
  ];
  const backendServerPolicies = [443, 80].map((instancePort) => ({ instancePort, policyNames: ['known'] }));
  const listeners = [
    listener(80, 80),
    listener(81, 443, { instanceProtocol: 'HTTPS' }),
    listener(82, 444, { instanceProtocol: 'HTTPS' }),
  ];
  assert.deepEqual(
    compiled({ policies, backendServerPolicies, listeners }).listeners.map((each) => each.backendPublicKeys),
    [undefined, ['AAAA'], undefined],
  );
});
