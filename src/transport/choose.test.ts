import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { FakeClock } from '../kit/clock.ts';
import { TRANSPORT_TRIAL_MS } from '../model/limits.ts';
import { chooseTransport } from './choose.ts';
import { nodeInternals, type NodeInternals } from './node-internals.ts';

const EVENTS = { onFailure: assert.fail, onAcceptError: assert.fail };

/** Lets the rest of the test see a Node whose TCP handles are what `change` makes of them. */
function withHandles(
  t: TestContext,
  change: (prototype: NodeInternals['TCP']['prototype']) => Partial<NodeInternals['TCP']['prototype']>,
): void {
  const { prototype } = nodeInternals()!.TCP;
  const original = Object.create(
    Object.getPrototypeOf(prototype) as object,
    Object.getOwnPropertyDescriptors(prototype),
  ) as object;
  const changed = change(prototype);
  t.after(() => {
    for (const key of Object.keys(changed)) Reflect.deleteProperty(prototype, key);
    Object.defineProperties(prototype, Object.getOwnPropertyDescriptors(original));
  });
  Object.assign(prototype, changed);
}

describe('the transport', () => {
  test('is the one that was asked for', async () => {
    const net = await chooseTransport('net', EVENTS, new FakeClock());
    assert.deepEqual([net.transport.name, net.why], ['net', 'asked for']);
    for (const wanted of ['auto', 'handle'] as const) {
      const { transport } = await chooseTransport(wanted, EVENTS, new FakeClock());
      assert.equal(transport.name, 'handle');
    }
  });

  test('is the portable one where Node has no such handles', async (t) => {
    const node = process as unknown as { binding: unknown };
    const { binding } = node;
    t.after(() => (node.binding = binding));
    for (const without of [undefined, () => ({}), () => assert.fail('no such module')]) {
      node.binding = without;
      const { transport, why } = await chooseTransport('auto', EVENTS, new FakeClock());
      assert.equal(transport.name, 'net');
      assert.match(why, /does not offer/);
    }
  });

  test('is the portable one where the handles fail the trial', async (t) => {
    withHandles(t, () => ({ connect: () => -22 }));
    const { transport, why } = await chooseTransport('auto', EVENTS, new FakeClock());
    assert.equal(transport.name, 'net');
    assert.match(why, /failed a trial: EINVAL/);
  });

  test('is the portable one where the trial gets no answer', async (t) => {
    withHandles(t, () => ({ readStart: () => 0 }));
    const clock = new FakeClock();
    const choosing = chooseTransport('auto', EVENTS, clock);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(TRANSPORT_TRIAL_MS);
    const { transport, why } = await choosing;
    assert.equal(transport.name, 'net');
    assert.match(why, /failed a trial: no answer within/);
  });
});
