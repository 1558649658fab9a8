/** Threads that fail in the real program: made to through Node's inspector, since the product has no way to be made to fail. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import {
  CreateLoadBalancerCommand,
  RegisterInstancesWithLoadBalancerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import { Inspector } from '../acceptance/inspector.ts';
import { namedBackend } from '../support/named-backend.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

/** So small that a thread fills it at once, and so large that weir runs in it. */
const HEAP_MB = 96;
const HANG = 'setImmediate(() => { for (;;); })';
const EXHAUST = 'setImmediate(() => { for (const held = [];;) held.push(Array.from({ length: 1e4 }, () => ({}))); })';

async function inspected(test: TestContext) {
  const runner = [process.execPath, '--inspect=127.0.0.1:0', `--max-old-space-size=${HEAP_MB}`] as const;
  const weir = new WeirProcess(test, { runner });
  await weir.ready();
  const inspector = await Inspector.connect(() => weir.stderr);
  test.after(() => inspector.close());
  return { weir, inspector };
}

/** Has a load balancer in front of one instance; resolves with what asks it. */
async function serving(test: TestContext, weir: WeirProcess): Promise<() => Promise<string | undefined>> {
  const { instanceId } = await namedBackend(test, 'one');
  const [address = '', port = ''] = instanceId.split(':');
  const LoadBalancerPort = await freePort();
  const client = await weir.client();
  const LoadBalancerName = 'web';
  const Listeners = [{ Protocol: 'HTTP', LoadBalancerPort, InstancePort: Number(port) }];
  await client.send(new CreateLoadBalancerCommand({ LoadBalancerName, Listeners, AvailabilityZones: ['us-east-1a'] }));
  const Instances = [{ InstanceId: address }];
  await client.send(new RegisterInstancesWithLoadBalancerCommand({ LoadBalancerName, Instances }));
  return async () => {
    const answer = await fetch(`http://127.0.0.1:${LoadBalancerPort}/`).catch(() => undefined);
    return answer?.status === 200 ? answer.text() : undefined;
  };
}

async function restarts(weir: WeirProcess): Promise<string | undefined> {
  const text = await (await fetch(`${await weir.endpoint()}/metrics`)).text();
  return /^weir_thread_restarts_total (\d+)$/m.exec(text)?.[1];
}

describe('a traffic thread', { concurrency: 2 }, () => {
  for (const [how, expression, told] of [
    ['that stands still', HANG, /its event loop stands still for 5 s/],
    ['that has no memory left', EXHAUST, /traffic thread died.*|memory limit/],
  ] as const) {
    it(`${how} is replaced, told of and counted, and its load balancer serves on`, async (test) => {
      const { weir, inspector } = await inspected(test);
      const ask = await serving(test, weir);
      assert.equal(await weir.until('an answer', ask), 'one');
      await inspector.evaluateIn('weir-0', expression);
      await weir.until('a restart', async () => ((await restarts(weir)) === '1' ? true : undefined));
      assert.equal(await weir.until('an answer of the new thread', ask), 'one');
      assert.match(weir.stderr, told);
      assert.match(weir.stderr, /traffic thread died; its connections are lost, a new one takes its place/);
    });
  }
});

describe('the control thread', () => {
  for (const [how, expression] of [
    ['an exception', 'setTimeout(() => { throw new Error("a defect") }, 50)'],
    ['a rejection that nobody waits for', 'setTimeout(() => void Promise.reject(new Error("a defect")), 50)'],
  ] as const) {
    it(`that fails with ${how} ends the process with a message and exit code 3; the next start serves what it did`, async (test) => {
      const { weir, inspector } = await inspected(test);
      const ask = await serving(test, weir);
      assert.equal(await weir.until('an answer', ask), 'one');
      await inspector.numberOf(`${expression}, 1`);
      // A process that ends waits for its debugger.
      inspector.close();
      assert.deepEqual(await weir.exited, { code: 3, signal: null });
      assert.match(
        weir.stderr,
        /the control thread has failed: weir ends, so that its service manager starts it again/,
      );
      assert.match(weir.stderr, /a defect/);
      const next = new WeirProcess(test, { dataDir: weir.dataDir });
      await next.ready();
      assert.equal(await next.until('an answer', ask), 'one');
    });
  }

  it('that has no memory left ends the process, which says so', async (test) => {
    const { weir, inspector } = await inspected(test);
    await inspector.numberOf(`${EXHAUST}, 1`).catch(() => undefined);
    const { code, signal } = await weir.exited;
    assert.ok(code !== 0 && (code !== null || signal !== null), `${code} ${signal}`);
    assert.match(weir.stderr, /heap out of memory/);
  });
});
