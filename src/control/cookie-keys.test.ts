import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControlHarness, instance, shop } from '../../test/support/control.ts';
import { settled } from '../../test/support/settled.ts';
import { FakeClock } from '../kit/clock.ts';
import { SeededRandom } from '../kit/random.ts';
import { silentLog } from '../kit/log.ts';
import type { LoadBalancer } from '../model/load-balancer.ts';
import { createMemoryStore } from '../store/memory.ts';
import { createSecrets, type Secrets } from '../store/secrets.ts';
import { cookieKeysChange, type Store } from '../store/store.ts';
import { CookieKeyring } from './cookie-keys.ts';

const DAY_MS = 24 * 3_600_000;
const PLAIN = createSecrets(new SeededRandom(9), undefined);
const SEALED = createSecrets(new SeededRandom(9), new Uint8Array(32).fill(1));

/** The keys of one weir on `store`, with a seed of its own. */
function weir(store: Store, seed: number, secrets: Secrets = PLAIN, clock = new FakeClock()) {
  let timed = 0;
  let followed = 0;
  const keyring = new CookieKeyring({ store, secrets, clock, random: new SeededRandom(seed), log: silentLog }, () => {
    timed++;
    void keyring.keys;
  });
  store.watch((view) => {
    if (keyring.follow(view)) followed++;
  });
  keyring.start();
  return { keyring, clock, timed: () => timed, followed: () => followed };
}

const stored = (store: Store) => store.view().get('cookie-key', 'current')?.keys;

test('a key is made when it is first asked for, used at once, and kept', async () => {
  const store = createMemoryStore();
  const { keyring, followed } = weir(store, 1);
  await settled();
  assert.equal(stored(store), undefined);
  const { keys } = keyring;
  assert.deepEqual(
    keys.map(({ length }) => length),
    [64],
  );
  await settled();
  assert.equal(stored(store)!.length, 1);
  assert.deepEqual(keyring.keys, keys);
  assert.equal(followed(), 0, 'what is stored is what is in use');
  assert.deepEqual(weir(store, 2).keyring.keys, keys, 'after a restart');
});

test('two weirs that ask at the same time come to have the same key', async () => {
  const store = createMemoryStore();
  const weirs = [weir(store, 1), weir(store, 2)] as const;
  for (const { keyring } of weirs) void keyring.keys;
  await settled();
  assert.deepEqual(weirs[0].keyring.keys, weirs[1].keyring.keys);
});

test('a new key comes every 200 days, makes cookies when all have heard of it, and is honoured for 400 days after', async () => {
  const store = createMemoryStore();
  const { keyring, clock, timed } = weir(store, 1);
  const [first] = keyring.keys;
  await settled();
  const pass = async (ms: number) => {
    clock.advance(ms);
    await settled();
  };
  await pass(200 * DAY_MS - 60_000);
  assert.deepEqual(keyring.keys, [first]);
  await pass(60_000);
  assert.equal(keyring.keys.length, 2);
  assert.deepEqual(keyring.keys[0], first, 'nobody has heard of the new one yet');
  const told = timed();
  await pass(60_000);
  assert.equal(timed(), told + 1);
  assert.deepEqual(keyring.keys[1], first);
  await pass(399 * DAY_MS);
  assert.ok(keyring.keys.some((key) => Buffer.compare(key, first!) === 0));
  await pass(2 * DAY_MS);
  assert.equal(keyring.keys.length, 3);
  assert.ok(!keyring.keys.some((key) => Buffer.compare(key, first!) === 0));
});

test('keys are sealed with the master key, those too that were there before it', async () => {
  const store = createMemoryStore();
  const { keys } = weir(store, 1).keyring;
  await settled();
  assert.match(stored(store)![0]!.sealedKey, /^plain:/);
  assert.deepEqual(weir(store, 2, SEALED).keyring.keys, keys);
  await settled();
  assert.doesNotMatch(stored(store)![0]!.sealedKey, /^plain:/);
  assert.equal(SEALED.open(stored(store)![0]!.sealedKey, 'cookie-key'), Buffer.from(keys[0]!).toString('base64'));
  assert.deepEqual(weir(store, 3, SEALED).keyring.keys, keys);
});

test('keys that cannot be opened give way to a new one', async () => {
  const store = createMemoryStore();
  void weir(store, 1, SEALED).keyring.keys;
  await settled();
  const { keys } = weir(store, 2, PLAIN).keyring;
  await settled();
  assert.equal(keys.length, 1);
  assert.deepEqual(weir(store, 3, PLAIN).keyring.keys, keys);
});

const STICKY: Partial<LoadBalancer> = {
  policies: [{ policyName: 'sticky', policyTypeName: 'LBCookieStickinessPolicyType', attributes: [] }],
  listeners: [
    {
      protocol: 'HTTP',
      loadBalancerPort: 80,
      instanceProtocol: 'HTTP',
      instancePort: 8080,
      policyNames: ['sticky'],
    },
  ],
};

test('sticky listeners have the keys of the store on every thread, and a store without any has none made', async () => {
  const harness = await ControlHarness.started(shop([instance('i-1', '10.0.0.1')]));
  assert.equal(stored(harness.store), undefined);
  const record = shop([instance('i-1', '10.0.0.1')], STICKY);
  const revision = await harness.put(record);
  assert.ok(await harness.control.applied(revision, 1000));
  const keys = harness.threads.live.map(
    (thread) => [...thread.loadBalancers.values()][0]!.listeners[0]!.stickiness!.keys,
  );
  await settled();
  assert.equal(stored(harness.store)!.length, 1);
  for (const own of keys)
    assert.equal(`plain:${Buffer.from(own[0]!).toString('base64')}`, stored(harness.store)![0]!.sealedKey);
});

test('a stored key of another length is none; nothing is stored after the end', async () => {
  const store = createMemoryStore();
  const record = { keys: [{ sealedKey: 'plain:c2hvcnQ=', madeTimeMs: 0 }] };
  await store.commit(0, [cookieKeysChange(record)]);
  const { keyring } = weir(store, 1);
  assert.deepEqual(
    keyring.keys.map(({ length }) => length),
    [64],
  );
  keyring.stop();
  await settled();
  assert.deepEqual(stored(store), record.keys);
});
