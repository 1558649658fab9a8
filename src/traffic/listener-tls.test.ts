import assert from 'node:assert/strict';
import { test } from 'node:test';
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
