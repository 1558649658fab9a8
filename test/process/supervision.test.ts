/** Supervision with real worker threads, sockets and time; the threads carry no traffic (test/support/fake-thread.ts). */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { createControl, type RunningControl } from '../../src/control/create.ts';
import { workerThreads } from '../../src/control/worker.ts';
import { sleep, systemClock } from '../../src/kit/clock.ts';
import type { Log } from '../../src/kit/log.ts';
import { systemRandom } from '../../src/kit/random.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { createSecrets } from '../../src/store/secrets.ts';
import type { LoadBalancer } from '../../src/model/load-balancer.ts';
import { put, sampleLoadBalancer } from '../support/records.ts';
import { freePort } from '../support/weir-process.ts';

/** Control over one load balancer called `name`, stopped at the end of the test. */
async function running(context: TestContext, name: string, threads = 2) {
  const lines: string[] = [];
  const line: Log['info'] = (fields, message) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const store = createMemoryStore();
  const control = createControl({
    store,
    secrets: createSecrets(systemRandom, undefined),
    configuration: {
      threads,
      preconnect: false,
      securityGroups: {},
      instances: { inventory: {}, allowReserved: false },
    },
    clock: systemClock,
    random: systemRandom,
    log: { debug: line, info: line, warn: line, error: line },
    startThread: workerThreads(new URL('../support/fake-thread.ts', import.meta.url), { maxOldGenerationSizeMb: 32 }),
  });
  context.after(() => control.stop(1000));
  const port = await freePort();
  const record = sampleLoadBalancer(name, {
    listeners: [{ ...sampleLoadBalancer(name).listeners[0]!, loadBalancerPort: port }],
  });
  await commit(store, record);
  await control.start();
  return { control, store, record, port, lines };
}

async function commit(store: ReturnType<typeof createMemoryStore>, record: LoadBalancer): Promise<number> {
  const result = await store.commit(store.view().revision, [put(record)]);
  assert.equal(result.outcome, 'committed');
  return result.revision;
}

/** Resolves as soon as `condition` holds; fails after `timeoutMs`. */
async function until(what: string, condition: () => boolean, timeoutMs = 10_000): Promise<number> {
  const startedMs = systemClock.monotonicMs();
  while (!condition()) {
    if (systemClock.monotonicMs() - startedMs > timeoutMs) assert.fail(`not within ${timeoutMs} ms: ${what}`);
    await sleep(systemClock, 10);
  }
  return systemClock.monotonicMs() - startedMs;
}

/** The thread that answers on `port`. */
async function ask(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return bytes.toString();
}

const restarts = (control: RunningControl): number[] => control.status().threads.map((thread) => thread.restarts);

test('threads start, bind what the store says and are ready; a change is applied by all', async (context) => {
  const { control, store, record, port } = await running(context, 'plain');
  await until('ready', () => control.ready());
  assert.match(await ask(port), /^[01]$/);
  const revision = await commit(store, { ...record, listeners: [] });
  assert.equal(await control.applied(revision, 10_000), true);
  assert.deepEqual(
    control.status().threads.map((thread) => thread.revision),
    [revision, revision],
  );
  assert.equal(await control.tryBind([{ address: '127.0.0.1', port }]), undefined);
});

test('a thread that crashes is replaced within a second, and the port is served on', async (context) => {
  const { control, port, lines } = await running(context, 'crash-once');
  await until(
    'both crashed once and are back',
    () => restarts(control).every((count) => count === 1) && control.ready(),
  );
  assert.match(await ask(port), /^[01]$/);
  const line = lines.find((line) => line.includes('traffic thread died'));
  assert.match(line!, /told to crash/);
  assert.match(line!, /"pauseMs":0/);
});

test('a thread that runs out of memory is replaced', async (context) => {
  const { control, port, lines } = await running(context, 'exhaust-once', 1);
  await until('replaced and ready', () => control.ready());
  assert.deepEqual(restarts(control), [1]);
  assert.equal(await ask(port), '0');
  assert.match(
    lines.find((line) => line.includes('traffic thread died'))!,
    /memory limit/,
  );
});

test('a thread that keeps crashing does not keep the process from anything else', async (context) => {
  const { control } = await running(context, 'crash', 1);
  await until('several deaths', () => restarts(control)[0]! >= 3);
  assert.equal(control.ready(), false);
  assert.equal(await control.resolveHost('127.0.0.1'), '127.0.0.1');
});

test('a thread that stands still is ended after 5 s and replaced', async (context) => {
  const { control, port } = await running(context, 'hang-once', 1);
  const waitedMs = await until('replaced and ready', () => control.ready(), 20_000);
  assert.deepEqual(restarts(control), [1]);
  assert.ok(waitedMs >= 5000, `after ${waitedMs} ms`);
  assert.equal(await ask(port), '0');
});

test('a port that another program shares with reusePort is refused, and taken over when it is free', async (context) => {
  const other = createServer();
  const { control, store, record } = await running(context, 'plain');
  await until('ready', () => control.ready());
  other.listen({ host: '127.0.0.1', port: 0, reusePort: true });
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const refusal = await control.tryBind([{ address: '127.0.0.1', port }]);
  assert.equal(refusal?.code, 'EADDRINUSE');
  const revision = await commit(store, { ...record, listeners: [{ ...record.listeners[0]!, loadBalancerPort: port }] });
  assert.equal(await control.applied(revision, 10_000), true);
  assert.equal(control.bindFailures()[0]?.port, port);
  other.close();
  await until('the port is free', () => control.bindFailures().length === 0);
  assert.equal(await control.applied(revision, 10_000), true);
  assert.match(await ask(port), /^[01]$/);
});

test('stop leaves no thread and no port behind', async (context) => {
  const { control, port } = await running(context, 'plain');
  await until('ready', () => control.ready());
  await control.stop(5000);
  assert.equal(control.ready(), false);
  assert.equal(
    control.status().threads.some((thread) => thread.live),
    false,
  );
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  server.close();
});
