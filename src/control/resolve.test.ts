import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../kit/clock.ts';
import type { LogFields } from '../kit/log.ts';
import { loadBalancerId } from '../model/load-balancer.ts';
import { settled } from '../../test/support/settled.ts';
import { HostResolver, systemLookup } from './resolve.ts';

const SHOP = loadBalancerId('1', 'r', 'shop');

function harness(
  accept: (address: string) => boolean = () => true,
  mayConnect: (address: string, port: number) => boolean = () => true,
) {
  const clock = new FakeClock();
  const answers = new Map<string, string[]>();
  const nameServer = { isAway: false };
  const lookups: string[] = [];
  const changes: string[] = [];
  const lines: string[] = [];
  const line = (_: LogFields, message: string): void => void lines.push(message);
  const resolver = new HostResolver({
    clock,
    log: { debug: line, info: line, warn: line, error: line },
    accept,
    mayConnect,
    onChange: (users) => changes.push(users.join(' ')),
    lookup: (host) => {
      lookups.push(host);
      const answer = answers.get(host);
      if (answer !== undefined && !nameServer.isAway) return Promise.resolve(answer);
      const code = nameServer.isAway ? 'EAI_AGAIN' : 'ENOTFOUND';
      return Promise.reject(Object.assign(new Error(`${code} ${host}`), { code }));
    },
  });
  resolver.start();
  return { clock, answers, nameServer, lookups, changes, lines, resolver };
}

test('an address is itself, and never looked up', async () => {
  const { resolver, lookups } = harness();
  assert.equal(resolver.addressOf('10.0.0.1'), '10.0.0.1');
  assert.equal(await resolver.resolve('::1'), '::1');
  resolver.use(SHOP, ['10.0.0.1']);
  assert.deepEqual(lookups, []);
});

test('a name in use is looked up again every 30 s, and a new address is told', async () => {
  const { clock, answers, changes, resolver, lines } = harness();
  answers.set('db.example', ['10.0.0.1', '10.0.0.2']);
  resolver.use(SHOP, ['DB.example']);
  await resolver.settle();
  assert.equal(resolver.addressOf('db.EXAMPLE'), '10.0.0.1');
  answers.set('db.example', ['10.0.0.2', '10.0.0.1']);
  clock.advance(30_000);
  await settled();
  assert.equal(resolver.addressOf('db.example'), '10.0.0.1', 'a rotated answer changes nothing');
  answers.set('db.example', ['10.0.0.3']);
  clock.advance(30_000);
  await settled();
  assert.equal(resolver.addressOf('db.example'), '10.0.0.3');
  assert.deepEqual(changes, [SHOP, SHOP]);
  assert.deepEqual(lines, ['host name has a new address']);
});

test('a name server that is away takes no address away, and is told of once', async () => {
  const { clock, answers, nameServer, resolver, lines } = harness();
  answers.set('db.example', ['10.0.0.1']);
  resolver.use(SHOP, ['db.example']);
  await resolver.settle();
  nameServer.isAway = true;
  clock.advance(120_000);
  await settled();
  assert.equal(resolver.addressOf('db.example'), '10.0.0.1');
  assert.deepEqual(lines, ['host name of an instance has no address: 10.0.0.1 stays in use']);
  assert.equal(await resolver.resolve('db.example'), '10.0.0.1', 'it can be registered a second time');
  assert.deepEqual(await resolver.resolve('new.shop'), { cause: 'EAI_AGAIN new.shop' }, 'nobody knows');
});

test('a name that is gone takes no address away, and has none for who asks for it now', async () => {
  const { clock, answers, nameServer, resolver } = harness();
  answers.set('db.example', ['10.0.0.1']);
  resolver.use(SHOP, ['db.example']);
  await resolver.settle();
  answers.clear();
  clock.advance(30_000);
  await settled();
  assert.equal(resolver.addressOf('db.example'), '10.0.0.1');
  assert.equal(await resolver.resolve('db.example'), undefined);
  nameServer.isAway = true;
  assert.equal(await resolver.resolve('db.example'), '10.0.0.1');
});

test("names that are nobody's, or of one label, have no address where nobody answers", async () => {
  await assert.rejects(systemLookup('a.invalid'), { code: 'ENOTFOUND' });
  await assert.rejects(systemLookup('INVALID.'), { code: 'ENOTFOUND' });
  const { answers, nameServer, resolver } = harness();
  answers.set('hosts.example', ['10.0.0.1']);
  assert.equal(await resolver.resolve('hosts.example'), '10.0.0.1');
  nameServer.isAway = true;
  for (const name of ['name.example', 'www.example.com', 'a.test', 'bogus', 'bogus.'])
    assert.equal(await resolver.resolve(name), undefined);
  assert.deepEqual(await resolver.resolve('example.shop'), { cause: 'EAI_AGAIN example.shop' });
});

test('an address that may not be an instance is none, also when a name comes to stand for it later', async () => {
  const { clock, answers, resolver } = harness((address) => !address.startsWith('169.254.'));
  answers.set('a.example', ['169.254.169.254']);
  assert.equal(await resolver.resolve('a.example'), undefined);
  answers.set('b.example', ['10.0.0.1']);
  resolver.use(SHOP, ['b.example']);
  await resolver.settle();
  answers.set('b.example', ['169.254.169.254']);
  clock.advance(30_000);
  await settled();
  assert.equal(resolver.addressOf('b.example'), '10.0.0.1');
});

test('a name that nobody uses is forgotten', async () => {
  const { clock, answers, lookups, resolver } = harness();
  answers.set('db.example', ['10.0.0.1']);
  resolver.use(SHOP, ['db.example']);
  await resolver.settle();
  resolver.use(SHOP, []);
  clock.advance(60_000);
  await settled();
  await resolver.resolve('db.example');
  clock.advance(30_000);
  await settled();
  assert.equal(resolver.addressOf('db.example'), '10.0.0.1', 'who has asked may use it next');
  clock.advance(30_000);
  await settled();
  const before = lookups.length;
  clock.advance(300_000);
  await settled();
  assert.equal(lookups.length, before);
  assert.equal(resolver.addressOf('db.example'), undefined);
});

test('few lookups are under way at once, and one that hangs is not waited for', async () => {
  const clock = new FakeClock();
  const started: string[] = [];
  const finish: (() => void)[] = [];
  const resolver = new HostResolver({
    clock,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    accept: () => true,
    mayConnect: () => true,
    onChange: () => undefined,
    lookup: (host) => {
      started.push(host);
      return new Promise((resolve) => finish.push(() => resolve(['10.0.0.1'])));
    },
  });
  const answer = resolver.resolve('a.shop');
  resolver.use(SHOP, ['a.shop', 'b.shop', 'c.shop', 'd.shop']);
  await settled();
  assert.deepEqual(started, ['a.shop', 'b.shop']);
  clock.advance(5000);
  assert.deepEqual(await answer, { cause: 'no answer within 5 seconds' });
  finish[1]!();
  await settled();
  assert.deepEqual(started, ['a.shop', 'b.shop', 'c.shop']);
  finish[0]!();
  finish[2]!();
  await settled();
  finish[3]!();
  await settled();
  assert.equal(resolver.addressOf('d.shop'), '10.0.0.1');
});

test('a port that nothing may connect to has no address', () => {
  const { resolver } = harness(undefined, (address, port) => address !== '127.0.0.1' || port !== 7600);
  assert.equal(resolver.addressOf('127.0.0.1', 7600), undefined);
  assert.equal(resolver.addressOf('127.0.0.1', 7601), '127.0.0.1');
  assert.equal(resolver.addressOf('127.0.0.1'), '127.0.0.1');
  assert.equal(resolver.addressOf('none.example', 7601), undefined);
});

test('a name server that is away again is told of again', async () => {
  const { clock, answers, nameServer, lines, resolver } = harness();
  answers.set('db.example', ['10.0.0.1']);
  resolver.use(SHOP, ['db.example']);
  await resolver.settle();
  for (const isAway of [true, true, false, true]) {
    nameServer.isAway = isAway;
    clock.advance(30_000);
    await settled();
  }
  assert.equal(lines.length, 2);
});

test('after the end nothing is told, and nothing looked up', async () => {
  const { clock, answers, lookups, changes, lines, resolver } = harness();
  answers.set('db.example', ['10.0.0.1']);
  resolver.use(SHOP, ['db.example', 'gone.example.com']);
  resolver.stop();
  await settled();
  clock.advance(60_000);
  await settled();
  assert.deepEqual([changes, lines, lookups.length], [[], [], 2]);
});
