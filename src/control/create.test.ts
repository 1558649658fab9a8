import assert from 'node:assert/strict';
import { test } from 'node:test';
import { begin, choices, ControlHarness, draining, instance, shop } from '../../test/support/control.ts';
import { sampleLoadBalancer } from '../../test/support/records.ts';
import { settled } from '../../test/support/settled.ts';
import { FakeClock } from '../kit/clock.ts';
import { silentLog } from '../kit/log.ts';
import { SeededRandom } from '../kit/random.ts';
import { idOf } from '../model/load-balancer.ts';
import { AccessLogs } from '../observe/access-logs.ts';

const ONE = instance('i-1', '10.0.0.1');
const TWO = instance('i-2', '10.0.0.2');
const ID = idOf(shop([]));
const NOT_REGISTERED = 'Instance is not currently registered with the LoadBalancer.';

const withReserved = (allowReserved: boolean) => ({
  preconnect: false,
  securityGroups: {},
  instances: { inventory: {}, allowReserved },
});

const describe = (harness: ControlHarness, instanceId: string): string =>
  harness.control.instanceState(ID, instanceId).description;

test('a registered instance gets traffic on every thread after its first good check', async () => {
  const harness = await ControlHarness.started(shop([]));
  await harness.put(shop([ONE]));
  assert.equal(describe(harness, 'i-1'), 'Instance registration is still in progress.');
  assert.deepEqual(harness.threads.live.map(choices), [[], []]);
  await harness.pass(10);
  assert.equal(describe(harness, 'i-1'), 'N/A');
  assert.deepEqual(harness.threads.live.map(choices), [['i-1'], ['i-1']]);
});

test('instances of the store are unknown at start, until their first check', async () => {
  const harness = await ControlHarness.started(shop([ONE]));
  assert.equal(describe(harness, 'i-1'), 'A transient error occurred. Please try again later.');
  await harness.pass(10);
  assert.equal(describe(harness, 'i-1'), 'N/A');
});

test('instances of the store are unknown also before anything runs, when the API answers already', async () => {
  const harness = new ControlHarness();
  await harness.put(shop([ONE]));
  assert.equal(describe(harness, 'i-1'), 'A transient error occurred. Please try again later.');
  assert.equal(describe(harness, 'i-2'), NOT_REGISTERED);
  await harness.remove(shop([ONE]));
  assert.equal(describe(harness, 'i-1'), NOT_REGISTERED);
});

test('a change of one load balancer is sent as that one alone, and one without effect on traffic as nothing', async () => {
  const other = sampleLoadBalancer('other', { address: '127.0.0.2' });
  const harness = await ControlHarness.started(shop([ONE]), other);
  harness.threads.automatic = false;
  await harness.put(shop([ONE, TWO]));
  await harness.put(shop([ONE, TWO], { tags: [{ key: 'team', value: 'a' }] }));
  const sent = harness.threads.live[0]!.inbox.map((message) =>
    message.type === 'apply' ? message.upserts.map((upsert) => upsert.name) : [],
  );
  assert.deepEqual(sent, [['shop'], []]);
});

test('applied waits for every thread, for the revision to come and for ports to be tried', async () => {
  const harness = await ControlHarness.started(shop([]));
  assert.equal(await harness.control.applied(1, 1000), true);
  harness.threads.automatic = false;
  const waiting = harness.control.applied(2, 1000);
  let resolved: boolean | undefined;
  void waiting.then((result) => (resolved = result));
  await harness.put(shop([ONE]));
  harness.threads.live[0]!.work();
  await settled();
  assert.equal(resolved, undefined);
  harness.threads.live[1]!.work();
  assert.equal(await waiting, true);
  const tooLate = harness.control.applied(3, 1000);
  await settled();
  harness.clock.advance(1000);
  assert.equal(await tooLate, false);
});

test('a thread that dies is not waited for, its successor gets everything and its counts are taken back', async () => {
  const harness = await ControlHarness.started(shop([ONE]));
  await harness.pass(10);
  begin(harness, 'i-1');
  const outstanding = () => harness.control.status().loadBalancers[0]!.targets[0]!.outstanding;
  assert.equal(outstanding(), 1);
  harness.threads.live[0]!.die();
  assert.equal(outstanding(), 0);
  await harness.pass(250);
  assert.deepEqual(harness.threads.live.map(choices), [['i-1'], ['i-1']]);
  assert.equal(await harness.control.applied(1, 0), true);
  assert.deepEqual(
    harness.control.status().threads.map(({ restarts }) => restarts),
    [1, 0],
  );
});

test('a listener that cannot bind stops no other, keeps the process from being ready, and comes up later', async () => {
  const listener = (loadBalancerPort: number) =>
    ({ protocol: 'HTTP', instanceProtocol: 'HTTP', loadBalancerPort, instancePort: 8080, policyNames: [] }) as const;
  const harness = new ControlHarness();
  harness.taken.add(80);
  await harness.put(shop([], { listeners: [listener(80), listener(81)] }));
  assert.equal(harness.control.ready(), false);
  await harness.control.start();
  await settled();
  const ports = () => harness.threads.live[0]!.loadBalancers.get(ID)!.listeners.map(({ port }) => port);
  assert.deepEqual(ports(), [81]);
  assert.equal(harness.control.ready(), false);
  assert.deepEqual(
    harness.control.bindFailures().map(({ port, message }) => [port, message]),
    [[80, 'port 80 is taken']],
  );
  harness.taken.delete(80);
  await harness.pass(5000);
  assert.deepEqual(ports(), [80, 81]);
  assert.deepEqual(harness.control.bindFailures(), []);
  assert.equal(harness.control.ready(), true);
});

test('what a thread could not bind is reported once and tried again every 5 s', async () => {
  const harness = await ControlHarness.started(shop([]));
  assert.equal(harness.control.ready(), true);
  const thread = harness.threads.live[0]!;
  thread.failures = [{ address: '127.0.0.1', port: 80, message: 'EADDRINUSE' }];
  await harness.put(shop([ONE]));
  assert.equal(harness.control.bindFailures()[0]?.loadBalancer, ID);
  await harness.pass(20_000);
  assert.equal(harness.said('listener is not failing any more'), 0);
  assert.equal(harness.said('listener is down'), 1);
  thread.failures = [];
  await harness.pass(5000);
  assert.equal(harness.said('listener is not failing any more'), 1);
  assert.deepEqual(harness.control.bindFailures(), []);
  assert.equal(harness.control.ready(), true, 'ready is for the start');
});

test('an instance registered by name follows the name', async () => {
  const harness = new ControlHarness();
  harness.names.set('db.example', ['10.0.0.7']);
  await harness.put(shop([instance('db.example', 'db.example')]));
  await harness.control.start();
  await harness.pass(10);
  const hosts = () => harness.threads.live[0]!.targets.map(({ target }) => `${target.slot} ${target.host}`);
  assert.deepEqual(hosts(), ['0 10.0.0.7']);
  harness.names.set('db.example', ['10.0.0.8']);
  await harness.pass(30_000);
  assert.deepEqual(hosts(), ['0 10.0.0.8']);
  assert.equal(await harness.control.resolveHost('none.example'), undefined);
});

test("nothing goes to weir's own API, though a name has come to stand for it since it was registered", async () => {
  const harness = new ControlHarness();
  harness.ownApi.add('127.0.0.1:8080');
  harness.names.set('db.example', ['10.0.0.7']);
  await harness.put(shop([instance('db.example', 'db.example'), instance('10.0.0.9', '10.0.0.9')]));
  await harness.control.start();
  await harness.pass(10);
  const hosts = () => harness.threads.live[0]!.targets.map(({ target }) => target.host);
  assert.deepEqual(hosts(), ['10.0.0.7', '10.0.0.9']);
  harness.names.set('db.example', ['127.0.0.1']);
  await harness.pass(30_000);
  assert.deepEqual(hosts(), ['10.0.0.9']);
  await harness.pass(20_000);
  assert.match(describe(harness, 'db.example'), /has failed at least the UnhealthyThreshold/);
  const [status] = harness.control.status().loadBalancers;
  assert.equal(status!.instances[0]!.results.at(-1)!.cause, 'port 8080 of 127.0.0.1 is the API of weir');
  harness.control.reconfigure(withReserved(true));
  await harness.pass(30_000);
  assert.deepEqual([hosts(), describe(harness, 'db.example')], [['127.0.0.1', '10.0.0.9'], 'N/A']);
});

test('whether names may stand for link-local addresses follows the configuration that is read again', async () => {
  const harness = await ControlHarness.started();
  harness.names.set('meta.example', ['169.254.0.1']);
  const resolved = () => harness.control.resolveHost('meta.example');
  assert.equal(await resolved(), undefined);
  harness.control.reconfigure(withReserved(true));
  assert.equal(await resolved(), '169.254.0.1');
  harness.control.reconfigure(withReserved(false));
  assert.equal(await resolved(), undefined);
});

test('a load balancer is told of before it is taken away, with what it has counted in', async () => {
  const harness = await ControlHarness.started(shop([ONE]));
  const [status] = harness.control.status().loadBalancers;
  await harness.remove(shop([ONE]));
  assert.deepEqual(harness.removed, [['shop', status!.counters]]);
  assert.deepEqual(harness.control.status().loadBalancers, []);
});

test('stop ends readiness, probes and threads', async () => {
  const harness = await ControlHarness.started(shop([ONE]));
  await harness.pass(10);
  assert.equal(harness.control.ready(), true);
  const stopping = harness.control.stop(10_000);
  assert.equal(harness.control.ready(), false);
  await settled();
  for (const thread of harness.threads.live) thread.say({ type: 'stopped' });
  await stopping;
  assert.deepEqual(harness.threads.live, []);
  assert.equal(harness.control.status().probesInFlight, 0);
  await harness.put(shop([ONE, TWO]));
  harness.clock.advance(60_000);
  assert.deepEqual(harness.threads.live, []);
});

test('what is read again of the configuration reaches the threads, and nothing does where it says the same', async () => {
  const harness = await ControlHarness.started(shop([ONE], { securityGroups: ['sg-1'] }));
  harness.threads.automatic = false;
  const { inbox } = harness.threads.live[0]!;
  harness.control.reconfigure(withReserved(false));
  await settled();
  assert.equal(inbox.length, 0);
  const ingress = [{ cidr: '10.0.0.0/8', fromPort: 0, toPort: 65_535 }];
  harness.control.reconfigure({ ...withReserved(false), preconnect: true, securityGroups: { 'sg-1': { ingress } } });
  await settled();
  const sent = inbox.flatMap((message) => (message.type === 'apply' ? message.upserts : []));
  assert.deepEqual(
    sent.map(({ preconnect, listeners }) => [preconnect, listeners[0]?.ingress?.length]),
    [[true, 1]],
  );
});

test('a change keeps what has been counted', async () => {
  const harness = await ControlHarness.started(shop([ONE]));
  const counters = () => harness.control.status().loadBalancers[0]!.counters;
  const before = counters();
  await harness.put(shop([ONE, TWO], { zones: ['us-east-1a', 'us-east-1b'] }));
  assert.equal(counters(), before);
});

test('of a load balancer that is gone nothing is left: its port is for the next, nobody is probed or looked up', async () => {
  const harness = new ControlHarness();
  harness.names.set('db.example', ['10.0.0.7']);
  await harness.put(shop([instance('db.example', 'db.example')]));
  await harness.control.start();
  await harness.pass(10);
  await harness.remove(shop([]));
  await harness.put(sampleLoadBalancer('other'));
  const [other] = harness.threads.live[0]!.loadBalancers.values();
  assert.deepEqual([other?.name, other?.listeners.map(({ port }) => port)], ['other', [80]]);
  await harness.pass(60_000);
  const asked = [harness.probes, harness.lookups.length];
  await harness.pass(120_000, 1000);
  assert.deepEqual([harness.probes, harness.lookups.length], asked);
});

test('a port that every thread has let go of is tried again before it is for the next', async () => {
  const harness = await ControlHarness.started(shop([]));
  await harness.remove(shop([]));
  harness.taken.add(80);
  await harness.put(sampleLoadBalancer('other'));
  assert.deepEqual(
    harness.control.bindFailures().map(({ port, message }) => [port, message]),
    [[80, 'port 80 is taken']],
  );
});

test('what is asked for is applied when its ports have been tried, not before', async () => {
  const harness = await ControlHarness.started();
  const tried = Promise.withResolvers<void>();
  harness.hold = tried.promise;
  const revision = await harness.put(shop([]));
  let isApplied = false;
  const applied = harness.control.applied(revision, 1000).then((result) => (isApplied = result));
  await settled();
  assert.equal(isApplied, false);
  tried.resolve();
  assert.equal(await applied, true);
});

test('a stop ends a start that waits for names', async () => {
  const harness = new ControlHarness();
  const named = Promise.withResolvers<void>();
  harness.hold = named.promise;
  await harness.put(shop([instance('db.example', 'db.example')]));
  const starting = harness.control.start();
  await harness.control.stop(1000);
  named.resolve();
  await starting;
  assert.deepEqual(harness.threads.started, []);
});

test('after a stop no timer is left, and what is stored reaches nobody', async () => {
  const policies = [{ policyName: 'sticky', policyTypeName: 'LBCookieStickinessPolicyType', attributes: [] }];
  const [listener] = shop([]).listeners;
  const listeners = [{ ...listener!, policyNames: ['sticky'] }];
  const harness = await ControlHarness.started(shop([ONE, TWO], { policies, listeners, ...draining(3600) }));
  await harness.pass(10_000);
  begin(harness, 'i-2');
  await harness.put(shop([ONE], { policies, listeners, ...draining(3600) }));
  assert.ok(harness.clock.pending > 6);
  const stopping = harness.control.stop(1000);
  for (const thread of harness.threads.live) thread.say({ type: 'stopped' });
  await stopping;
  const { revision } = harness.control.status();
  harness.clock.advance(60_000);
  await settled();
  assert.equal(harness.clock.pending, 0);
  await harness.put(shop([ONE, TWO]));
  assert.equal(harness.control.status().revision, revision);
});

test('access logs hear of a thread that has ended and of a load balancer that is gone', async (t) => {
  const store = { name: 'nowhere', put: () => Promise.resolve() };
  const options = { clock: new FakeClock(), random: new SeededRandom(1), log: silentLog, threads: 2 };
  const logs = new AccessLogs({ ...options, spool: '/nowhere', store });
  const [ended, gone] = [t.mock.method(logs, 'threadEnded'), t.mock.method(logs, 'forget')];
  const harness = new ControlHarness(1, 2, logs);
  await harness.put(shop([]));
  await harness.control.start();
  await settled();
  gone.mock.resetCalls();
  harness.threads.live[1]!.die();
  await harness.remove(shop([]));
  const heard = [ended, gone].map(({ mock }) => mock.calls.map((call) => call.arguments));
  assert.deepEqual(heard, [[[1]], [[ID]]]);
});
