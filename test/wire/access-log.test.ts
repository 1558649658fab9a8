/** What the access log says of what happened on the wire. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { FakeClock } from '../../src/kit/clock.ts';
import { ACCESS_LOG } from '../../src/model/limits.ts';
import { setUp, TRANSPORTS, type SetUpOptions, type Traffic } from '../support/traffic.ts';
import { refusingPort, type Peer } from '../support/peers.ts';
import { readMessage } from '../support/http-reader.ts';

const GET = 'GET /a HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: curl/7.38.0\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
/** Of a FakeClock at its start. */
const BEGIN = '2026-01-01T00:00:00.000000Z';

function logged(options: SetUpOptions = {}): SetUpOptions {
  return { ...options, settings: { accessLog: 1, ...options.settings } };
}

for (const transport of TRANSPORTS) {
  describe(`access log of HTTP (${transport})`, () => {
    it('has a line for every request, in the order of their ends, on one connection and on many', async (t) => {
      const { traffic, backend } = await setUp(t, logged({ transport }));
      backend.serve(() => OK);
      const [one, two] = [await traffic.dial(), await traffic.dial()];
      for (const client of [one, two, one]) {
        client.send(GET);
        await readMessage(client);
      }
      const line = (port: number | undefined) =>
        `${BEGIN} test 127.0.0.1:${port} 127.0.0.1:${backend.port} 0.000000 0.000000 0.000000 200 200 0 5 ` +
        `"GET http://www.example.com:${traffic.port}/a HTTP/1.1" "curl/7.38.0" - -`;
      const [portOne, portTwo] = [one.socket.localPort, two.socket.localPort];
      assert.deepEqual(traffic.takeLog(), [line(portOne), line(portTwo), line(portOne)]);
    });

    it('counts the bytes of bodies, however they are framed', async (t) => {
      const { traffic, backend } = await setUp(t, logged({ transport }));
      backend.serve(
        () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n',
      );
      const client = await traffic.dial();
      const post = 'POST /p HTTP/1.1\r\nHost: h\r\n';
      client.send(`${post}Content-Length: 10\r\n\r\n0123456789`);
      await readMessage(client);
      client.send(`${post}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n`);
      await readMessage(client);
      const counts = traffic.takeLog().map((line) => line.split(' ').slice(7, 11).join(' '));
      assert.deepEqual(counts, ['200 200 10 7', '200 200 5 7']);
    });
  });
}

describe('access log: requests that no instance answers', () => {
  const fields = (line: string | undefined) => line?.split(' ').slice(3).join(' ');

  it('says 503 where there is none', async (t) => {
    const { traffic } = await setUp(t, logged({ backendCount: 0 }));
    const client = await traffic.dial();
    client.send(GET);
    await client.take('\r\n\r\n');
    const request = `"GET http://www.example.com:${traffic.port}/a HTTP/1.1" "curl/7.38.0" - -`;
    assert.deepEqual(traffic.takeLog().map(fields), [`- -1 -1 -1 503 0 0 0 ${request}`]);
  });

  it('says 504 where it answers nothing in time, or ends the connection', async (t) => {
    const { traffic, backend } = await setUp(t, logged());
    const client = await traffic.dial();
    client.send('POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nxy');
    const peer = await backend.accept();
    await peer.take('xy');
    traffic.pass(60_000);
    await client.take('\r\n\r\n');
    const request = `"POST http://h:${traffic.port}/a HTTP/1.1" "-" - -`;
    assert.deepEqual(traffic.takeLog().map(fields), [`- -1 -1 -1 504 0 2 0 ${request}`]);
    const again = await traffic.dial();
    again.send('POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nxy');
    (await backend.accept()).socket.destroy();
    await again.take('\r\n\r\n');
    assert.deepEqual(traffic.takeLog().map(fields), [`- -1 -1 -1 504 0 2 0 ${request}`]);
  });

  it('names an instance whose answer cannot be read', async (t) => {
    const { traffic, backend } = await setUp(t, logged());
    const client = await traffic.dial();
    client.send(GET);
    (await backend.accept()).send('nonsense\r\n\r\n');
    await client.take('\r\n\r\n');
    const [line] = traffic.takeLog().map(fields);
    assert.equal(line?.startsWith(`127.0.0.1:${backend.port} 0.000000 0.000000 0.000000 502 0 0 0 "GET `), true);
  });

  it('names the instance that has answered, not the one that was asked first', async (t) => {
    const refusing = await refusingPort();
    t.after(() => refusing.release());
    const { traffic, backend } = await setUp(t, logged({ otherBackends: [refusing.port] }));
    backend.serve(() => OK);
    for (let i = 0; i < 2; i++) {
      const client = await traffic.dial();
      client.send(GET);
      await readMessage(client);
    }
    const backends = traffic.takeLog().map((line) => line.split(' ')[3]);
    assert.deepEqual(backends, [`127.0.0.1:${backend.port}`, `127.0.0.1:${backend.port}`]);
    assert.ok(traffic.count('retries') > 0);
  });

  it('says 408 of a client that goes away, or that does not end its head', async (t) => {
    const { traffic, backend } = await setUp(t, logged());
    const client = await traffic.dial();
    client.send(GET);
    await (await backend.accept()).take('\r\n\r\n');
    client.reset();
    await traffic.counted('requests', 1);
    const request = `"GET http://www.example.com:${traffic.port}/a HTTP/1.1" "curl/7.38.0" - -`;
    assert.deepEqual(traffic.takeLog().map(fields), [`- -1 -1 -1 408 0 0 0 ${request}`]);
    const slow = await traffic.dial();
    slow.send('GET / HT');
    await traffic.counted('receivedBytes', GET.length + 8);
    traffic.pass(60_000);
    await slow.take('\r\n\r\n');
    assert.deepEqual(traffic.takeLog().map(fields), ['- -1 -1 -1 408 0 0 0 "- - - " "-" - -']);
  });

  it('says nothing of the request before: of a client that goes away, and of one that sends what is none', async (t) => {
    const { traffic, backend } = await setUp(t, logged());
    const ask = async () => {
      const client = await traffic.dial();
      client.send('POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nxy');
      const peer = await backend.accept();
      await peer.take('xy');
      peer.send(OK);
      await readMessage(client);
      traffic.takeLog();
      return { client, peer };
    };
    const goes = await ask();
    goes.client.send(GET);
    await goes.peer.take('\r\n\r\n');
    goes.client.reset();
    await traffic.counted('requests', 2);
    const request = `"GET http://www.example.com:${traffic.port}/a HTTP/1.1" "curl/7.38.0" - -`;
    assert.deepEqual(traffic.takeLog().map(fields), [`- -1 -1 -1 408 0 0 0 ${request}`]);
    const { client } = await ask();
    client.send('\x16\x03\x01\r\n\r\n');
    await client.shutDown();
    assert.deepEqual(traffic.takeLog().map(fields), ['- -1 -1 -1 400 0 0 0 "- - - " "-" - -']);
    assert.deepEqual([traffic.count('backend2xx'), traffic.count('elb4xx')], [2, 2]);
  });

  it('has no line for a connection without a request', async (t) => {
    const { traffic } = await setUp(t, logged());
    const client = await traffic.dial();
    client.end();
    await client.close();
    assert.deepEqual(traffic.takeLog(), []);
  });
});

describe('access log: requests that are refused', () => {
  it('are told by the time at which they came', async (t) => {
    const { traffic } = await setUp(t, logged());
    for (const ms of ['012', '024']) {
      assert.ok(traffic.clock instanceof FakeClock);
      traffic.clock.advance(12);
      const client = await traffic.dial();
      client.send('CONNECT a:1 HTTP/1.1\r\n\r\n');
      await client.shutDown();
      const [line] = traffic.takeLog();
      assert.equal(line?.split(' ')[0], `2026-01-01T00:00:00.${ms}000Z`);
    }
  });

  it('have a client without an address where it has reset its connection meanwhile', async (t) => {
    const { traffic } = await setUp(t, logged());
    for (let i = 0; i < 50; i++) {
      const client = await traffic.dial();
      client.send('CONNECT a:1 HTTP/1.1\r\n\r\n');
      client.reset();
      await client.close();
    }
    await traffic.counted('clientConnectionsActive', 0);
    for (const line of traffic.takeLog()) assert.match(line, / test (?:127\.0\.0\.1|0\.0\.0\.0):\d+ - -1 -1 -1 400 /);
  });

  /** The line without its beginning, as for a listener of port 80. */
  const told = (traffic: Traffic) => {
    const [line, ...more] = traffic.takeLog();
    assert.deepEqual(more, []);
    return line?.split(' ').slice(3).join(' ').replace(`:${traffic.port}/`, ':80/');
  };

  it('are named by what had come of them, when they are refused before they are whole', async (t) => {
    const line = 'GET /x HTTP/1.1\r\nHost: h\r\n';
    const refuse: readonly (readonly [status: number, parts: readonly string[], then: 'end' | 'time' | undefined])[] = [
      [400, [`${line}Content-Length: a\r\n`], undefined],
      [400, [line, `A: ${'b'.repeat(20_000)}`], undefined],
      [400, [line, ...Array.from({ length: 7 }, () => `A: ${'b'.repeat(10_000)}\r\n`)], undefined],
      [400, [line, 'A'], 'end'],
      [408, [line, 'A'], 'time'],
    ];
    for (const [status, parts, then] of refuse) {
      const { traffic } = await setUp(t, logged());
      const client = await traffic.dial();
      let sent = 0;
      for (const part of parts) {
        client.send(part);
        await traffic.counted('receivedBytes', (sent += part.length));
      }
      if (then !== undefined) {
        // Meanwhile the thread has to do with another one.
        const other = await traffic.dial();
        other.send('CONNECT a:1 HTTP/1.1\r\n\r\n');
        await other.shutDown();
        traffic.takeLog();
      }
      if (then === 'end') client.end();
      if (then === 'time') traffic.pass(60_000);
      await client.shutDown();
      assert.equal(told(traffic), `- -1 -1 -1 ${status} 0 0 0 "GET http://h:80/x HTTP/1.1" "-" - -`);
    }
  });

  const refused = async (t: TestContext, request: string) => {
    const { traffic } = await setUp(t, logged({ settings: { desyncMitigationMode: 'strictest' } }));
    const client = await traffic.dial();
    client.send(request);
    await client.shutDown();
    return told(traffic);
  };

  for (const [what, request, wanted] of [
    ['garbage', '\x16\x03\x01\x02\r\n\r\n', '400 0 0 0 "- - - " "-" - -'],
    ['a method that is too long', `${'A'.repeat(128)} / HTTP/1.1\r\nHost: h\r\n\r\n`, '405 0 0 0 "- - - " "-" - -'],
    [
      'two Hosts',
      'GET /x HTTP/1.1\r\nUser-Agent: me\r\nHost: a:90\r\nHost: b\r\n\r\n',
      '400 0 0 0 "GET http://a:80/x HTTP/1.1" "me" - -',
    ],
    [
      'what desync mitigation blocks',
      'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      '400 0 0 0 "POST http://h:80/x HTTP/1.1" "-" - -',
    ],
    [
      'a length that is none',
      'POST /x HTTP/1.1\r\nHost: h:90\r\nUser-Agent: "me"\r\nContent-Length: -3\r\n\r\n',
      String.raw`400 0 0 0 "POST http://h:80/x HTTP/1.1" "\x22me\x22" - -`,
    ],
    [
      'a target that is written anew',
      'GET /a b\t"c HTTP/1.1\r\nHost: h\r\n\r\n',
      String.raw`400 0 0 0 "GET http://h:80/a\x20b\x09\x22c HTTP/1.1" "-" - -`,
    ],
    ['a version that is none', 'GET /x HTTP/3.0\r\nHost: h\r\n\r\n', '400 0 0 0 "- - - " "-" - -'],
  ] as const) {
    it(`keeps of ${what} what could be read`, async (t) => {
      assert.equal(await refused(t, request), `- -1 -1 -1 ${wanted}`);
    });
  }
});

describe('access log: what clients say of themselves', () => {
  it('is escaped, so that one request is one line of plain text', async (t) => {
    const { traffic, backend } = await setUp(t, logged({ settings: { desyncMitigationMode: 'monitor' } }));
    backend.serve(() => OK);
    const client = await traffic.dial();
    client.send('GET /"\\\xe4 HTTP/1.1\r\nHost: a b\r\nUser-Agent: "x"\t\\\xff y\r\n\r\n');
    await readMessage(client);
    const [line, ...more] = traffic.takeLog();
    assert.deepEqual(more, []);
    const request = `"GET http://a\\x20b:${traffic.port}/\\x22\\x5C\\xE4 HTTP/1.1"`;
    assert.equal(line?.split(' 200 200 0 5 ')[1], `${request} "\\x22x\\x22\\x09\\x5C\\xFF y" - -`);
  });

  it('is the target as it was sent, also where the back end gets it written anew', async (t) => {
    const { traffic, backend } = await setUp(t, logged());
    const targets: string[] = [];
    backend.serve(({ startLine }) => {
      targets.push(startLine);
      return OK;
    });
    const client = await traffic.dial();
    client.send('GET  /a b%20c HTTP/1.1\r\nHost: h\r\nUser-Agent: me\r\n\r\n');
    await readMessage(client);
    assert.deepEqual(targets, ['GET /a%20b%20c HTTP/1.1']);
    const [line] = traffic.takeLog();
    assert.equal(line?.split(' 200 200 0 5 ')[1], `"GET http://h:${traffic.port}/a\\x20b%20c HTTP/1.1" "me" - -`);
  });

  it('is cut: a user agent at 8 KiB', async (t) => {
    const { traffic, backend } = await setUp(t, logged());
    backend.serve(() => OK);
    const client = await traffic.dial();
    client.send(`GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: ${'"'.repeat(9000)}\r\n\r\n`);
    await readMessage(client);
    const [line] = traffic.takeLog();
    assert.equal(line?.split('" "')[1], `${'\\x22'.repeat(8192)}" - -`);
  });

  it('need not name a host', async (t) => {
    const { traffic, backend } = await setUp(t, logged());
    backend.serve(() => OK);
    const client = await traffic.dial();
    client.send('GET / HTTP/1.0\r\n\r\n');
    await readMessage(client);
    const [line] = traffic.takeLog();
    assert.ok(line?.includes(` "GET http://127.0.0.1:${traffic.port}/ HTTP/1.0" "-" `));
  });
});

describe('access log: when and what of', () => {
  it('is on and off from the next request on', async (t) => {
    const { traffic, backend } = await setUp(t, { settings: {} });
    backend.serve(() => OK);
    const client = await traffic.dial();
    for (const accessLog of [undefined, 1, undefined, 2]) {
      await traffic.apply(accessLog === undefined ? {} : { accessLog });
      client.send(GET.replace('/a', `/${accessLog}`));
      await readMessage(client);
    }
    const targets = traffic.takeLog().map((line) => line.split('/').at(-3)?.split(' ')[0]);
    assert.deepEqual(targets, ['1', '2']);
  });

  it('says in seconds how long it took', async (t) => {
    const { traffic, backend } = await setUp(t, logged());
    const client = await traffic.dial();
    client.send('GET / HT');
    await traffic.counted('receivedBytes', 8);
    traffic.pass(1400);
    client.send('TP/1.1\r\nHost: h\r\n\r\n');
    const peer = await backend.accept();
    await peer.take('\r\n\r\n');
    traffic.pass(12_400);
    peer.send(OK);
    await readMessage(client);
    const [line] = traffic.takeLog();
    assert.equal(line?.split(' ').slice(4, 7).join(' '), '1.500000 12.500000 0.000000');
    assert.ok(line?.startsWith(BEGIN));
  });

  it('says it of each request of a connection by itself', async (t) => {
    const { traffic, backend } = await setUp(t, logged());
    const { clock } = traffic;
    assert.ok(clock instanceof FakeClock);
    const client = await traffic.dial();
    let instance: Peer | undefined;
    const turns = [
      [BEGIN, ['GET / HT', 'TP/1.1\r\n\r\n']],
      [BEGIN.replace('00.000000', '01.875000'), ['GET / HTTP/1.1\r\n\r\n']],
      [BEGIN.replace('00.000000', '03.500000'), ['GET', ' / HTTP/1.1\r\n\r\n']],
    ] as const;
    let received = 0;
    for (const [turn, [begin, [first, rest]]] of turns.entries()) {
      client.send(first);
      await traffic.counted('receivedBytes', (received += first.length));
      if (rest !== undefined) {
        clock.advance(250);
        client.send(rest);
        received += rest.length;
      }
      instance ??= await backend.accept();
      await instance.take('\r\n\r\n');
      clock.advance(500);
      instance.send('HTTP/1.1 200 OK\r\nContent-Le');
      await traffic.counted('latencyCount', turn + 1);
      clock.advance(125);
      instance.send('ngth: 2\r\n\r\nok');
      await client.take('ok');
      clock.advance(1000);
      const told = traffic.takeLog().map((line) => line.split(' '));
      const came = `0.${rest === undefined ? '00' : '25'}0000`;
      assert.deepEqual(
        told.map((each) => [each[0], ...each.slice(4, 7)]),
        [[begin, came, '0.500000', '0.125000']],
      );
    }
  });

  it('does not take an interim response for the answer, CloudWatch neither', async (t) => {
    const { traffic, backend } = await setUp(t, logged());
    assert.ok(traffic.clock instanceof FakeClock);
    const client = await traffic.dial();
    client.send('POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
    const instance = await backend.accept();
    await instance.take('\r\n\r\n');
    traffic.clock.advance(1000);
    instance.send('HTTP/1.1 100 Continue\r\n\r\n');
    await client.take('\r\n\r\n');
    traffic.clock.advance(2000);
    client.send('body');
    await instance.take('body');
    traffic.clock.advance(4000);
    instance.send('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Le');
    await client.take('\r\n\r\n');
    traffic.clock.advance(500);
    instance.send('ngth: 2\r\n\r\nok');
    await client.take('ok');
    const [line] = traffic.takeLog();
    assert.equal(line?.split(' ').slice(4, 9).join(' '), '0.000000 7.000000 0.500000 200 200');
    assert.equal(traffic.count('latencySum').toFixed(6), '7.000000');
    assert.equal(traffic.count('latencyCount'), 1);
  });

  it('has the whole of a connection that was upgraded in one line, at its end', async (t) => {
    const { traffic, backend } = await setUp(t, logged({ settings: { upgrade: true } }));
    const client = await traffic.dial();
    client.send('GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nbehind');
    const peer = await backend.accept();
    await peer.take('\r\n\r\n');
    traffic.pass(900);
    peer.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly');
    await client.take('early');
    await peer.take('behind');
    traffic.pass(2900);
    client.send('to the instance');
    await peer.take('to the instance');
    peer.send('to the client');
    await client.take('to the client');
    assert.deepEqual(traffic.takeLog(), []);
    client.end();
    await peer.shutDown();
    peer.end();
    await client.close();
    const [line, ...more] = traffic.takeLog();
    assert.deepEqual(more, []);
    const what = `101 101 ${6 + 15} ${5 + 13} "GET http://h:${traffic.port}/ws HTTP/1.1" "-" - -`;
    assert.ok(line?.endsWith(` 0.000000 1.000000 0.000000 ${what}`), 'the times are those of the request');
  });
});

describe('access log that nobody takes', () => {
  it('loses lines, which are counted, and no request', async (t) => {
    const { traffic, backend } = await setUp(t, logged());
    backend.serve(() => OK);
    const agent = '"'.repeat(8000);
    const client = await traffic.dial();
    for (let requests = 0; traffic.droppedLines === 0; requests++) {
      assert.ok(requests * agent.length * 4 < 2 * ACCESS_LOG.ringBytes, 'a ring is full some time');
      client.send(`GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: ${agent}\r\n\r\n`);
      assert.equal((await readMessage(client)).body, 'hello');
    }
    assert.ok(traffic.takeLog().length > ACCESS_LOG.ringBytes / (agent.length * 4 + 1000));
    client.send(GET);
    await readMessage(client);
    assert.equal(traffic.takeLog().length, 1);
  });
});
