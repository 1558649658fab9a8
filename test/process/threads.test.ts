/** What traffic threads must do together, with real threads and sockets: balancing, sessions, the surge queue. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createControl, type RunningControl } from '../../src/control/create.ts';
import { sleep, systemClock } from '../../src/kit/clock.ts';
import type { Log } from '../../src/kit/log.ts';
import { systemRandom } from '../../src/kit/random.ts';
import { SURGE_QUEUE_LENGTH } from '../../src/model/limits.ts';
import type { Listener, LoadBalancer } from '../../src/model/load-balancer.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { createSecrets } from '../../src/store/secrets.ts';
import { COUNTER, counterRow, SHARED, sharedCells, sumCounters } from '../../src/traffic/counters.ts';
import { readMessage, valueOf } from '../support/http-reader.ts';
import { OneAtATime } from '../support/one-at-a-time.ts';
import { dial, ScriptedServer, type Peer } from '../support/peers.ts';
import { put, sampleLoadBalancer } from '../support/records.ts';
import { freePort } from '../support/weir-process.ts';

const THREADS = 3;
const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

interface Running {
  readonly control: RunningControl;
  readonly port: number;
  /** What all threads have counted together. */
  readonly count: (cell: keyof typeof COUNTER) => number;
  /** Threads that have accepted a client. */
  readonly threadsUsed: () => number;
  /** How many have come to stand in line. */
  readonly stoodInLine: () => number;
  /** Checks of instances so far. */
  readonly probes: () => number;
  readonly dial: () => Promise<Peer>;
}

/** Control with real traffic threads in front of instances whose checks are all good. */
async function running(
  test: TestContext,
  instances: readonly number[],
  over: Partial<LoadBalancer> = {},
  listener: Partial<Listener> = {},
): Promise<Running> {
  let probes = 0;
  const log: Log['info'] = (fields, message) => test.diagnostic(`${message} ${JSON.stringify(fields)}`);
  const store = createMemoryStore();
  const control = createControl({
    store,
    secrets: createSecrets(systemRandom, undefined),
    configuration: {
      threads: THREADS,
      preconnect: false,
      securityGroups: {},
      instances: { inventory: {}, allowReserved: false },
    },
    clock: systemClock,
    random: systemRandom,
    log: { debug: () => undefined, info: () => undefined, warn: log, error: log },
    probe: (_target, done) => {
      probes++;
      const good = { good: true, cause: 'connected', elapsedMs: 0, inconclusive: false };
      const timer = systemClock.after(0, () => done(good));
      return () => timer.cancel();
    },
  });
  test.after(() => control.stop(0));
  const port = await freePort();
  const sample = sampleLoadBalancer('web', over);
  const record = {
    ...sample,
    listeners: [{ ...sample.listeners[0]!, loadBalancerPort: port, ...listener }],
    instances: instances.map((each) => ({
      instanceId: `127.0.0.1:${each}`,
      host: '127.0.0.1',
      port: each,
      zone: 'us-east-1a',
      registeredTimeMs: 1,
    })),
  };
  await store.commit(store.view().revision, [put(record)]);
  await control.start();
  const loadBalancer = () => control.status().loadBalancers[0]!;
  await until('ready', () => control.ready() && loadBalancer().instances.every(({ state }) => state === 'InService'));
  const { counters } = loadBalancer();
  const clients: Peer[] = [];
  test.after(() => clients.forEach(({ socket }) => socket.destroy()));
  return {
    control,
    port,
    count: (cell) => sumCounters(counters)[COUNTER[cell]]!,
    threadsUsed() {
      const rows = Array.from({ length: THREADS }, (_, thread) => counterRow(counters, thread));
      return rows.filter((row) => row[COUNTER.clientConnections]! > 0).length;
    },
    probes: () => probes,
    stoodInLine: () => sharedCells(counters)[SHARED.surgeTicket]!,
    async dial() {
      const client = await dial(port);
      clients.push(client);
      return client;
    },
  };
}

/** Instances that keep what they get until the test answers. */
async function scripted(test: TestContext, count: number): Promise<ScriptedServer[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => ScriptedServer.start()));
  for (const server of servers) test.after(() => server.stop());
  return servers;
}

/** Connections that they have got. */
function total(servers: readonly ScriptedServer[]): number {
  return servers.reduce((sum, { peers }) => sum + peers.length, 0);
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const startedMs = systemClock.monotonicMs();
  while (!holds()) {
    if (systemClock.monotonicMs() - startedMs > 20_000) assert.fail(`not within 20 s: ${what}`);
    await sleep(systemClock, 1);
  }
}

/** The extension attribute that caps the connections of each instance. */
function capped(connections: number): Pick<LoadBalancer, 'attributes'> {
  const { attributes } = sampleLoadBalancer('web');
  return { attributes: { ...attributes, additional: { 'weir.backend.maxconnections': String(connections) } } };
}

describe(`${THREADS} threads together`, () => {
  it('send each request to the instance with the fewest outstanding over all of them', async (test) => {
    const servers = await scripted(test, 4);
    const around = await running(
      test,
      servers.map(({ port }) => port),
    );
    for (let request = 1; request <= 40; request++) {
      (await around.dial()).send(GET);
      // The next one comes when this one is counted, as the instance that has it shows.
      await until('the request at its instance', () => total(servers) === request);
      const counts = servers.map(({ peers }) => peers.length);
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, String(counts));
    }
    assert.ok(around.threadsUsed() > 1);
  });

  it('give TCP connections to the instances in one turn', async (test) => {
    const servers = await scripted(test, 3);
    const tcp = { protocol: 'TCP', instanceProtocol: 'TCP' } as const;
    const around = await running(
      test,
      servers.map(({ port }) => port),
      {},
      tcp,
    );
    const order: number[] = [];
    for (let connection = 1; connection <= 30; connection++) {
      const before = servers.map(({ peers }) => peers.length);
      await around.dial();
      await until('the connection at its instance', () => total(servers) === connection);
      order.push(servers.findIndex(({ peers }, index) => peers.length > before[index]!));
    }
    for (const [index, instance] of order.entries()) assert.equal(instance, order[index % 3], String(order));
    assert.equal(new Set(order.slice(0, 3)).size, 3);
    assert.ok(around.threadsUsed() > 1);
  });

  it('have each instance checked once, not by each of them', async (test) => {
    const servers = await scripted(test, 4);
    const around = await running(
      test,
      servers.map(({ port }) => port),
    );
    assert.equal(around.control.status().threads.length, THREADS);
    assert.equal(around.probes(), servers.length);
  });

  it('know the sessions of each other', async (test) => {
    const servers = await scripted(test, 3);
    for (const [number, server] of servers.entries()) {
      server.serve(() => `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${number}`);
    }
    const policy = { policyName: 'sticky', policyTypeName: 'LBCookieStickinessPolicyType', attributes: [] };
    const over = { policies: [policy] };
    const around = await running(
      test,
      servers.map(({ port }) => port),
      over,
      { policyNames: ['sticky'] },
    );
    const first = await around.dial();
    first.send(GET);
    const begun = await readMessage(first);
    const cookie = valueOf(begun, 'set-cookie')!.split(';')[0]!;
    for (let i = 0; i < 30; i++) {
      const client = await around.dial();
      client.send(`GET / HTTP/1.1\r\nHost: h\r\nCookie: ${cookie}\r\n\r\n`);
      const answer = await readMessage(client);
      assert.equal(answer.body, begun.body);
      assert.equal(valueOf(answer, 'set-cookie'), undefined);
    }
    assert.ok(around.threadsUsed() > 1);
  });
});

describe(`${THREADS} threads before an instance that may have one connection, and serves one at a time`, () => {
  it('leave no idle connection in the way of each other', async (test) => {
    const instance = await OneAtATime.start(test);
    instance.answerAll(OK);
    const around = await running(test, [instance.port], capped(1));
    for (let i = 0; i < 40; i++) {
      const client = await around.dial();
      client.send(GET);
      assert.equal((await readMessage(client)).startLine, 'HTTP/1.1 200 OK');
    }
    assert.ok(around.threadsUsed() > 1);
  });

  it(`have ${SURGE_QUEUE_LENGTH} wait in the order in which they came, and refuse the next`, async (test) => {
    const instance = await OneAtATime.start(test);
    const around = await running(test, [instance.port], capped(1));
    const { count } = around;
    const clients: Peer[] = [];
    for (let number = 0; number <= SURGE_QUEUE_LENGTH; number++) {
      const client = await around.dial();
      client.send(`GET /${number} HTTP/1.1\r\nHost: h\r\n\r\n`);
      clients.push(client);
      if (number === 0) await until('the first at the instance', () => instance.seen.length === 1);
      else
        await until(
          'it to stand in line',
          () => count('surgeQueueLength') === number && around.stoodInLine() === number,
        );
    }
    const refused = await around.dial();
    refused.send(GET);
    assert.match(
      await refused.take('\r\n\r\n'),
      /^HTTP\/1\.1 503 Service Unavailable: Back-end server is at capacity\r\n/,
    );
    await until('it to be counted', () => count('spillover') === 1 && count('elb5xx') === 1);
    const gone = clients.filter((_, number) => number > 0 && number % 10 === 0);
    for (const client of gone) client.reset();
    await until('those to be forgotten', () => count('surgeQueueLength') === SURGE_QUEUE_LENGTH - gone.length);
    instance.answerAll(OK);
    const stayed = clients.filter((client) => !gone.includes(client));
    for (const client of stayed) assert.equal((await readMessage(client)).startLine, 'HTTP/1.1 200 OK');
    const expected = stayed.map((client) => `/${clients.indexOf(client)}`);
    assert.deepEqual(instance.seen, expected);
    assert.deepEqual([count('surgeQueueLength'), count('spillover')], [0, 1]);
    await until('all to be counted', () => count('backend2xx') === stayed.length);
    assert.equal(around.threadsUsed(), THREADS);
  });
});
