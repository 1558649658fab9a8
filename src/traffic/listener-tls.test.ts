import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { issue } from '../../test/support/issued.ts';
import { servedTls } from '../../test/support/tls.ts';
import { counterRow, makeCounters } from './counters.ts';
import { backendTls, ListenerTls } from './listener-tls.ts';

const ROW = counterRow(makeCounters(1), 0);

test('a thousand instances cost no context each, which would hold up a thread for a third of a second', () => {
  const contexts = new Set(Array.from({ length: 1000 }, () => backendTls(undefined).context));
  assert.equal(contexts.size, 1);
  assert.equal(new Set([backendTls(['AAAA']).context, backendTls(['BBBB']).context]).size, 1);
});

test('a listener gets new tickets without a new context, anything else with one', () => {
  const tls = new ListenerTls(servedTls(), ROW, () => true);
  const contexts = [tls.context];
  for (const changed of [{ ticketSeed: 2 }, { ticketSeed: 2, issued: issue() }, { ticketSeed: 3 }, {}]) {
    tls.update(servedTls(changed));
    contexts.push(tls.context);
  }
  const [first, rekeyed, certified, back, last] = contexts;
  assert.equal(rekeyed, first);
  assert.notEqual(certified, first);
  assert.notEqual(back, certified);
  assert.equal(last, back);
});

test('what OpenSSL refuses leaves the context, and new tickets for it do not make it good', () => {
  const tls = new ListenerTls(servedTls(), ROW, () => true);
  const { context } = tls;
  const { privateKey } = issue();
  for (const ticketSeed of [1, 2]) {
    tls.update({ ...servedTls({ ticketSeed }), privateKey, key: `broken ${ticketSeed}` });
    assert.match(tls.failure ?? '', /^TLS cannot be set up: /);
    assert.equal(tls.context, context);
  }
  tls.update(servedTls());
  assert.equal(tls.failure, undefined);
});

test('listeners with one certificate and policy share a context, after new tickets too, and no others', () => {
  const listen = (changed = {}) => new ListenerTls(servedTls(changed), ROW, () => true);
  const [one, two, other] = [listen(), listen(), listen({ issued: issue() })];
  assert.equal(one.context, two.context);
  assert.notEqual(one.context, other.context);
  const before = one.context;
  for (const each of [one, two]) each.update(servedTls({ ticketSeed: 2 }));
  for (const each of [one, two, listen({ ticketSeed: 2 })]) assert.equal(each.context, before);
  const policy = ['Protocol-TLSv1.2', 'ECDHE-ECDSA-AES128-GCM-SHA256'];
  one.update(servedTls({ ticketSeed: 2, policy }));
  assert.notEqual(one.context, two.context);
  two.update(servedTls({ ticketSeed: 2, policy }));
  assert.equal(one.context, two.context);
});

test('a context that no listener has any more can be collected', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const tls = new ListenerTls(servedTls({ issued: issue() }), ROW, () => true);
  const before = new WeakRef(tls.context);
  tls.update(servedTls());
  // What was looked at in this turn stays until its end.
  while (before.deref() !== undefined) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  assert.equal(tls.failure, undefined);
});
