/** Programs that read access logs reject no line, whatever clients, instances and weir did. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { ATHENA, rejectedByAthena, rejectedByGoAccess } from '../../scripts/check-access-log.ts';
import { setUp, type SetUpOptions } from '../support/traffic.ts';

const GUIDE = [
  '2015-05-13T23:39:43.945958Z my-loadbalancer 192.168.131.39:2817 10.0.0.1:80 0.000086 0.001048 0.001337 200 200 0 57 "GET https://www.example.com:443/ HTTP/1.1" "curl/7.38.0" DHE-RSA-AES128-SHA TLSv1.2',
  '2015-05-13T23:39:43.945958Z my-loadbalancer 192.168.131.39:2817 10.0.0.1:80 0.001065 0.000015 0.000023 - - 57 502 "- - - " "-" ECDHE-ECDSA-AES128-GCM-SHA256 TLSv1.2',
];

/** What clients send, each over a connection of its own, which weir or they end. */
const REQUESTS = [
  'GET / HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: curl/7.38.0\r\nConnection: close\r\n\r\n',
  'GET /"quoted"\\ HTTP/1.1\r\nHost: a b\r\nUser-Agent: "\\\x80\xff\t"\r\nConnection: close\r\n\r\n',
  'BREW coffee:pot HTTP/1.1\r\nHost: [::1]:90\r\nConnection: close\r\n\r\n',
  'GET http://other/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
  'POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc',
  'OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
  'CONNECT a:1 HTTP/1.1\r\nHost: h\r\n\r\n',
  `GET /${'x'.repeat(17_000)} HTTP/1.1\r\nHost: h\r\n\r\n`,
  `${'M'.repeat(200)} / HTTP/1.1\r\nHost: h\r\n\r\n`,
  '\x16\x03\x01 what\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n',
  'GET  / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
  'GET / HTTP/1.9\r\nHost: h\r\n x: y\r\nConnection: close\r\n\r\n',
];

/** The lines that come of it when all of them are sent. */
async function linesOf(t: TestContext, options: SetUpOptions): Promise<string[]> {
  const { traffic, backends } = await setUp(t, { ...options, settings: { accessLog: 1, ...options.settings } });
  for (const backend of backends) backend.serve(() => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  for (const request of REQUESTS) {
    const client = await traffic.dial();
    client.send(request);
    await client.shutDown();
  }
  return traffic.takeLog();
}

async function tcpLines(t: TestContext): Promise<string[]> {
  const { traffic, backend } = await setUp(t, { protocol: 'TCP', settings: { accessLog: 1 } });
  const client = await traffic.dial();
  const peer = await backend.accept();
  client.send('ping');
  await peer.take('ping');
  peer.end();
  client.end();
  await client.close();
  const lost = await traffic.dial();
  await backend.accept();
  lost.reset();
  await traffic.counted('clientConnectionsActive', 0);
  return traffic.takeLog();
}

describe('readers of access logs', () => {
  it('are given lines of every kind, and reject none', async (t) => {
    const lines = [...GUIDE];
    for (const desyncMitigationMode of ['monitor', 'strictest'] as const) {
      lines.push(...(await linesOf(t, { settings: { desyncMitigationMode } })));
    }
    lines.push(...(await linesOf(t, { backendCount: 0 })), ...(await tcpLines(t)));
    assert.equal(lines.length, GUIDE.length + 3 * REQUESTS.length + 2);
    assert.deepEqual(rejectedByAthena(lines), []);
    const goaccess = rejectedByGoAccess(lines);
    if (goaccess === undefined) t.diagnostic('GoAccess is not installed (apt-get install goaccess): not asked');
    assert.deepEqual(goaccess ?? [], []);
    const statuses = new Set(lines.map((line) => ATHENA.exec(line)?.[10]));
    assert.deepEqual(statuses, new Set(['-', '200', '400', '405', '503']));
  });

  it('are told when a line is none', () => {
    const line = GUIDE[0]!;
    for (const wrong of [`${line} more`, line.replace('200 200', '200'), line.replace('curl', '"curl"'), '']) {
      assert.deepEqual(rejectedByAthena([line, wrong]), [wrong]);
    }
    assert.deepEqual(rejectedByGoAccess([line, line.replace('T23', 'T99')])?.length ?? 1, 1);
  });
});
