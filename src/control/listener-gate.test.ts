import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settled } from '../../test/support/settled.ts';
import { FakeClock } from '../kit/clock.ts';
import { loadBalancerId } from '../model/load-balancer.ts';
import type { BindRefusal, WantedListener } from './control.ts';
import { ListenerGate, type ListenerGateOptions, type ListenerOwner } from './listener-gate.ts';

const owner = (name: string): ListenerOwner => ({ id: loadBalancerId('1', 'r', name), name });
const at = (port: number, address = '127.0.0.1'): WantedListener => ({ address, port });

function harness(trial?: ListenerGateOptions['test']) {
  const clock = new FakeClock();
  /** Ports that another program has. */
  const taken = new Set<number>();
  const tested: number[] = [];
  const decided: string[] = [];
  const lines: string[] = [];
  const line = (_: unknown, message: string): void => void lines.push(message);
  let sequence = 0;
  const gate = new ListenerGate({
    clock,
    log: { debug: line, info: line, warn: line, error: line },
    nextSequence: () => sequence + 1,
    onDecided: (id) => decided.push(id),
    test:
      trial ??
      (async ({ address, port }) => {
        tested.push(port);
        const message = `port ${port} on ${address} is taken by another program`;
        return taken.has(port) ? { address, port, code: 'EADDRINUSE', message } : undefined;
      }),
  });
  gate.start();
  return { clock, taken, tested, decided, lines, gate, sent: (number: number) => (sequence = number) };
}

test('a port is tried before threads may bind it, and a load balancer hears of all its ports at once', async () => {
  const { gate, tested, decided } = harness();
  const shop = owner('shop');
  gate.want(shop, [at(80), at(81)]);
  assert.equal(gate.mayListen(shop.id, at(80)), false);
  assert.equal(gate.decided(gate.lastWish), false);
  await settled();
  assert.deepEqual(tested, [80, 81]);
  assert.equal(gate.mayListen(shop.id, at(80)), true);
  assert.equal(gate.decided(gate.lastWish), true);
  assert.deepEqual(decided, [shop.id]);
});

test('a refused port stops no other, is told once, and comes up when it is free', async () => {
  const { clock, gate, taken, decided, lines } = harness();
  const shop = owner('shop');
  taken.add(80);
  gate.want(shop, [at(80), at(81)]);
  await settled();
  assert.equal(gate.mayListen(shop.id, at(81)), true);
  assert.deepEqual(
    gate.refusals.map(({ loadBalancer, port, code }) => [loadBalancer, port, code]),
    [[shop.id, 80, 'EADDRINUSE']],
  );
  for (let turn = 0; turn < 3; turn++) {
    clock.advance(5000);
    await settled();
  }
  taken.delete(80);
  clock.advance(5000);
  await settled();
  assert.equal(gate.mayListen(shop.id, at(80)), true);
  assert.deepEqual(gate.refusals, []);
  assert.deepEqual(decided, [shop.id, shop.id]);
  assert.deepEqual(lines, [
    'listener is down: port 80 on 127.0.0.1 is taken by another program; trying again every 5 s',
    'listener comes up: its port has become free',
  ]);
});

test('one of two load balancers gets a port, the other is told who has it and gets it when that one is gone', async () => {
  const { gate, decided, sent } = harness();
  const [first, second] = [owner('first'), owner('second')];
  gate.want(first, [at(80)]);
  gate.want(second, [at(80, '0.0.0.0')]);
  await settled();
  assert.equal(gate.mayListen(first.id, at(80)), true);
  assert.equal(gate.refusals[0]?.message, 'port 80 on 0.0.0.0 is taken by load balancer first (127.0.0.1:80)');
  gate.want(first, []);
  sent(1);
  gate.release((sequence) => sequence <= 1);
  await settled();
  assert.equal(gate.mayListen(second.id, at(80, '0.0.0.0')), true);
  assert.deepEqual(decided, [first.id, second.id, second.id]);
});

test('a port that threads have not let go of yet goes to its next owner without a trial', async () => {
  const { gate, taken, tested } = harness();
  const [first, second] = [owner('first'), owner('second')];
  gate.want(first, [at(80)]);
  await settled();
  taken.add(80); // by ourselves
  gate.want(first, []);
  assert.equal(gate.mayListen(first.id, at(80)), false);
  assert.equal(await gate.tryBind([at(80)]), undefined);
  gate.want(second, [at(80)]);
  assert.equal(gate.mayListen(second.id, at(80)), true);
  gate.release(() => true);
  assert.equal(gate.mayListen(second.id, at(80)), true);
  assert.deepEqual(tested, [80]);
});

test('a port that threads have let go of is tried again', async () => {
  const { gate, taken, sent } = harness();
  const shop = owner('shop');
  gate.want(shop, [at(80)]);
  await settled();
  gate.want(shop, []);
  sent(1);
  gate.release((sequence) => sequence <= 0);
  assert.equal(gate.refusals.length, 0);
  gate.release((sequence) => sequence <= 1);
  taken.add(80);
  gate.want(shop, [at(80)]);
  await settled();
  assert.equal(gate.refusals.length, 1);
});

test('a port that is won by a trial, while threads have not said that they let go of it, is kept when they do', async () => {
  const { clock, gate, sent } = harness();
  const [first, second] = [owner('first'), owner('second')];
  gate.want(first, [at(80)]);
  await settled();
  gate.want(second, [at(80)]);
  await settled();
  gate.want(first, []);
  clock.advance(5000);
  await settled();
  assert.equal(gate.mayListen(second.id, at(80)), true);
  sent(1);
  gate.release((sequence) => sequence <= 1);
  assert.equal(gate.mayListen(second.id, at(80)), true);
  assert.deepEqual(gate.refusals, []);
});

test('a trial for the API names the load balancer that is in the way', async () => {
  const { gate, taken } = harness();
  gate.want(owner('shop'), [at(80, '0.0.0.0')]);
  await settled();
  taken.add(82);
  assert.equal(await gate.tryBind([at(81)]), undefined);
  const own = await gate.tryBind([at(81), at(80)]);
  assert.equal(own?.message, 'port 80 on 127.0.0.1 is taken by load balancer shop (0.0.0.0:80)');
  const foreign = await gate.tryBind([at(82)]);
  assert.equal(foreign?.message, 'port 82 on 127.0.0.1 is taken by another program');
});

test('a wish that is given up while it is tried comes to nothing', async () => {
  const { gate, decided } = harness();
  const shop = owner('shop');
  gate.want(shop, [at(80)]);
  gate.want(shop, []);
  await settled();
  assert.equal(gate.mayListen(shop.id, at(80)), false);
  assert.equal(gate.decided(gate.lastWish), true);
  assert.deepEqual(decided, []);
});

test('32 ports are tried at once and no more, each that is decided makes room for the next, and the end is the end', async () => {
  const trials: (() => void)[] = [];
  const { gate } = harness(() => new Promise((resolve) => trials.push(() => resolve(undefined))));
  const listeners = Array.from({ length: 40 }, (_, index) => at(1000 + index));
  gate.want(owner('shop'), listeners);
  assert.equal(trials.length, 32);
  for (const decide of trials.slice(0, 5)) decide();
  await settled();
  assert.equal(trials.length, 37);
  assert.ok(gate.mayListen(owner('shop').id, listeners[4]!) && !gate.mayListen(owner('shop').id, listeners[5]!));
  gate.stop();
  for (const decide of trials.slice(5)) decide();
  await settled();
  assert.equal(trials.length, 37);
});

test('a port that another has is kept from who wants it, and from who would try it before it is let go of', async () => {
  const { gate, tested, lines } = harness();
  const [first, second] = [owner('first'), owner('second')];
  gate.want(first, [at(80)]);
  assert.equal(gate.decided(gate.lastWish), false);
  await settled();
  gate.want(second, [at(80)]);
  await settled();
  assert.deepEqual([gate.mayListen(first.id, at(80)), gate.mayListen(second.id, at(80))], [true, false]);
  assert.match(lines[0]!, /taken by load balancer first/);
  const trials = tested.length;
  gate.want(second, []);
  gate.want(first, []);
  gate.release(() => false);
  gate.want(second, [at(80)]);
  assert.equal(gate.mayListen(second.id, at(80)), true);
  assert.equal(tested.length, trials);
});

test('a port whose trial takes its time is not tried a second time meanwhile', async () => {
  const trials: ((refusal?: BindRefusal) => void)[] = [];
  const { clock, gate } = harness(() => new Promise((resolve) => trials.push(resolve)));
  gate.want(owner('shop'), [at(80)]);
  trials[0]!({ ...at(80), code: 'EADDRINUSE', message: 'taken' });
  await settled();
  clock.advance(5000);
  clock.advance(5000);
  assert.equal(trials.length, 2);
});

test('of wishes that are given up one comes to nothing though others stay, and one that has not been tried is not tried', async () => {
  const trials: (() => void)[] = [];
  const { gate } = harness(() => new Promise((resolve) => trials.push(() => resolve(undefined))));
  const listeners = Array.from({ length: 34 }, (_, index) => at(1000 + index));
  const shop = owner('shop');
  gate.want(shop, listeners);
  gate.want(shop, listeners.slice(1, 33));
  for (const decide of trials) decide();
  await settled();
  assert.equal(trials.length, 33);
  assert.deepEqual(
    [0, 1, 33].map((index) => gate.mayListen(shop.id, listeners[index]!)),
    [false, true, false],
  );
});
