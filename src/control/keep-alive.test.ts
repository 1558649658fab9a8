/** What threads find out about an instance's keep-alive timeout, as the operator is told it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControlHarness, instance, shop } from '../../test/support/control.ts';

const HOUR_MS = 3_600_000;
const MESSAGE = 'instance closes idle connections';

async function shopOf() {
  const harness = await ControlHarness.started(shop([instance('i-1', '10.0.0.1'), instance('i-2', '10.0.0.2')]));
  await harness.pass(1000);
  const { targets } = harness.threads.live[0]!;
  const { slot } = targets.find(({ target }) => target.instanceId === 'i-1')!.target;
  const say = (idleMs: number) => {
    for (const thread of harness.threads.live) thread.say({ type: 'shortKeepAlive', slot, idleMs });
  };
  return { harness, say };
}

test('an instance whose keep-alive timeout is below the idle timeout is named, with its seconds', async () => {
  const { harness, say } = await shopOf();
  say(4960);
  const [[message, fields] = ['', {}], ...more] = harness.lines.filter(([line]) => line.startsWith(MESSAGE));
  assert.deepEqual(more, [], 'two threads have said it');
  assert.match(message, /after 5 s, before the idle timeout of 60 s: .* ends with 504; give the server/);
  assert.deepEqual(fields, {
    loadBalancer: 'shop',
    instance: 'i-1',
    instancePort: 8080,
    keepAliveSeconds: 5,
    idleTimeoutSeconds: 60,
  });
});

test('it is told again after an hour, not before', async () => {
  const { harness, say } = await shopOf();
  for (const laterMs of [0, HOUR_MS / 2, HOUR_MS / 2 - 1000]) {
    await harness.pass(laterMs, 60_000);
    say(5000);
  }
  assert.equal(harness.said(MESSAGE), 1);
  await harness.pass(1000);
  say(5000);
  assert.equal(harness.said(MESSAGE), 2);
});

test('what is no trap under the present idle timeout is not told, nor is what is gone', async () => {
  const { harness, say } = await shopOf();
  say(60_000);
  await harness.put(shop([instance('i-2', '10.0.0.2')]));
  await harness.pass(1000);
  say(5000);
  assert.equal(harness.said(MESSAGE), 0);
});
