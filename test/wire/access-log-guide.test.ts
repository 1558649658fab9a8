/** The four lines that the user guide gives as examples, byte for byte, from requests that take the times that they tell. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { FakeClock } from '../../src/kit/clock.ts';
import { TimerWheel } from '../../src/kit/timer-wheel.ts';
import { loadBalancerId, type Protocol } from '../../src/model/load-balancer.ts';
import { ThreadContext } from '../../src/traffic/context.ts';
import { COUNTER, makeCounters, sumCounters } from '../../src/traffic/counters.ts';
import { LogRingReader, makeLogRing } from '../../src/traffic/log-ring.ts';
import { LogWriter } from '../../src/traffic/log-writer.ts';
import { Runtime } from '../../src/traffic/runtime.ts';
import type { CompiledLoadBalancer } from '../../src/traffic/snapshot.ts';
import { TARGET_STATE, TargetTable } from '../../src/traffic/target-table.ts';
import type { TlsInfo } from '../../src/transport/transport.ts';
import type { FakeConnection } from '../support/fake-connection.ts';
import { FakeTransport } from '../support/fake-transport.ts';

/** Of all four. */
const RECEIVED = Date.UTC(2015, 4, 13, 23, 39, 43) + 945.958;

/** `my-loadbalancer` with one listener and the instance 10.0.0.1:80, on a clock that moves while something is sent. */
class Guide {
  readonly clock: FakeClock;
  /** Milliseconds that sending to the instance and to the client takes. */
  toInstance = 0;
  toClient = 0;
  readonly client: FakeConnection;
  readonly #transport: FakeTransport;
  readonly #counters: SharedArrayBuffer;
  readonly #log: LogWriter;
  readonly #reader: LogRingReader;

  private constructor(
    clock: FakeClock,
    transport: FakeTransport,
    client: FakeConnection,
    counters: SharedArrayBuffer,
    log: LogWriter,
    reader: LogRingReader,
  ) {
    this.clock = clock;
    this.#counters = counters;
    this.#transport = transport;
    this.client = client;
    this.#log = log;
    this.#reader = reader;
  }

  static async start(test: TestContext, protocol: Protocol, port: number, tls?: TlsInfo): Promise<Guide> {
    const failures: unknown[] = [];
    const fail = (error: unknown): void => void failures.push(error);
    const takes = (connection: FakeConnection, length: number): number => {
      guide.clock.advance(connection === guide.client ? guide.toClient : guide.toInstance);
      return length;
    };
    const transport = new FakeTransport({ onFailure: fail, onAcceptError: fail }, { takes, bulkSize: () => 65_536 });
    const ring = makeLogRing();
    const clock = new FakeClock(RECEIVED);
    const log = new LogWriter(clock, ring);
    const table = new TargetTable(1);
    table.add();
    table.page(0).setState(0, TARGET_STATE.inService);
    const wheel = new TimerWheel(clock, undefined, fail);
    const runtime = new Runtime(new ThreadContext(0, transport, wheel, clock, () => {}, log), 1);
    const targetPages = table.pages.map(({ buffer }, page) => ({ page, buffer }));
    const upserts = [loadBalancer(protocol, port)] as const;
    await runtime.apply({ type: 'apply', revision: 1, targetPages, upserts, removals: [] });
    const client = transport.dial(port, '192.168.131.39', 2817, tls);
    assert.ok(client !== undefined);
    const guide: Guide = new Guide(clock, transport, client, upserts[0].counters, log, new LogRingReader(ring));
    test.after(async () => {
      await runtime.stop(0);
      wheel.stop();
      assert.deepEqual([failures, transport.offences], [[], []]);
    });
    return guide;
  }

  /** The connection to the instance, once there is one. */
  get instance(): FakeConnection {
    const connection = this.#transport.connections[1];
    assert.ok(connection !== undefined);
    return connection;
  }

  /** `bytes` arrive from the other end of `connection`. */
  say(connection: FakeConnection, bytes: string): void {
    connection.peer.send(bytes);
    connection.arrive(bytes.length);
  }

  end(connection: FakeConnection): void {
    connection.peer.end();
    connection.arriveEnd();
  }

  /** CloudWatch's Latency, in seconds with six decimals. */
  get latency(): string {
    return sumCounters(this.#counters)[COUNTER.latencySum]!.toFixed(6);
  }

  get lines(): string {
    this.#log.tick();
    let lines = '';
    this.#reader.read((_ordinal, _second, bytes) => (lines += bytes.toString('latin1')));
    this.#reader.release();
    return lines;
  }
}

function loadBalancer(protocol: Protocol, port: number): CompiledLoadBalancer {
  const target = { slot: 0, instanceId: 'i-1', host: '10.0.0.1', port: 80, zone: 'us-east-1a' };
  return {
    id: loadBalancerId('123456789012', 'us-east-1', 'my-loadbalancer'),
    name: 'my-loadbalancer',
    zones: ['us-east-1a'],
    countedZones: [],
    crossZone: true,
    idleTimeoutMs: 60_000,
    desyncMitigationMode: 'defensive',
    upgrade: false,
    accessLog: 1,
    maxConnectionsPerTarget: Infinity,
    preconnect: false,
    slowStartMs: 0,
    drainingTimeoutMs: 0,
    counters: makeCounters(1),
    listeners: [
      {
        protocol,
        address: '203.0.113.7',
        port,
        instanceProtocol: protocol === 'HTTPS' || protocol === 'HTTP' ? 'HTTP' : 'TCP',
        instancePort: 80,
        proxyProtocol: false,
        targets: [target],
      },
    ],
  };
}

const GET = 'GET / HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: curl/7.38.0\r\n\r\n';

/** Plays one request, which takes these times, in milliseconds. */
async function http(
  test: TestContext,
  protocol: 'HTTP' | 'HTTPS',
  port: number,
  [request, backend, response]: readonly [number, number, number],
  bodyBytes: number,
  tls?: TlsInfo,
): Promise<Guide> {
  const guide = await Guide.start(test, protocol, port, tls);
  guide.toInstance = request;
  guide.toClient = response;
  guide.say(guide.client, GET);
  guide.instance.comeUp();
  guide.clock.advance(backend);
  guide.say(guide.instance, `HTTP/1.1 200 OK\r\nContent-Length: ${bodyBytes}\r\n\r\n${'x'.repeat(bodyBytes)}`);
  return guide;
}

/** Plays one connection: accepted, connected and the first byte sent after these times; answered within the last. */
async function tcp(
  test: TestContext,
  protocol: 'TCP' | 'SSL',
  port: number,
  [request, connect, response]: readonly [number, number, number],
  [received, sent]: readonly [number, number],
  tls?: TlsInfo,
): Promise<Guide> {
  const guide = await Guide.start(test, protocol, port, tls);
  guide.clock.advance(connect);
  guide.instance.comeUp();
  guide.toInstance = request - connect;
  guide.toClient = response;
  guide.say(guide.client, 'q'.repeat(received));
  guide.clock.advance(5);
  guide.say(guide.instance, 'a'.repeat(sent));
  guide.end(guide.client);
  guide.end(guide.instance);
  return guide;
}

describe('the examples of the user guide, whose time of the instance is the latency of CloudWatch', () => {
  const begin = '2015-05-13T23:39:43.945958Z my-loadbalancer 192.168.131.39:2817 10.0.0.1:80';

  it('HTTP', async (t) => {
    const guide = await http(t, 'HTTP', 80, [0.073, 1.048, 0.057], 29);
    assert.equal(
      guide.lines,
      `${begin} 0.000073 0.001048 0.000057 200 200 0 29 "GET http://www.example.com:80/ HTTP/1.1" "curl/7.38.0" - -\n`,
    );
    assert.equal(guide.latency, '0.001048');
  });

  it('HTTPS', async (t) => {
    const tls = { cipher: 'DHE-RSA-AES128-SHA', protocol: 'TLSv1.2', resumed: false };
    const guide = await http(t, 'HTTPS', 443, [0.086, 1.048, 1.337], 57, tls);
    assert.equal(
      guide.lines,
      `${begin} 0.000086 0.001048 0.001337 200 200 0 57 "GET https://www.example.com:443/ HTTP/1.1" "curl/7.38.0" DHE-RSA-AES128-SHA TLSv1.2\n`,
    );
    assert.equal(guide.latency, '0.001048');
  });

  it('TCP', async (t) => {
    const guide = await tcp(t, 'TCP', 8080, [1.069, 0.028, 0.041], [82, 305]);
    assert.equal(guide.lines, `${begin} 0.001069 0.000028 0.000041 - - 82 305 "- - - " "-" - -\n`);
    assert.equal(guide.latency, '0.000028');
  });

  it('SSL', async (t) => {
    const tls = { cipher: 'ECDHE-ECDSA-AES128-GCM-SHA256', protocol: 'TLSv1.2', resumed: false };
    const guide = await tcp(t, 'SSL', 8443, [1.065, 0.015, 0.023], [57, 502], tls);
    assert.equal(
      guide.lines,
      `${begin} 0.001065 0.000015 0.000023 - - 57 502 "- - - " "-" ECDHE-ECDSA-AES128-GCM-SHA256 TLSv1.2\n`,
    );
    assert.equal(guide.latency, '0.000015');
  });
});
