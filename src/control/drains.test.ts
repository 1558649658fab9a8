import assert from 'node:assert/strict';
import { test } from 'node:test';
import { begin, choices, ControlHarness, draining, instance, shop } from '../../test/support/control.ts';
import { sampleLoadBalancer } from '../../test/support/records.ts';
import { idOf } from '../model/load-balancer.ts';

const ONE = instance('i-1', '10.0.0.1');
const TWO = instance('i-2', '10.0.0.2');
const ID = idOf(shop([]));
const NOT_REGISTERED = 'Instance is not currently registered with the LoadBalancer.';

const describe = (harness: ControlHarness, instanceId: string): string =>
  harness.control.instanceState(ID, instanceId).description;

test('draining on: a deregistered instance finishes what is in flight and is in progress until then', async () => {
  const harness = await ControlHarness.started(shop([ONE, TWO], draining(300)));
  await harness.pass(10);
  const request = begin(harness, 'i-1');
  await harness.put(shop([TWO], draining(300)));
  assert.deepEqual(harness.threads.live.map(choices), [['i-2'], ['i-2']]);
  assert.equal(describe(harness, 'i-1'), 'Instance deregistration currently in progress.');
  assert.deepEqual(harness.control.drainingInstances(ID), ['i-1']);
  await harness.pass(299_000);
  const [drain] = harness.control.status().drains;
  assert.deepEqual([drain?.instanceId, drain?.outstanding, drain?.remainingMs], ['i-1', 1, 1000]);
  assert.equal(harness.threads.live[0]!.requests.size, 1);
  harness.threads.live[0]!.finish(request);
  await harness.pass(250);
  assert.equal(describe(harness, 'i-1'), NOT_REGISTERED);
  assert.deepEqual(harness.control.drainingInstances(ID), []);
});

test('draining on: at the timeout the rest is cut', async () => {
  const harness = await ControlHarness.started(shop([ONE], draining(60)));
  await harness.pass(10);
  begin(harness, 'i-1');
  await harness.put(shop([], draining(60)));
  await harness.pass(59_750);
  assert.equal(harness.threads.live[0]!.requests.size, 1);
  await harness.pass(500);
  assert.equal(harness.threads.live[0]!.requests.size, 0);
  assert.equal(describe(harness, 'i-1'), NOT_REGISTERED);
});

test('draining off: a deregistered instance is cut at once', async () => {
  const harness = await ControlHarness.started(shop([ONE], draining(undefined)));
  await harness.pass(10);
  begin(harness, 'i-1');
  await harness.put(shop([], draining(undefined)));
  assert.equal(harness.threads.live[0]!.requests.size, 0);
  assert.equal(describe(harness, 'i-1'), NOT_REGISTERED);
});

test('an instance without anything in flight is gone as soon as every thread knows', async () => {
  const harness = await ControlHarness.started(shop([ONE], draining(300)));
  await harness.pass(10);
  harness.threads.automatic = false;
  await harness.put(shop([], draining(300)));
  assert.equal(describe(harness, 'i-1'), 'Instance deregistration currently in progress.');
  for (const thread of harness.threads.live) thread.work();
  assert.equal(describe(harness, 'i-1'), NOT_REGISTERED);
});

test('registering again ends a drain: what is in flight is not cut, and traffic comes back after a good check', async () => {
  const harness = await ControlHarness.started(shop([ONE], draining(60)));
  await harness.pass(10);
  begin(harness, 'i-1');
  await harness.put(shop([], draining(60)));
  await harness.pass(30_000);
  await harness.put(shop([{ ...ONE, registeredTimeMs: 2 }], draining(60)));
  assert.deepEqual(harness.control.drainingInstances(ID), []);
  assert.equal(describe(harness, 'i-1'), 'Instance registration is still in progress.');
  await harness.pass(60_000);
  assert.equal(harness.threads.live[0]!.requests.size, 1);
  assert.deepEqual(choices(harness.threads.live[0]!), ['i-1']);
});

test('an unhealthy instance gets no more requests; in flight ones finish with draining on, and are cut with it off', async () => {
  for (const timeout of [1, undefined]) {
    const harness = await ControlHarness.started(shop([ONE, TWO], draining(timeout)));
    await harness.pass(10);
    begin(harness, 'i-1');
    harness.down.add('10.0.0.1');
    await harness.pass(25_000);
    assert.deepEqual(choices(harness.threads.live[0]!), ['i-2']);
    await harness.pass(60_000);
    assert.equal(harness.threads.live[0]!.requests.size, timeout === undefined ? 0 : 1);
  }
});

test('draining off: an instance that comes back into service is not cut', async () => {
  const harness = await ControlHarness.started(shop([ONE, TWO], draining(undefined)));
  harness.down.add('10.0.0.1');
  await harness.pass(25_000);
  const thread = harness.threads.live[0]!;
  // As on a thread that sees the new state before it hears anything else.
  thread.begin(thread.targets.find(({ target }) => target.instanceId === 'i-1')!);
  harness.down.clear();
  await harness.pass(25_000);
  assert.deepEqual([choices(thread), thread.requests.size], [['i-1', 'i-2'], 1]);
});

test('a disabled zone drains like a deregistration and says so', async () => {
  const zoned = { ...TWO, zone: 'us-east-1b' };
  const both = { zones: ['us-east-1a', 'us-east-1b'] };
  const harness = await ControlHarness.started(shop([ONE, zoned], { ...draining(60), ...both }));
  await harness.pass(10);
  begin(harness, 'i-2');
  await harness.put(shop([ONE, zoned], draining(60)));
  assert.deepEqual(choices(harness.threads.live[0]!), ['i-1']);
  assert.equal(describe(harness, 'i-2'), 'Disable Availability Zone is currently in progress.');
  await harness.pass(61_000);
  assert.equal(harness.threads.live[0]!.requests.size, 0);
  assert.match(describe(harness, 'i-2'), /Availability Zone for which LoadBalancer is not configured/);
  await harness.put(shop([ONE, zoned], { ...draining(60), ...both }));
  assert.equal(describe(harness, 'i-2'), 'N/A', 'its health was watched on');
  assert.deepEqual(choices(harness.threads.live[0]!), ['i-1', 'i-2']);
});

test('an instance that is deregistered while its zone drains is told of until that is over', async () => {
  const zoned = { ...TWO, zone: 'us-east-1b' };
  const both = { zones: ['us-east-1a', 'us-east-1b'] };
  const record = shop([ONE, zoned], { ...draining(60), ...both });
  const harness = await ControlHarness.started(record);
  await harness.pass(10);
  begin(harness, 'i-2');
  await harness.put(shop([ONE, zoned], draining(60)));
  assert.deepEqual(harness.control.drainingInstances(idOf(record)), [], 'it is registered');
  await harness.put(shop([ONE], draining(60)));
  assert.equal(describe(harness, 'i-2'), 'Instance deregistration currently in progress.');
  assert.deepEqual(harness.control.drainingInstances(idOf(record)), ['i-2']);
  await harness.pass(61_000);
  assert.equal(describe(harness, 'i-2'), NOT_REGISTERED);
  assert.deepEqual(harness.control.drainingInstances(idOf(record)), []);
});

test('a deleted load balancer drains by its own attribute, and its targets are given back', async () => {
  for (const timeout of [60, undefined]) {
    const record = shop([ONE], draining(timeout));
    const harness = await ControlHarness.started(record);
    await harness.pass(10);
    begin(harness, 'i-1');
    await harness.remove(record);
    assert.deepEqual(harness.threads.live[0]!.targets, []);
    assert.equal(harness.threads.live[0]!.requests.size, timeout === undefined ? 0 : 1);
    assert.equal(describe(harness, 'i-1'), NOT_REGISTERED);
    await harness.pass(61_000);
    assert.equal(harness.threads.live[0]!.requests.size, 0);
    assert.deepEqual(harness.control.status().drains, []);
  }
});

test('a deleted listener takes its targets away, but not those that another one shares', async () => {
  const listener = (loadBalancerPort: number, instancePort: number) =>
    ({ protocol: 'HTTP', instanceProtocol: 'HTTP', loadBalancerPort, instancePort, policyNames: [] }) as const;
  const [a, b, c] = [listener(80, 8080), listener(81, 8080), listener(82, 9090)];
  const harness = await ControlHarness.started(shop([ONE], { listeners: [a, b, c], ...draining(undefined) }));
  await harness.pass(10);
  const thread = harness.threads.live[0]!;
  for (const choice of thread.choices) thread.begin(choice);
  assert.equal(thread.requests.size, 3);
  await harness.put(shop([ONE], { listeners: [a], ...draining(undefined) }));
  assert.deepEqual(
    Array.from(thread.requests, ({ instancePort }) => instancePort),
    [8080, 8080],
  );
  assert.equal(describe(harness, 'i-1'), 'N/A');
});

test('an instance drains for the load balancer that it is taken from, and for no other, nor for one of that name later', async () => {
  const [attributes, other] = [draining(300), 'other'];
  const harness = await ControlHarness.started(
    shop([ONE], attributes),
    sampleLoadBalancer(other, { address: '127.0.0.2' }),
  );
  await harness.pass(10);
  begin(harness, 'i-1');
  await harness.put(shop([], attributes));
  const otherId = idOf(sampleLoadBalancer(other));
  assert.deepEqual([harness.control.drainingInstances(ID), harness.control.drainingInstances(otherId)], [['i-1'], []]);
  assert.equal(harness.control.instanceState(otherId, 'i-1').description, NOT_REGISTERED);
  await harness.put(shop([ONE], attributes));
  await harness.remove(shop([ONE], attributes));
  await harness.put(shop([], attributes));
  assert.deepEqual(harness.control.drainingInstances(ID), []);
});

test('an instance whose time is over drains no more, though a thread has not cut it yet', async () => {
  const harness = await ControlHarness.started(shop([ONE], draining(30)));
  await harness.pass(10);
  begin(harness, 'i-1');
  await harness.put(shop([], draining(30)));
  harness.threads.automatic = false;
  await harness.pass(29_900);
  assert.deepEqual(harness.control.drainingInstances(ID), ['i-1']);
  await harness.pass(100);
  assert.deepEqual([harness.control.drainingInstances(ID), harness.control.status().drains], [[], []]);
  assert.equal(describe(harness, 'i-1'), NOT_REGISTERED);
});
