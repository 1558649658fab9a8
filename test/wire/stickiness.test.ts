/** Sticky sessions: what clients and instances see of them. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { CompiledListener, CompiledStickiness } from '../../src/traffic/snapshot.ts';
import { COOKIE_KEY_BYTES } from '../../src/traffic/stickiness-seal.ts';
import { TARGET_STATE } from '../../src/traffic/target-table.ts';
import { readMessage, valueOf, type Message } from '../support/http-reader.ts';
import type { Peer } from '../support/peers.ts';
import { setUp, TRANSPORTS, type SetUp, type SetUpOptions } from '../support/traffic.ts';

const KEY = Buffer.alloc(COOKIE_KEY_BYTES, 1);
const OTHER_KEY = Buffer.alloc(COOKIE_KEY_BYTES, 2);
const HEX = '[0-9A-F]{96}';
const DURATION = { kind: 'duration', keys: [KEY], periodSeconds: 60 } as const;
const APPLICATION = { kind: 'application', keys: [KEY], cookieName: 'SESSION' } as const;

interface Sticky extends SetUp {
  /** Sends a request over a connection of its own; the body of the answer is the number of the instance. */
  readonly ask: (cookies?: string, lines?: string) => Promise<Answer>;
  /** What instances answer with besides. */
  readonly answerWith: (lines: string) => void;
  readonly make: (stickiness: CompiledStickiness, changes?: Partial<CompiledListener>) => Promise<void>;
}

interface Answer {
  readonly instance: string;
  readonly cookies: readonly string[];
  /** The value of AWSELB, where it was set. */
  readonly value: string;
}

for (const transport of TRANSPORTS) {
  /** A sticky listener in front of three instances that answer with their number. */
  async function sticky(t: TestContext, stickiness: CompiledStickiness, options: SetUpOptions = {}): Promise<Sticky> {
    const around = await setUp(t, { transport, backendCount: 3, ...options });
    const { traffic, backends } = around;
    let lines = '';
    for (const [number, backend] of backends.entries()) {
      backend.serve(() => `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n${lines}\r\n${number}`);
    }
    const make = (now: CompiledStickiness, changes: Partial<CompiledListener> = {}) =>
      traffic.apply({ listeners: traffic.listeners.map((one) => ({ ...one, stickiness: now, ...changes })) });
    await make(stickiness);
    return {
      ...around,
      make,
      answerWith: (next) => (lines = next),
      async ask(cookies = '', more = '') {
        const client = await traffic.dial();
        const cookie = cookies === '' ? '' : `Cookie: ${cookies}\r\n`;
        client.send(`GET / HTTP/1.1\r\nHost: h\r\n${cookie}${more}Connection: close\r\n\r\n`);
        return answerOf(client);
      },
    };
  }

  /** A session on some instance: its cookie. */
  async function session({ ask }: Sticky): Promise<Answer> {
    const answer = await ask();
    assert.match(answer.value, new RegExp(`^${HEX}$`));
    return answer;
  }

  async function staysOn({ ask }: Sticky, instance: string, cookies: string, lines = ''): Promise<void> {
    for (let i = 0; i < 4; i++) assert.equal((await ask(cookies, lines)).instance, instance);
  }

  /** Requests go to the three in turn, as without any cookie. */
  async function isAsNone({ ask }: Sticky, cookies: string): Promise<void> {
    const seen = new Set<string>();
    for (let i = 0; i < 3; i++) seen.add((await ask(cookies)).instance);
    assert.equal(seen.size, 3);
  }

  describe(`a session of a set duration over the ${transport} transport`, () => {
    test('begins with AWSELB and AWSELBCORS: upper-case hex, path and age', async (t) => {
      const { cookies, value } = await session(await sticky(t, DURATION));
      assert.deepEqual(cookies, [
        `AWSELB=${value};PATH=/;MAX-AGE=60`,
        `AWSELBCORS=${value};PATH=/;MAX-AGE=60;SECURE;SAMESITE=None`,
      ]);
    });

    test('has no age when the policy has no period', async (t) => {
      const { cookies, value } = await session(await sticky(t, { kind: 'duration', keys: [KEY] }));
      assert.deepEqual(cookies, [`AWSELB=${value};PATH=/`, `AWSELBCORS=${value};PATH=/;SECURE;SAMESITE=None`]);
    });

    test('has the age that its policy says from the next one on', async (t) => {
      const around = await sticky(t, DURATION);
      await session(around);
      await around.make({ ...DURATION, periodSeconds: 30 });
      assert.match((await session(around)).cookies[0]!, /;MAX-AGE=30$/);
    });

    test('is followed to its instance, and its cookie is not set again', async (t) => {
      const around = await sticky(t, DURATION);
      for (let i = 0; i < 3; i++) {
        const { instance, value } = await session(around);
        for (let j = 0; j < 3; j++) {
          assert.deepEqual(await around.ask(`AWSELB=${value}`), { instance, cookies: [], value: '' });
        }
      }
    });

    test('is followed after its period too, which is for the client to watch', async (t) => {
      const around = await sticky(t, DURATION);
      const { instance, value } = await session(around);
      around.traffic.pass(100 * 1000 * DURATION.periodSeconds);
      await staysOn(around, instance, `AWSELB=${value}`);
    });

    test('is chosen by the algorithm without a cookie: another instance each time', async (t) => {
      await isAsNone(await sticky(t, DURATION), '');
    });

    test('is followed by AWSELBCORS where AWSELB is absent, and only there', async (t) => {
      const around = await sticky(t, DURATION);
      const { instance, value } = await session(around);
      await staysOn(around, instance, `AWSELBCORS=${value}`);
      await isAsNone(around, `AWSELBCORS=${value}; AWSELB=0`);
    });

    test('is found among other cookies, in quotes, and in whichever Cookie field', async (t) => {
      const around = await sticky(t, DURATION);
      const { instance, value } = await session(around);
      for (const cookies of [
        `a=1; AWSELB=${value}; b=2`,
        `a=1;AWSELB=${value};`,
        `AWSELB="${value}"`,
        `AWSELB=0; AWSELB=${value}`,
        `XAWSELB=0; awselb=0;AWSELB = ${value}`,
      ]) {
        await staysOn(around, instance, cookies);
      }
      await staysOn(around, instance, 'a=1', `Cookie: AWSELB=${value}\r\nCookie: b=2\r\n`);
    });

    test('is found where the head is written anew by the desync classifier', async (t) => {
      const around = await sticky(t, DURATION);
      const { instance, value } = await session(around);
      await staysOn(around, instance, `AWSELB=${value}`, 'Content-Length: 0\r\n');
    });

    test('goes on as if there were no cookie when its instance is out of service', async (t) => {
      const around = await sticky(t, DURATION);
      const { instance, value } = await session(around);
      around.traffic.setState(Number(instance), TARGET_STATE.outOfService);
      const moved = await around.ask(`AWSELB=${value}`);
      assert.notEqual(moved.instance, instance);
      assert.match(moved.value, new RegExp(`^${HEX}$`));
      assert.notEqual(moved.value, value);
      around.traffic.setState(Number(instance), TARGET_STATE.inService);
      await staysOn(around, moved.instance, `AWSELB=${moved.value}`);
    });

    test('leaves a draining instance', async (t) => {
      const around = await sticky(t, DURATION);
      const { instance, value } = await session(around);
      around.traffic.setState(Number(instance), TARGET_STATE.draining);
      assert.notEqual((await around.ask(`AWSELB=${value}`)).instance, instance);
    });

    test('goes on elsewhere when its instance is deregistered, and finds it again when it is back', async (t) => {
      const around = await sticky(t, DURATION);
      const { instance, value } = await session(around);
      const { targets } = around.traffic.listeners[0]!;
      await around.make(DURATION, { targets: targets.filter(({ slot }) => slot !== Number(instance)) });
      const moved = await around.ask(`AWSELB=${value}`);
      assert.notEqual(moved.instance, instance);
      assert.notEqual(moved.value, '');
      await around.make(DURATION);
      await staysOn(around, instance, `AWSELB=${value}`);
    });

    test('goes on elsewhere when its instance refuses the connection, with a new cookie', async (t) => {
      const around = await sticky(t, DURATION);
      const { instance, value } = await session(around);
      await around.backends[Number(instance)]!.stop();
      const moved = await around.ask(`AWSELB=${value}`);
      assert.notEqual(moved.instance, instance);
      await staysOn(around, moved.instance, `AWSELB=${moved.value}`);
    });

    test('stays on its instance when that closes a pooled connection', async (t) => {
      const { traffic, backends, make } = await scripted(t, 2);
      await make(DURATION);
      const client = await traffic.dial();
      client.send('GET /1 HTTP/1.1\r\nHost: h\r\n\r\n');
      const first = await backends[0]!.accept();
      await readMessage(first);
      first.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      const { value } = cookiesOf(await readMessage(client));
      client.send(`GET /2 HTTP/1.1\r\nHost: h\r\nCookie: AWSELB=${value}\r\n\r\n`);
      await readMessage(first);
      first.end();
      const second = await backends[0]!.accept();
      assert.equal((await readMessage(second)).startLine, 'GET /2 HTTP/1.1');
      second.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      assert.deepEqual(cookiesOf(await readMessage(client)).cookies, []);
    });

    test('is not sticky at another listener with another instance port', async (t) => {
      const around = await sticky(t, DURATION);
      const { instance, value } = await session(around);
      await around.make(DURATION, { instancePort: 81 });
      await isAsNone(around, `AWSELB=${value}`);
      await around.make(DURATION);
      await staysOn(around, instance, `AWSELB=${value}`);
    });

    test('takes a forged, foreign or broken cookie for none', async (t) => {
      const around = await sticky(t, DURATION);
      const { value } = await session(around);
      await around.make({ ...DURATION, keys: [OTHER_KEY] });
      const foreign = (await session(around)).value;
      await around.make(DURATION);
      const flipped = value.slice(0, -1) + (value.endsWith('0') ? '1' : '0');
      const others = [
        foreign,
        flipped,
        value.toLowerCase(),
        value.slice(0, -2),
        `${value}00`,
        '',
        '""',
        'A'.repeat(9000),
      ];
      for (const forged of others) await isAsNone(around, `AWSELB=${forged}`);
      assert.notEqual((await around.ask(`AWSELB=${flipped}`)).value, '');
    });

    test('goes on through the rotation of keys, and its value changes with the key', async (t) => {
      const around = await sticky(t, DURATION);
      const { instance, value } = await session(around);
      await around.make({ ...DURATION, keys: [OTHER_KEY, KEY] });
      await staysOn(around, instance, `AWSELB=${value}`);
      for (let i = 0; i < 3; i++) assert.notEqual((await session(around)).value, value);
      await around.make({ ...DURATION, keys: [OTHER_KEY] });
      await isAsNone(around, `AWSELB=${value}`);
    });

    test('wins over the zone of a connection', async (t) => {
      const around = await sticky(t, DURATION, { zones: ['a', 'b', 'c'], settings: { crossZone: false } });
      const { instance, value } = await session(around);
      await staysOn(around, instance, `AWSELB=${value}`);
    });

    test('passes the cookie on to the instance', async (t) => {
      const { traffic, backends, make } = await scripted(t);
      await make(DURATION);
      const client = await traffic.dial();
      client.send('GET / HTTP/1.1\r\nHost: h\r\nCookie: AWSELB=1; a=2\r\n\r\n');
      const instance = await backends[0]!.accept();
      assert.equal(valueOf(await readMessage(instance), 'cookie'), 'AWSELB=1; a=2');
      instance.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      await readMessage(client);
    });

    test('has its cookie on every kind of response of an instance, before the body', async (t) => {
      const { traffic, backends, make } = await scripted(t);
      await make(DURATION);
      for (const [response, seen] of [
        ['HTTP/1.1 204 No Content\r\n\r\n', ''],
        ['HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nno', 'no'],
        ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n', 'ab'],
        ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 302 Found\r\nContent-Length: 0\r\nSet-Cookie: a=b\r\n\r\n', ''],
      ] as const) {
        const client = await traffic.dial();
        client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
        const instance = backends[0]!.peers[0] ?? (await backends[0]!.accept());
        await readMessage(instance);
        instance.send(response);
        let message = await readMessage(client);
        if (message.startLine.includes(' 100 ')) message = await readMessage(client);
        assert.notEqual(cookiesOf(message).value, '');
        assert.equal(message.body, seen);
      }
    });

    test('waits for its instance when that is at its cap, and holds up nobody behind it', async (t) => {
      const { traffic, backends, make } = await scripted(t, 2, { settings: { maxConnectionsPerTarget: 1 } });
      await make(DURATION);
      const first = await traffic.dial();
      first.send('GET /first HTTP/1.1\r\nHost: h\r\n\r\n');
      const instance = await backends[0]!.accept();
      await readMessage(instance);
      instance.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      const { value } = cookiesOf(await readMessage(first));
      first.send(`GET /long HTTP/1.1\r\nHost: h\r\nCookie: AWSELB=${value}\r\n\r\n`);
      await readMessage(instance);
      const waiting = await traffic.dial();
      waiting.send(`GET /waits HTTP/1.1\r\nHost: h\r\nCookie: AWSELB=${value}\r\n\r\n`);
      while (traffic.count('surgeQueueLength') !== 1) await new Promise((resolve) => setImmediate(resolve));
      const other = await traffic.dial();
      other.send('GET /other HTTP/1.1\r\nHost: h\r\n\r\n');
      while (traffic.count('surgeQueueLength') !== 2) await new Promise((resolve) => setImmediate(resolve));
      traffic.pass(20);
      const elsewhere = await backends[1]!.accept();
      assert.equal((await readMessage(elsewhere)).startLine, 'GET /other HTTP/1.1');
      instance.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      assert.equal((await readMessage(instance)).startLine, 'GET /waits HTTP/1.1');
      for (const peer of [instance, elsewhere]) peer.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      for (const peer of [first, waiting, other]) await readMessage(peer);
    });
  });

  describe(`a session of the application over the ${transport} transport`, () => {
    /** A session that the application has begun. */
    async function begun(around: Sticky, setCookie = 'SESSION=1; Path=/'): Promise<Answer> {
      around.answerWith(`Set-Cookie: ${setCookie}\r\n`);
      const answer = await around.ask();
      around.answerWith('');
      return answer;
    }

    test('begins only with a response that sets its cookie', async (t) => {
      const around = await sticky(t, APPLICATION);
      assert.deepEqual((await around.ask()).cookies, []);
      assert.deepEqual((await around.ask('SESSION=1')).cookies, []);
      assert.deepEqual((await begun(around, 'OTHER=1; Path=/')).cookies, ['OTHER=1; Path=/']);
      const { cookies, value } = await begun(around, 'SESSION=1; Path=/');
      assert.deepEqual(cookies, ['SESSION=1; Path=/', `AWSELB=${value};Path=/`]);
    });

    test('begins with the cookie that its policy names now', async (t) => {
      const around = await sticky(t, APPLICATION);
      await around.make({ ...APPLICATION, cookieName: 'OTHER' });
      around.answerWith('Set-Cookie: SESSION=1\r\n');
      assert.equal((await around.ask()).value, '');
      around.answerWith('Set-Cookie: OTHER=1\r\n');
      assert.notEqual((await around.ask()).value, '');
    });

    test('takes over the attributes of the cookie, with %5F in path', async (t) => {
      const around = await sticky(t, APPLICATION);
      const attributes = 'path=/my_path; Domain=a_b.example; Secure; HttpOnly; Max-Age=9; SameSite=Lax; Priority=High';
      const { cookies, value } = await begun(around, `SESSION=1; ${attributes}`);
      assert.equal(
        cookies[1],
        `AWSELB=${value};path=/my%5Fpath;Domain=a_b.example;Secure;HttpOnly;Max-Age=9;SameSite=Lax`,
      );
    });

    test('does not begin with a Set-Cookie that ends with a semicolon', async (t) => {
      const around = await sticky(t, APPLICATION);
      assert.deepEqual((await begun(around, 'SESSION=1; Path=/;')).cookies, ['SESSION=1; Path=/;']);
    });

    test('begins with the last of several cookies that a response sets', async (t) => {
      const around = await sticky(t, APPLICATION);
      const { cookies, value } = await begun(around, 'SESSION=; Max-Age=0\r\nSet-Cookie: SESSION=2; Max-Age=5');
      assert.equal(cookies[2], `AWSELB=${value};Max-Age=5`);
    });

    test('is sticky while the request carries both cookies', async (t) => {
      const around = await sticky(t, APPLICATION);
      const { instance, value } = await begun(around);
      await staysOn(around, instance, `SESSION=1; AWSELB=${value}`);
      await staysOn(around, instance, `AWSELB=${value}`, 'Cookie: SESSION=anything\r\n');
      await isAsNone(around, `AWSELB=${value}`);
      await isAsNone(around, 'SESSION=1');
      await isAsNone(around, `SESSION=1; AWSELB=${value.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))}`);
    });

    test('has its cookie set again with each cookie of the application, and not without', async (t) => {
      const around = await sticky(t, APPLICATION);
      const { instance, value } = await begun(around);
      assert.deepEqual((await around.ask(`SESSION=1; AWSELB=${value}`)).cookies, []);
      around.answerWith('Set-Cookie: SESSION=2; Max-Age=7\r\n');
      const again = await around.ask(`SESSION=1; AWSELB=${value}`);
      assert.deepEqual(again, { instance, value, cookies: ['SESSION=2; Max-Age=7', `AWSELB=${value};Max-Age=7`] });
    });

    test('is bound to the new instance when its own is unhealthy, also when that one comes back', async (t) => {
      const around = await sticky(t, APPLICATION);
      const { instance, value } = await begun(around);
      around.traffic.setState(Number(instance), TARGET_STATE.outOfService);
      const moved = await around.ask(`SESSION=1; AWSELB=${value}`);
      assert.notEqual(moved.instance, instance);
      assert.deepEqual(moved.cookies, [`AWSELB=${moved.value};PATH=/`]);
      around.traffic.setState(Number(instance), TARGET_STATE.inService);
      await staysOn(around, moved.instance, `SESSION=1; AWSELB=${moved.value}`);
    });

    test('is bound to the new instance though the client sends the cookie of its own too, which has another path', async (t) => {
      const around = await sticky(t, APPLICATION);
      const { instance, value } = await begun(around, 'SESSION=1; Path=/shop');
      around.traffic.setState(Number(instance), TARGET_STATE.outOfService);
      const moved = await around.ask(`SESSION=1; AWSELB=${value}`);
      const both = `SESSION=1; AWSELB=${value}; AWSELB=${moved.value}`;
      await staysOn(around, moved.instance, both);
      assert.deepEqual((await around.ask(both)).cookies, []);
    });

    test('is bound to the new instance when its own is gone', async (t) => {
      const around = await sticky(t, APPLICATION);
      const { instance, value } = await begun(around);
      const { targets } = around.traffic.listeners[0]!;
      await around.make(APPLICATION, { targets: targets.filter(({ slot }) => slot !== Number(instance)) });
      const moved = await around.ask(`SESSION=1; AWSELB=${value}`);
      await around.make(APPLICATION);
      await staysOn(around, moved.instance, `SESSION=1; AWSELB=${moved.value}`);
    });

    test('is bound to the new instance with the attributes of the cookie that this one sets', async (t) => {
      const around = await sticky(t, APPLICATION);
      const { instance, value } = await begun(around);
      around.traffic.setState(Number(instance), TARGET_STATE.outOfService);
      around.answerWith('Set-Cookie: SESSION=2; Path=/app\r\n');
      const moved = await around.ask(`SESSION=1; AWSELB=${value}`);
      assert.deepEqual(moved.cookies, ['SESSION=2; Path=/app', `AWSELB=${moved.value};Path=/app`]);
    });
  });

  /** Instances in the test's own hands. */
  async function scripted(t: TestContext, backendCount = 1, options: SetUpOptions = {}) {
    const around = await setUp(t, { transport, backendCount, ...options });
    const { traffic } = around;
    const make = (stickiness: CompiledStickiness) =>
      traffic.apply({ ...options.settings, listeners: traffic.listeners.map((one) => ({ ...one, stickiness })) });
    return { ...around, make };
  }
}

async function answerOf(client: Peer): Promise<Answer> {
  const message = await readMessage(client);
  return { instance: message.body, ...cookiesOf(message) };
}

function cookiesOf({ fields }: Message): Pick<Answer, 'cookies' | 'value'> {
  const cookies = fields.filter(([name]) => name.toLowerCase() === 'set-cookie').map(([, value]) => value);
  const own = cookies.find((cookie) => cookie.startsWith('AWSELB='));
  return { cookies, value: own === undefined ? '' : /^AWSELB=([^;]*)/.exec(own)![1]! };
}
