import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import type { Fault } from '../../src/api/fault.ts';
import { createHttpServer } from '../../src/api/http-server.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { API } from '../../src/model/limits.ts';
import { ApiHarness, KEY } from '../support/api.ts';
import { signedRequest } from '../support/sign.ts';

const DESCRIBE = '/?Action=DescribeLoadBalancers&Version=2012-06-01';

let harness: ApiHarness;

before(async () => {
  harness = await ApiHarness.start({
    pages: {
      '/': (_request, response) => void response.end('the console'),
      '/metrics': (_request, response) => void response.end('the metrics'),
    },
  });
});
after(() => harness.stop());

/** Sends `text` as it is; all that comes back until the connection ends. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(harness.port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.setEncoding('latin1').on('data', (data: string) => (answer += data));
    socket.on('close', () => resolve(answer)).on('error', reject);
  });
}

/** An error as AWS's clients read it, with the same request id twice, and the time by which they set their clocks. */
function assertFault(answer: string, status: number, code: string): void {
  assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), answer);
  assert.match(answer, new RegExp(`<Code>${code}</Code>`));
  const id = /x-amzn-RequestId: ([0-9a-f-]{36})\r\n/.exec(answer)?.[1];
  assert.ok(id !== undefined && answer.includes(`<RequestId>${id}</RequestId>`));
  const [date = '', ...others] = answer.match(/(?<=\r\nDate: ).*(?=\r\n)/g) ?? [];
  assert.deepEqual(others, []);
  assert.ok(Math.abs(Date.parse(date) - systemClock.epochMs()) < 60_000, date);
}

describe('a 405 names the methods that are allowed', () => {
  it('where calls go, at a page, at an operation of CloudWatch in CBOR, and to who takes weir for a proxy', async () => {
    const cases: readonly (readonly [method: string, path: string, allow: string, headers?: Record<string, string>])[] =
      [
        ['DELETE', '/', 'GET, HEAD, POST'],
        ['OPTIONS', '/', 'GET, HEAD, POST'],
        ['HEAD', DESCRIBE, 'GET, HEAD, POST'],
        ['POST', '/metrics', 'GET, HEAD'],
      ];
    for (const [method, path, allow] of cases) {
      const response = await fetch(harness.endpoint + path, { method });
      const text = await response.text();
      assert.deepEqual([response.status, response.headers.get('allow')], [405, allow], `${method} ${path}`);
      if (method !== 'HEAD') assert.match(text, /<Code>MethodNotAllowed<\/Code>/);
    }
    const path = '/service/GraniteServiceVersion20100801/operation/ListMetrics';
    const { rawHeaders } = signedRequest({
      ...KEY,
      service: 'monitoring',
      method: 'GET',
      target: path,
      timeMs: systemClock.epochMs(),
      headers: { Host: `127.0.0.1:${harness.port}`, 'smithy-protocol': 'rpc-v2-cbor' },
    });
    const headers: [string, string][] = [];
    for (let i = 0; i < rawHeaders.length; i += 2) headers.push([rawHeaders[i]!, rawHeaders[i + 1]!]);
    const read = await fetch(harness.endpoint + path, { headers });
    assert.deepEqual([read.status, read.headers.get('allow')], [405, 'POST']);
    const tunnel = await raw('CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n');
    assertFault(tunnel, 405, 'MethodNotAllowed');
    assert.match(tunnel, /\r\nAllow: GET, HEAD, POST\r\n/);
  });
});

describe('who takes weir for a proxy', () => {
  it('and resets the connection meanwhile ends nothing but that', async () => {
    for (let count = 0; count < 60; count++) {
      await new Promise<void>((resolve) => {
        const socket = connect(harness.port, '127.0.0.1', () => {
          socket.write('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(count % 20));
          socket.write('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', () => socket.resetAndDestroy());
        });
        socket.on('error', () => undefined).on('close', () => resolve());
      });
    }
    assert.equal((await fetch(`${harness.endpoint}/metrics`)).status, 200);
  });
});

describe('a request says once for which host it is', () => {
  it('MalformedRequest: HTTP/1.1 without a Host, or any version with two, for calls and pages alike', async () => {
    for (const path of ['/', '/metrics', DESCRIBE]) {
      assertFault(await raw(`GET ${path} HTTP/1.1\r\n\r\n`), 400, 'MalformedRequest');
      for (const version of ['1.0', '1.1']) {
        const twice = `GET ${path} HTTP/${version}\r\nHost: a\r\nhOST: a\r\n\r\n`;
        assertFault(await raw(twice), 400, 'MalformedRequest');
      }
    }
    const waiting = `POST / HTTP/1.1\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n`;
    assert.match(await raw(waiting), /<Code>MalformedRequest<\/Code>/);
    assertFault(await raw('no HTTP\r\n\r\n'), 400, 'MalformedRequest');
  });

  it('HTTP/1.0 may leave it out', async () => {
    assert.match(await raw('GET /metrics HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 [^]*the metrics$/);
    assertFault(await raw(`GET ${DESCRIBE} HTTP/1.0\r\n\r\n`), 403, 'MissingAuthenticationToken');
  });
});

describe('what may be sent and means nothing else', () => {
  it('a whole URL stands for its path', async () => {
    const page = `GET http://weir.example/metrics?x=1 HTTP/1.1\r\nHost: weir.example\r\nConnection: close\r\n\r\n`;
    assert.match(await raw(page), /^HTTP\/1\.1 200 [^]*the metrics$/);
    const call = `GET HTTP://weir.example${DESCRIBE.slice(1)} HTTP/1.1\r\nHost: weir.example\r\nConnection: close\r\n\r\n`;
    assertFault(await raw(call), 403, 'MissingAuthenticationToken');
    assertFault(await raw(call.replace('example?', 'example/none?')), 404, 'NotFound');
  });

  it('an expectation that nobody knows is ignored', async () => {
    const asked = 'GET /metrics HTTP/1.1\r\nHost: a\r\nExpect: more\r\nConnection: close\r\n\r\n';
    assert.match(await raw(asked), /^HTTP\/1\.1 200 [^]*the metrics$/);
  });
});

describe('the server', () => {
  const refuse = ({ status, code }: Fault) => ({
    requestId: 'id',
    reply: { status, contentType: 'text/plain', body: code },
  });
  const server = createHttpServer({ handle: () => undefined, refuse });

  it('has bounds for all that a client may take', () => {
    const { maxHeadersCount, maxConnections, timeout, keepAliveTimeout, headersTimeout, requestTimeout } = server;
    assert.deepEqual(
      { maxHeadersCount, maxConnections, timeout, keepAliveTimeout, headersTimeout, requestTimeout },
      {
        maxHeadersCount: API.maxHeaders,
        maxConnections: API.maxConnections,
        timeout: API.idleTimeoutMs,
        keepAliveTimeout: API.idleTimeoutMs,
        headersTimeout: API.headersTimeoutMs,
        requestTimeout: API.requestTimeoutMs,
      },
    );
  });

  it('RequestTimeout: answers a request that is not complete in time, and ends the connection', async () => {
    let answer = '';
    const socket = new Duplex({
      read: () => undefined,
      write: (chunk, _encoding, done) => {
        answer += String(chunk);
        done();
      },
    });
    const closed = once(socket, 'close');
    server.emit('clientError', Object.assign(new Error('late'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket);
    await closed;
    assert.match(answer, /^HTTP\/1\.1 408 RequestTimeout\r\nConnection: close\r\n[^]*\r\n\r\nRequestTimeout$/);
  });

  it('lets nobody stay who takes it for a proxy and reads nothing', () => {
    const socket = new Socket();
    server.emit('connect', {}, socket, Buffer.alloc(0));
    assert.equal(socket.timeout, API.idleTimeoutMs);
    socket.emit('timeout');
    assert.ok(socket.destroyed);
  });
});
