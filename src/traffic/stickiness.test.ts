import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../kit/random.ts';
import { loadBalancerId } from '../model/load-balancer.ts';
import { PARSED } from '../wire/message-head.ts';
import { RequestHead } from '../wire/request-head.ts';
import { CountLog } from './count-log.ts';
import { makeCounters, sharedCells } from './counters.ts';
import type { HttpTarget } from './http-backend.ts';
import { COOKIE_KEY_BYTES, sealCookie } from './stickiness-seal.ts';
import { StickySessions } from './stickiness.ts';
import { Target } from './target.ts';
import { TargetTable } from './target-table.ts';

const ID = loadBalancerId('000000000000', 'us-east-1', 'shop');
const KEYS = [1, 2].map((byte) => Buffer.alloc(COOKIE_KEY_BYTES, byte));
const MAX_DEPARTED = 1024;

const log = new CountLog(sharedCells(makeCounters(1)), 1);
const table = new TargetTable(1);
table.add();

function target(instanceId: string): HttpTarget {
  const compiled = { slot: 0, instanceId, host: '127.0.0.1', port: 80, zone: 'a' };
  return new Target(ID, compiled, 'HTTP', undefined, table.page(0), log, 0);
}

function valueOf(instanceId: string, key = KEYS[0]!): string {
  return sealCookie(key, { loadBalancer: ID, instancePort: 80, instanceId });
}

function sessions(instanceIds: readonly string[]): StickySessions {
  const made = new StickySessions(ID, 80, { kind: 'duration', keys: KEYS });
  made.update(instanceIds.map(target));
  return made;
}

/** A request with this cookie, read once. */
function request(value: string): { readonly bytes: Buffer; readonly head: RequestHead } {
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: h\r\nCookie: theme=dark; AWSELB=${value}\r\n\r\n`, 'latin1');
  const head = new RequestHead();
  assert.equal(head.parse(bytes, 0, bytes.length, false), PARSED.complete);
  return { bytes, head };
}

function find(sticky: StickySessions, value: string): string | undefined {
  const { bytes, head } = request(value);
  return sticky.find(bytes, head)?.instanceId;
}

test('a cookie that was made with any of the keys is found, and no other', () => {
  const sticky = sessions(['i-1', 'i-2']);
  for (const key of KEYS) assert.equal(find(sticky, valueOf('i-2', key)), 'i-2');
  assert.equal(find(sticky, valueOf('i-2', Buffer.alloc(COOKIE_KEY_BYTES, 3))), undefined);
  assert.equal(find(sticky, valueOf('i-3')), undefined);
});

test('instances that are gone are remembered, the latest of them, and never more than there is room for', () => {
  const sticky = sessions(['i-here', 'i-first']);
  for (let i = 0; i <= MAX_DEPARTED; i++) sticky.update(['i-here', `i-${i}`].map(target));
  sticky.update([target('i-here')]);
  assert.equal(find(sticky, valueOf(`i-${MAX_DEPARTED}`)), `i-${MAX_DEPARTED}`);
  assert.equal(find(sticky, valueOf('i-first')), undefined);
  assert.equal(find(sticky, valueOf('i-here')), 'i-here');
});

test('a forged cookie costs no more than a good one', () => {
  const ids = Array.from({ length: 1000 }, (_, i) => `i-${i}`);
  const sticky = sessions(ids);
  const random = new SeededRandom(1);
  const hex = () => random.bytes(48).toString('hex').toUpperCase();
  const good = ids.slice(0, 100).map((id) => request(valueOf(id)));
  // As good as can be had without the key: made up, or a good one with its end changed.
  const flipped = ids.slice(0, 50).map((id) => valueOf(id).replace(/.$/, (end) => (end === '0' ? '1' : '0')));
  const forged = [...flipped, ...Array.from({ length: 50 }, hex)].map(request);
  for (const { bytes, head } of forged) assert.equal(sticky.find(bytes, head), undefined);
  const cost = (requests: readonly ReturnType<typeof request>[]): number => {
    const before = process.cpuUsage();
    for (let round = 0; round < 500; round++) for (const { bytes, head } of requests) sticky.find(bytes, head);
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  const costs = Array.from({ length: 9 }, () => [cost(good), cost(forged)] as const).slice(2);
  const median = (which: 0 | 1): number => costs.map((each) => each[which]).toSorted((a, b) => a - b)[3]!;
  // A single hash would cost ten times as much; what is left is the noise of a busy machine.
  assert.ok(median(1) <= 2 * median(0), `forged ${median(1)} µs, good ${median(0)} µs`);
});
