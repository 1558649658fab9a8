/** docs/faults.md, rows 1 to 6, 13, 14 and 21 to 25: back ends that go away, stall, or say more than they should. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { TARGET_STATE } from '../../src/traffic/target-table.ts';
import {
  AT_CAPACITY,
  BAD_GATEWAY,
  fault,
  GATEWAY_TIMEOUT,
  GET,
  IDLE_MS,
  LAYER_4,
  LAYER_7,
  lines,
  OK,
  type Joined,
  type Scene,
} from '../support/faults.ts';
import { readMessage } from '../support/http-reader.ts';
import { refusingPort } from '../support/peers.ts';
import type { SetUpOptions } from '../support/traffic.ts';

const POST = 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n01234';

async function soon(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A first instance that refuses connections. */
async function refusingFirst(t: TestContext): Promise<SetUpOptions> {
  const refusing = await refusingPort();
  t.after(() => refusing.release());
  return { otherBackends: [refusing.port] };
}

/** Each side has been told of the end by the other one. */
async function endBoth({ client, instance }: Joined): Promise<void> {
  client.end();
  await instance.shutDown();
  instance.end();
  await client.shutDown();
}

fault(
  1,
  'a back end that refuses the connection: another instance is tried; none left: 503',
  LAYER_7,
  async (scene) => {
    const client = await scene.dial();
    await scene.servedAnew(client);
    scene.traffic.setState(1, TARGET_STATE.outOfService);
    client.send(GET);
    assert.equal(await client.take('\r\n\r\n'), AT_CAPACITY);
    return {
      metric: { requests: 2, backend2xx: 1, elb5xx: 1, backendConnectionErrors: 2, retries: 1 },
      log: [{ instance: 1, elb: 200, backend: 200 }, { elb: 503 }],
    };
  },
  refusingFirst,
);

fault(
  1,
  'a back end that refuses the connection: another instance is tried; none left: closed',
  LAYER_4,
  async (scene) => {
    await endBoth(await scene.joined());
    scene.traffic.setState(1, TARGET_STATE.outOfService);
    const other = await scene.dial();
    await other.shutDown();
    assert.equal(other.received, '');
    return { metric: { requests: 2, backendConnectionErrors: 2 }, log: [{ instance: 1 }, {}] };
  },
  refusingFirst,
);

fault(2, 'a back end that accepts, then resets: 504', LAYER_7, async (scene) => {
  for (const request of [GET, POST]) {
    const { client, instance } = await scene.asked(request);
    instance.reset();
    assert.equal(await client.take('\r\n\r\n'), GATEWAY_TIMEOUT);
    await client.shutDown();
  }
  return { metric: { requests: 2, elb5xx: 2 }, log: lines(2, { elb: 504 }) };
});

fault(2, 'a back end that accepts, then resets: the reset is passed on', LAYER_4, async (scene) => {
  const { client, instance } = await scene.joined();
  instance.reset();
  assert.equal(await client.close(), 'ECONNRESET');
  return { metric: { requests: 1 }, log: [{ instance: 0 }] };
});

fault(3, 'a back end that reads the request and closes: 504', LAYER_7, async (scene) => {
  for (const request of [GET, POST]) {
    const { client, instance } = await scene.asked(request);
    instance.end();
    assert.equal(await client.take('\r\n\r\n'), GATEWAY_TIMEOUT);
    await client.shutDown();
  }
  return { metric: { requests: 2, elb5xx: 2 }, log: lines(2, { elb: 504 }) };
});

fault(3, 'a back end that closes: its end is passed on, and the client may go on', LAYER_4, async (scene) => {
  const { client, instance } = await scene.joined();
  instance.send('greeting');
  instance.end();
  await client.shutDown();
  assert.equal(client.received, 'greeting');
  client.send('more');
  assert.equal(await instance.take('more'), 'more');
  client.end();
  await instance.shutDown();
  return { metric: { requests: 1 }, log: [{ instance: 0 }] };
});

fault(4, 'a back end that never answers: 504 at the idle timeout, not earlier', LAYER_7, async (scene) => {
  const { client, instance } = await scene.asked();
  scene.traffic.pass(IDLE_MS - 200);
  await soon();
  assert.equal(client.received, '');
  scene.traffic.pass(200);
  assert.equal(await client.take('\r\n\r\n'), GATEWAY_TIMEOUT);
  await client.shutDown();
  await instance.shutDown();
  return { metric: { requests: 1, elb5xx: 1 }, log: [{ elb: 504 }] };
});

fault(4, 'a back end that never answers: both sides are closed at the idle timeout', LAYER_4, async (scene) => {
  const { client, instance } = await scene.joined();
  scene.traffic.pass(IDLE_MS);
  await client.shutDown();
  await instance.shutDown();
  return { metric: { requests: 1 }, log: [{ instance: 0 }] };
});

fault(5, 'a back end that sends part of a head and stalls: 504 at the idle timeout', LAYER_7, async (scene) => {
  const parts = ['H', 'HTTP/1.1 200 OK\r\nContent-', `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(16_000)}`];
  for (const [index, part] of parts.entries()) {
    const { client, instance } = await scene.asked();
    instance.send(part);
    await begun(scene, index + 1);
    scene.traffic.pass(IDLE_MS);
    assert.equal(await client.take('\r\n\r\n'), GATEWAY_TIMEOUT);
    await client.shutDown();
    await instance.shutDown();
  }
  return { metric: { requests: 3, elb5xx: 3 }, log: lines(3, { elb: 504 }) };
});

/** The first byte of so many responses has come. */
function begun({ traffic }: Scene, responses: number): Promise<void> {
  return traffic.counted('latencyCount', responses);
}

fault(6, 'a back end that sends part of a head and closes: 502', LAYER_7, async (scene) => {
  for (const [index, how] of (['end', 'reset'] as const).entries()) {
    const { client, instance } = await scene.asked();
    instance.send('HTTP/1.1 200 OK\r\nContent-');
    await begun(scene, index + 1);
    instance[how]();
    assert.equal(await client.take('\r\n\r\n'), BAD_GATEWAY);
  }
  return { metric: { requests: 2, elb5xx: 2 }, log: lines(2, { instance: 0, elb: 502 }) };
});

fault(13, 'a back end that closes mid-body: the client is cut short, nothing is made up', LAYER_7, async (scene) => {
  const bodies = [
    ['Content-Length: 10', 'hello'],
    ['Transfer-Encoding: chunked', '5\r\nhello\r\n'],
    ['Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\nT: 1\r\n'],
  ] as const;
  for (const how of ['end', 'reset'] as const) {
    for (const [framing, part] of bodies) {
      const { client, instance } = await scene.asked();
      instance.send(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n${part}`);
      await client.take('hello');
      instance[how]();
      assert.equal(await client.close(), 'ECONNRESET');
      assert.ok(client.received === '' || client.received === '\r\n', JSON.stringify(client.received));
    }
  }
  const { client, instance } = await scene.asked();
  instance.send('HTTP/1.1 200 OK\r\n\r\nhello');
  await client.take('hello');
  instance.reset();
  assert.equal(await client.close(), 'ECONNRESET');
  return { metric: { requests: 7, backend2xx: 7 }, log: lines(7, { instance: 0, elb: 200, backend: 200 }) };
});

fault(
  14,
  'a back end that stalls mid-body: closed at the idle timeout, and so is the client',
  LAYER_7,
  async (scene) => {
    for (const framing of ['Content-Length: 10', 'Transfer-Encoding: chunked', 'A: b']) {
      const { client, instance } = await scene.asked();
      instance.send(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n5\r\nhello`);
      await client.take('hello');
      scene.traffic.pass(IDLE_MS);
      assert.equal(await client.close(), 'ECONNRESET');
      await instance.shutDown();
    }
    return { metric: { requests: 3, backend2xx: 3 }, log: lines(3, { instance: 0, elb: 200, backend: 200 }) };
  },
);

fault(
  21,
  'a back end of HTTP/1.0 without a length: its body up to the close, then the client closes',
  LAYER_7,
  async (scene) => {
    const { client, instance } = await scene.asked();
    instance.send('HTTP/1.0 200 OK\r\nA: b\r\n\r\nsome');
    assert.equal(await client.take('some'), 'HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\nsome');
    instance.send(' more');
    instance.end();
    await client.shutDown();
    assert.equal(client.received, ' more');
    return { metric: { requests: 1, backend2xx: 1 }, log: [{ instance: 0, elb: 200, backend: 200 }] };
  },
);

fault(
  22,
  'bytes behind a response or on an idle connection: destroyed, and they reach nobody',
  LAYER_7,
  async (scene) => {
    const evil = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';
    for (const when of ['with', 'after'] as const) {
      const { client, instance } = await scene.asked();
      instance.send(when === 'with' ? OK + evil : OK);
      assert.equal(await client.take('ok'), OK);
      if (when === 'after') instance.send(evil);
      await instance.shutDown();
      const fresh = await scene.servedAnew(client);
      fresh.end();
      await fresh.shutDown();
      assert.equal(client.received, '');
    }
    return { metric: { requests: 4, backend2xx: 4 }, log: lines(4, { instance: 0, elb: 200, backend: 200 }) };
  },
);

fault(
  23,
  'an idle connection that closes just as it is reused: sent again once if safe, else 504',
  LAYER_7,
  async (scene) => {
    const { client, instance } = await scene.asked();
    instance.send(OK);
    await client.take('ok');
    client.send(GET);
    await instance.take('\r\n\r\n');
    instance.end();
    const second = await scene.backend.accept();
    await second.take('\r\n\r\n');
    second.send(OK);
    assert.equal(await client.take('ok'), OK);
    client.send(GET.replace('GET', 'POST'));
    await second.take('\r\n\r\n');
    second.end();
    assert.equal(await client.take('\r\n\r\n'), GATEWAY_TIMEOUT);
    await client.shutDown();
    assert.equal(scene.backend.peers.length, 2);
    return {
      metric: { requests: 3, backend2xx: 2, elb5xx: 1, retries: 1 },
      log: [...lines(2, { instance: 0, elb: 200, backend: 200 }), { elb: 504 }],
    };
  },
);

fault(
  24,
  'a back end that answers 413 before the upload ended: relayed, both connections closed',
  LAYER_7,
  async (scene) => {
    const { client, instance } = await scene.asked(POST);
    instance.send('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig');
    const answer = 'HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig';
    assert.equal(await client.take('big'), answer);
    client.send('56789' + GET);
    await client.shutDown();
    await instance.shutDown();
    assert.equal(scene.backend.peers.length, 1);
    return { metric: { requests: 1, backend4xx: 1 }, log: [{ instance: 0, elb: 413, backend: 413 }] };
  },
);

fault(
  25,
  'a back end that says close, or half-closes: the response is completed, the connection not reused',
  LAYER_7,
  async (scene) => {
    const first = await scene.asked();
    first.instance.send(OK.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    assert.equal((await readMessage(first.client)).body, 'ok');
    await first.instance.shutDown();
    const second = await scene.asked();
    second.instance.send(OK);
    second.instance.end();
    assert.equal((await readMessage(second.client)).body, 'ok');
    await second.instance.shutDown();
    await scene.servedAnew(second.client);
    return { metric: { requests: 3, backend2xx: 3 }, log: lines(3, { instance: 0, elb: 200, backend: 200 }) };
  },
);
