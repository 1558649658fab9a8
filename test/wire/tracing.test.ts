/** Request tracing: what a client says of it passes through; X-Amzn-Trace-Id is made where it is asked for. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setUp } from '../support/traffic.ts';

const ID = `1-${(Date.UTC(2026, 0, 1) / 1000).toString(16)}-[\\da-f]{24}`;

/** The lines about tracing of what the back end gets for a request with `lines`. */
async function forwarded(t: Parameters<typeof setUp>[0], traceId: boolean, lines: string): Promise<string[]> {
  const { traffic, backend } = await setUp(t, { settings: { traceId } });
  const client = await traffic.dial();
  client.send(`GET / HTTP/1.1\r\nHost: h\r\n${lines}Accept: */*\r\n\r\n`);
  const head = await (await backend.accept()).take('\r\n\r\n');
  client.reset();
  return head.split('\r\n').filter((line) => /trace|accept/i.test(line));
}

describe('request tracing', () => {
  const w3c = 'TraceParent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\ntracestate: a=b,c=d\r\n';

  it('passes the W3C fields through untouched, and X-Amzn-Trace-Id too unless it is asked for', async (t) => {
    const lines = `${w3c}x-amzn-trace-id:Root=1-2-3\r\n`;
    assert.deepEqual(await forwarded(t, false, lines), [...lines.split('\r\n').slice(0, -1), 'Accept: */*']);
    assert.deepEqual((await forwarded(t, true, w3c)).slice(0, 2), w3c.split('\r\n').slice(0, 2));
  });

  for (const [what, lines, wanted] of [
    ['a request that has none gets one', '', `Root=${ID}`],
    ['one with a root gets a self', 'X-Amzn-Trace-Id: Root=1-2-3;App=x\r\n', `Self=${ID};Root=1-2-3;App=x`],
    [
      'a self of a load balancer before is replaced',
      'X-AMZN-TRACE-ID: Self=1-1-1;Root=1-2-3\r\n',
      `Self=${ID};Root=1-2-3`,
    ],
    ['one without a root gets that too', 'X-Amzn-Trace-Id: CalledFrom=app\r\n', `Root=${ID};CalledFrom=app`],
    ['an empty one is none', 'X-Amzn-Trace-Id: \r\n', `Root=${ID}`],
    [
      'several become one',
      'X-Amzn-Trace-Id: App=x\r\nX-Other: y\r\nX-Amzn-Trace-Id: Root=1-2-3\r\n',
      `Self=${ID};App=x;Root=1-2-3`,
    ],
    [
      'one that concerns the connection only is not continued',
      'Connection: X-Amzn-Trace-Id\r\nX-Amzn-Trace-Id: Root=1-2-3\r\n',
      `Root=${ID}`,
    ],
  ] as const) {
    it(what, async (t) => {
      const [accept, traceId, ...more] = await forwarded(t, true, lines);
      assert.deepEqual([accept, more], ['Accept: */*', []]);
      assert.match(traceId ?? '', new RegExp(`^X-Amzn-Trace-Id: ${wanted}$`));
    });
  }

  it('gives no two requests the same id', async (t) => {
    const { traffic, backend } = await setUp(t, { settings: { traceId: true } });
    const ids = new Set<string | undefined>();
    backend.serve(({ head }) => {
      ids.add(/Root=(\S+)/.exec(head)?.[1]);
      return 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
    });
    const client = await traffic.dial();
    for (let i = 0; i < 600; i++) {
      client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      await client.take('\r\n\r\nok');
    }
    assert.equal(ids.size, 600);
  });
});
