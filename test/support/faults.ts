/**
 * The scripts of test/faults: a row of docs/faults.md on every layer that it applies to, over both transports. Each script
 * ends by saying what tells of the fault: all the metrics that moved, and all the lines of the access log.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { systemClock } from '../../src/kit/clock.ts';
import { isTls, type Protocol } from '../../src/model/load-balancer.ts';
import { HANDSHAKE_COUNTERS } from '../../src/traffic/counters.ts';
import { HANDSHAKE_FAILURES, handshakeFailureCell } from '../../src/traffic/handshake-counters.ts';
import type { Peer, ScriptedServer } from './peers.ts';
import { dialTls, servedTls, startTlsBackend } from './tls.ts';
import { setUp, TRANSPORTS, type SetUp, type SetUpOptions, type Traffic } from './traffic.ts';

/** On the fake clock of every script. */
export const IDLE_MS = 1000;

export const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
export const BAD_REQUEST = 'HTTP/1.1 400 BAD_REQUEST\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n';
export const REQUEST_TIMEOUT = 'HTTP/1.1 408 REQUEST_TIMEOUT\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n';
export const BAD_GATEWAY = 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n';
export const AT_CAPACITY =
  'HTTP/1.1 503 Service Unavailable: Back-end server is at capacity\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n';
export const GATEWAY_TIMEOUT = 'HTTP/1.1 504 GATEWAY_TIMEOUT\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n';

/** Of the client's side; the back end's is the same. */
export const LAYER_7 = ['HTTP', 'HTTPS'] as const;
export const LAYER_4 = ['TCP', 'SSL'] as const;

/** The counters that tell of requests and of what went wrong with them. */
const TELLING = [
  'requests',
  'backend2xx',
  'backend3xx',
  'backend4xx',
  'backend5xx',
  'backendOther',
  'elb4xx',
  'elb5xx',
  'backendConnectionErrors',
  'retries',
  'spillover',
] as const;
type Telling = (typeof TELLING)[number] | 'handshakeFailures';
type Metric = Partial<Record<Telling, number>>;

/** A line of the access log: what is not named is `-` there, or 0 for the status of a back end of layer 7. */
export interface LogLine {
  /** The slot of the instance: on layer 7 of the one that answered. */
  readonly instance?: number;
  readonly elb?: number;
  readonly backend?: number;
}

/** What the fields of a line may be. */
const LINE = new RegExp(
  String.raw`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z test 127\.0\.0\.1:\d+ (?<instance>-|127\.0\.0\.1:\d+)` +
    String.raw`(?: -1| \d+\.\d{6}){3} (?<statuses>- -|\d{3} (?:0|\d{3})) \d+ \d+` +
    String.raw` "(?:- - - |[!-~]+ https?://[!-~]+ HTTP/1\.[01])" "[ -~]+" (?:- -|[A-Z0-9-]+ TLSv1\.\d)$`,
);

/** Everything that tells of what happened: counters that are not named have not moved, and there are no other lines. */
export interface Tells {
  readonly metric: Metric;
  readonly log: readonly LogLine[];
}

/** How long counters may take to come to what is expected of them. */
const PATIENCE_MS = 5000;

export interface Joined {
  readonly client: Peer;
  readonly instance: Peer;
}

/** A load balancer in front of scripted back ends, at one layer over one transport. */
export class Scene {
  readonly t: TestContext;
  readonly layer: Protocol;
  readonly traffic: Traffic;
  readonly backend: ScriptedServer;
  readonly backends: readonly ScriptedServer[];

  constructor(t: TestContext, layer: Protocol, { traffic, backend, backends }: SetUp) {
    this.t = t;
    this.layer = layer;
    this.traffic = traffic;
    this.backend = backend;
    this.backends = backends;
  }

  async dial(): Promise<Peer> {
    if (!isTls(this.layer)) return this.traffic.dial();
    // Over a socket of its own, which can be reset.
    const socket = connect({ port: this.traffic.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const client = await dialTls(this.traffic.port, { socket });
    this.t.after(() => client.socket.destroy());
    return client;
  }

  /** A client whose request, as far as it is given, has reached the back end over a new connection. */
  async asked(request = GET): Promise<Joined> {
    const client = await this.dial();
    client.send(request);
    const instance = await this.backend.accept();
    await instance.take(request.slice(-4));
    return { client, instance };
  }

  /** A client of layer 4 from which a byte has gone all the way. */
  async joined(): Promise<Joined> {
    const client = await this.dial();
    client.send('!');
    const instance = await this.backend.accept();
    await instance.take('!');
    return { client, instance };
  }

  /** The next request of `client` is served by a connection that is new. */
  async servedAnew(client: Peer): Promise<Peer> {
    client.send(GET);
    const fresh = await this.backend.accept();
    await fresh.take('\r\n\r\n');
    fresh.send(OK);
    assert.equal(await client.take('ok'), OK);
    return fresh;
  }
}

export type Script = (scene: Scene) => Promise<Tells>;

/** Registers the script of a row for every layer and both transports. */
export function fault(
  row: number,
  property: string,
  layers: readonly Protocol[],
  script: Script,
  options: (t: TestContext) => Promise<SetUpOptions> = () => Promise.resolve({}),
): void {
  for (const layer of layers) {
    for (const transport of TRANSPORTS) {
      test(`fault ${row}, ${layer} over ${transport}: ${property}`, async (t) => {
        const around = await setUp(t, { transport, ...withLayer(layer, await options(t)) });
        const scene = new Scene(t, layer, around);
        const { metric, log } = await script(scene);
        await assertMetric(around.traffic, metric);
        await assertLog(around.traffic, log);
      });
    }
  }
}

function withLayer(layer: Protocol, options: SetUpOptions): SetUpOptions {
  const tls = isTls(layer);
  return {
    protocol: layer,
    ...(tls ? { startBackend: () => startTlsBackend() } : {}),
    ...options,
    settings: { idleTimeoutMs: IDLE_MS, accessLog: 0, ...options.settings },
    listener: { instanceProtocol: layer, ...(tls ? { tls: servedTls() } : {}), ...options.listener },
  };
}

/** Calls `look` until it gives what is expected, for a while. */
async function assertSoon<T>(look: () => T, expected: T): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + PATIENCE_MS;
  while (!isDeepStrictEqual(look(), expected) && systemClock.monotonicMs() < deadlineMs) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(look(), expected);
}

function assertMetric(traffic: Traffic, expected: Metric): Promise<void> {
  const count = (name: Telling) => (name === 'handshakeFailures' ? handshakeFailures(traffic) : traffic.count(name));
  return assertSoon(
    () => told(count),
    told((name) => expected[name] ?? 0),
  );
}

async function assertLog(traffic: Traffic, expected: readonly LogLine[]): Promise<void> {
  const found: LogLine[] = [];
  await assertSoon<readonly LogLine[]>(() => {
    for (const line of traffic.takeLog()) found.push(readLine(traffic, line));
    return found;
  }, expected);
}

function readLine(traffic: Traffic, line: string): LogLine {
  const { instance = '', statuses = '' } = LINE.exec(line)?.groups ?? assert.fail(`no line of the access log: ${line}`);
  const slot = traffic.listeners[0]!.targets.find(({ host, port }) => `${host}:${port}` === instance)?.slot;
  const [elb, backend] = statuses.split(' ').map(Number) as [number, number];
  return {
    ...(instance === '-' ? {} : { instance: slot ?? assert.fail(`no instance has this address: ${line}`) }),
    ...(Number.isNaN(elb) ? {} : { elb }),
    ...(Number.isNaN(backend) || backend === 0 ? {} : { backend }),
  };
}

/** Those that are not 0, in one order. */
function told(count: (name: Telling) => number): Metric {
  const all = ([...TELLING, 'handshakeFailures'] as const).map((name) => [name, count(name)] as const);
  return Object.fromEntries(all.filter(([, value]) => value !== 0));
}

function handshakeFailures({ cells }: Traffic): number {
  const last = HANDSHAKE_COUNTERS + handshakeFailureCell('');
  return cells.slice(last + 1 - HANDSHAKE_FAILURES.length, last + 1).reduce((sum, count) => sum + count, 0);
}

/** The same line so many times. */
export function lines(count: number, line: LogLine): LogLine[] {
  return Array.from({ length: count }, () => line);
}
