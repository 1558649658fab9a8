import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../kit/clock.ts';
import { ACCESS_LOG } from '../model/limits.ts';
import type { Connection } from '../transport/transport.ts';
import { Phrase } from '../wire/phrase.ts';
import { RequestHead } from '../wire/request-head.ts';
import { LogEntry } from './log-entry.ts';
import { LogRingReader, makeLogRing } from './log-ring.ts';
import { LogWriter } from './log-writer.ts';

const ORIGIN = { scheme: new Phrase('http://'), port: new Phrase(':80') };
const CLIENT = { remoteAddress: '10.0.0.9', remotePort: 1, localAddress: '10.0.0.1', tls: undefined } as Connection;

/** A connection whose requests are refused, and what is written of them. */
function harness() {
  const clock = new FakeClock();
  const ring = makeLogRing();
  const writer = new LogWriter(clock, ring);
  const reader = new LogRingReader(ring);
  const entry = new LogEntry('shop', ORIGIN, CLIENT, writer.requests);
  const head = new RequestHead();
  /** The line of a request with this user agent. */
  const write = (agent: string): string => {
    const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: ${agent}\r\n\r\n`);
    head.parse(bytes, 0, bytes.length, false);
    entry.begin(1);
    entry.request(bytes, head, clock.monotonicMs());
    writer.http(entry, 400, false);
    writer.tick();
    let line = '';
    reader.read((_ordinal, _second, lines) => (line += lines.toString()));
    reader.release();
    return line;
  };
  return { clock, entry, write };
}

test('an idle connection keeps no more room for its lines than ordinary ones take', () => {
  const { entry, write } = harness();
  const rooms = ['me', '"'.repeat(ACCESS_LOG.maxUserAgentBytes), 'you'].map((agent) => {
    assert.ok(write(agent).endsWith(` "${agent.replaceAll('"', String.raw`\x22`)}" - -\n`));
    return entry.tail.byteLength;
  });
  assert.ok(rooms[0]! > 0 && rooms[0]! <= 4096, 'room for the next line is there');
  assert.deepEqual(rooms, [rooms[0], 0, rooms[0]]);
});

test('lines are told by the clock as it is set', () => {
  const { clock, write } = harness();
  const timestamp = (): string => write('me').split(' ')[0]!;
  assert.equal(timestamp(), '2026-01-01T00:00:00.000000Z');
  for (const [byMs, wanted] of [
    [3_600_250, '2026-01-01T01:00:00.250000Z'],
    [-7_200_000, '2025-12-31T23:00:00.250000Z'],
  ] as const) {
    clock.jumpEpoch(byMs);
    write('between');
    assert.equal(timestamp(), wanted);
  }
});
