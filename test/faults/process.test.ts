/** docs/faults.md, rows 38, 39 and 43: what happens to the process as a whole, with one thread and with two. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import {
  CreateLoadBalancerCommand,
  RegisterInstancesWithLoadBalancerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import { sleep, systemClock } from '../../src/kit/clock.ts';
import { Inspector } from '../acceptance/inspector.ts';
import { readMessage } from '../support/http-reader.ts';
import { namedBackend } from '../support/named-backend.ts';
import { dial, type Peer } from '../support/peers.ts';
import { freePort, WeirProcess, type WeirOptions } from '../support/weir-process.ts';

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
const THREADS = [1, 2] as const;
const CLIENTS = 40;
/** A new thread is to serve within that; the rest is for a busy machine. */
const REPLACED_MS = 1000;
const SLACK_MS = 2000;
const DESCRIPTORS = 120;

interface Running {
  readonly weir: WeirProcess;
  readonly endpoint: string;
  readonly port: number;
  /** Of requests for `/held`, in the order of their arrival. */
  readonly held: ServerResponse[];
}

/** A weir with one HTTP load balancer in front of one instance, which serves. */
async function running(t: TestContext, threads: number, options: WeirOptions = {}): Promise<Running> {
  const held: ServerResponse[] = [];
  const { instanceId } = await namedBackend(t, 'one', (request, response) => {
    if (request.url === '/held') held.push(response);
    else response.end('one');
  });
  const weir = new WeirProcess(t, { ...options, flags: ['--threads', String(threads), ...(options.flags ?? [])] });
  const endpoint = await weir.ready();
  const client = await weir.client();
  const port = await freePort();
  const LoadBalancerName = 'web';
  const Listeners = [{ Protocol: 'HTTP', LoadBalancerPort: port, InstancePort: 80 }];
  await client.send(new CreateLoadBalancerCommand({ LoadBalancerName, Listeners, AvailabilityZones: ['us-east-1a'] }));
  const Instances = [{ InstanceId: instanceId }];
  await client.send(new RegisterInstancesWithLoadBalancerCommand({ LoadBalancerName, Instances }));
  client.destroy();
  await weir.until('an instance in service', async () => ((await isServed(port)) ? true : undefined));
  return { weir, endpoint, port, held };
}

async function isServed(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/`, {
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(5000),
  }).then(
    async (response) => (await response.text()) === 'one',
    () => false,
  );
}

async function clientsOf(t: TestContext, port: number, count: number): Promise<Peer[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => dial(port)));
  t.after(() => clients.forEach(({ socket }) => socket.destroy()));
  return clients;
}

async function ask(client: Peer): Promise<boolean> {
  client.send(GET);
  return readMessage(client).then(
    ({ body }) => body === 'one',
    () => false,
  );
}

/** The value of a sample of `/metrics`, or the sum where the family has several. */
async function metric({ endpoint }: Running, name: string): Promise<number> {
  const text = await (await fetch(`${endpoint}/metrics`)).text();
  const samples = text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'));
  return [...samples].reduce((sum, [, value]) => sum + Number(value), 0);
}

for (const threads of THREADS) {
  test(`fault 38, ${threads} threads: one that dies loses its own connections only, a new one serves within 1 s`, async (t) => {
    const node = [process.execPath, '--inspect=127.0.0.1:0'] as const;
    const around = await running(t, threads, { runner: node });
    const inspector = await Inspector.connect(() => around.weir.stderr);
    t.after(() => inspector.close());
    const clients = await clientsOf(t, around.port, CLIENTS);
    for (const client of clients) assert.ok(await ask(client));
    const died = Promise.race(clients.map((client) => client.shutDown())).then(() => systemClock.monotonicMs());
    await around.weir.until('a death', async () => {
      await inspector.evaluateIn('weir-0', 'setImmediate(() => { throw new Error("told to die"); })');
      // What is sent to a thread on a machine that is busy may find nobody who listens.
      return Promise.race([died, sleep(systemClock, 2000).then(() => undefined)]);
    });
    const diedMs = await died;
    await around.weir.until('the replacement', async () =>
      (await metric(around, 'weir_thread_restarts_total')) >= 1 && (await isServed(around.port)) ? true : undefined,
    );
    const replacedMs = systemClock.monotonicMs() - diedMs;
    assert.ok(replacedMs < REPLACED_MS + SLACK_MS, `after ${replacedMs} ms`);
    // The system deals out connections: with 40 of them each of two threads has some.
    const alive = clients.filter(({ closed, ended }) => !closed && !ended);
    assert.equal(alive.length > 0, threads > 1, `${alive.length} of ${CLIENTS} left`);
    assert.ok(alive.length < CLIENTS, 'those of the dead thread are gone');
    for (const client of alive) assert.ok(await ask(client));
    assert.match(around.weir.stderr, /told to die.*traffic thread died/);
  });

  test(`fault 39, ${threads} threads: SIGTERM stops accepting, closes what is idle, finishes what is in flight, exit 0`, async (t) => {
    const around = await running(t, threads);
    const { weir, port, held } = around;
    const [idle, busy] = (await clientsOf(t, port, 2)) as [Peer, Peer];
    assert.ok(await ask(idle));
    busy.send(GET.replace('/', '/held'));
    await weir.until('the request in flight', () => held[0]);
    weir.child.kill('SIGTERM');
    await idle.shutDown();
    await weir.until('the listener to be closed', () =>
      dial(port).then(
        ({ socket }) => void socket.destroy(),
        () => true as const,
      ),
    );
    const ready = await fetch(`${around.endpoint}/-/ready`);
    assert.deepEqual([ready.status, await ready.text()], [503, '{"status":"draining"}\n']);
    assert.equal(await metric(around, 'weir_ready'), 0);
    held[0]!.end('late');
    const { head, body } = await readMessage(busy);
    assert.match(head, /^HTTP\/1\.1 200 [^]*\r\nConnection: close\r\n/);
    assert.equal(body, 'late');
    await busy.shutDown();
    assert.deepEqual(await weir.exited, { code: 0, signal: null }, weir.stderr);
  });

  test(`fault 39, ${threads} threads: a second signal ends at once`, async (t) => {
    const around = await running(t, threads);
    const { weir, port, held } = around;
    const [busy] = (await clientsOf(t, port, 1)) as [Peer];
    busy.send(GET.replace('/', '/held'));
    await weir.until('the request in flight', () => held[0]);
    weir.child.kill('SIGTERM');
    await weir.until('the drain', async () => ((await metric(around, 'weir_ready')) === 0 ? true : undefined));
    assert.equal(busy.closed || busy.ended, false);
    weir.child.kill('SIGTERM');
    assert.deepEqual(await weir.exited, { code: 0, signal: null });
    await Promise.race([busy.shutDown(), busy.close()]);
    assert.equal(busy.received, '');
  });
}

/** Seconds of CPU that a process has taken, all threads together (proc(5), stat: utime and stime in ticks of 10 ms). */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const limits = spawnSync('prlimit', ['--version']).status === 0;

for (const threads of THREADS) {
  test(
    `fault 43, ${threads} threads: out of descriptors, accepting pauses and recovers: no spin, no crash`,
    { skip: !limits && 'prlimit is not installed here' },
    async (t) => {
      const runner = ['prlimit', `--nofile=${DESCRIPTORS}`, process.execPath] as const;
      const around = await running(t, threads, { runner });
      const [before] = (await clientsOf(t, around.port, 1)) as [Peer];
      assert.ok(await ask(before));
      const flood = await clientsOf(t, around.port, 2 * DESCRIPTORS);
      await around.weir.until('connections that cannot be kept', () =>
        flood.some(({ closed, ended }) => closed || ended) ? true : undefined,
      );
      await around.weir.until('rest: a spin would never end', async () => {
        const beganSeconds = cpuSeconds(around.weir.child.pid!);
        await sleep(systemClock, 500);
        return cpuSeconds(around.weir.child.pid!) - beganSeconds < 0.1 ? true : undefined;
      });
      assert.ok(await ask(before), 'who is connected is served meanwhile');
      assert.ok((await metric(around, 'weir_accept_errors_total')) > 0, 'the API is served meanwhile, and tells');
      assert.match(around.weir.stderr, /a connection could not be accepted: EMFILE; the limit of open files/);
      for (const { socket } of flood) socket.destroy();
      await around.weir.until('new clients', async () => ((await isServed(around.port)) ? true : undefined));
      assert.equal(await metric(around, 'weir_thread_restarts_total'), 0);
      assert.ok((await metric(around, 'process_open_fds')) < DESCRIPTORS);
    },
  );
}
