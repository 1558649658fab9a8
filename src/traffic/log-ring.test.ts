import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { writeLine } from '../../test/support/log-ring.ts';
import { ACCESS_LOG } from '../model/limits.ts';
import { LogRingReader, LogRingWriter, makeLogRing } from './log-ring.ts';

function readAll(reader: LogRingReader): [ordinal: number, second: number, lines: string][] {
  const read: [number, number, string][] = [];
  reader.read((ordinal, second, lines) => read.push([ordinal, second, lines.toString('latin1')]));
  reader.release();
  return read;
}

describe('a ring of access log lines', () => {
  it('gives what was written once it is handed over, together what belongs together', () => {
    const ring = makeLogRing();
    const [writer, reader] = [new LogRingWriter(ring), new LogRingReader(ring)];
    for (const [ordinal, second, line] of [
      [1, 10, 'a'],
      [1, 10, 'bc'],
      [2, 10, 'd'],
      [2, 11, 'e'],
    ] as const) {
      assert.ok(writeLine(writer, ordinal, second, line));
    }
    assert.deepEqual(readAll(reader), [
      [1, 10, 'abc'],
      [2, 10, 'd'],
    ]);
    writer.flush();
    writer.flush();
    assert.deepEqual(readAll(reader), [[2, 11, 'e']]);
    assert.deepEqual(readAll(reader), []);
    assert.equal(reader.dropped, 0);
  });

  it('loses and repeats nothing while there is room, however often it goes round', () => {
    const ring = makeLogRing();
    const [writer, reader] = [new LogRingWriter(ring), new LogRingReader(ring)];
    const line = fc.record({ ordinal: fc.integer({ min: 1, max: 3 }), length: fc.nat(200_000), flush: fc.boolean() });
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 12 }), (lines) => {
        let expected = '';
        let letter = 0;
        for (const { ordinal, length, flush } of lines) {
          const text = String.fromCharCode(0x61 + (letter++ % 26)).repeat(length);
          assert.ok(writeLine(writer, ordinal, 5, text));
          expected += text;
          if (flush) writer.flush();
        }
        writer.flush();
        assert.equal(
          readAll(reader)
            .map(([, , text]) => text)
            .join(''),
          expected,
        );
      }),
    );
    assert.equal(reader.dropped, 0);
  });

  it('drops and counts what finds no room, and goes on when there is some again', () => {
    const ring = makeLogRing();
    const [writer, reader] = [new LogRingWriter(ring), new LogRingReader(ring)];
    const line = 'x'.repeat(1000);
    let kept = 0;
    while (writeLine(writer, 1, 1, line)) kept++;
    assert.ok(kept * line.length > ACCESS_LOG.ringBytes * 0.98);
    assert.equal(writeLine(writer, 1, 1, line), false);
    assert.equal(reader.dropped, 2);
    writer.flush();
    const read = readAll(reader).map(([, , lines]) => lines);
    assert.equal(read.join('').length, kept * line.length);
    for (let i = 0; i < kept; i++) assert.ok(writeLine(writer, 1, 1, line));
    assert.equal(reader.dropped, 2);
  });

  it('keeps what was read until it is let go', () => {
    const ring = makeLogRing();
    const [writer, reader] = [new LogRingWriter(ring), new LogRingReader(ring)];
    let lines: Buffer = Buffer.alloc(0);
    assert.ok(writeLine(writer, 1, 1, 'kept'));
    writer.flush();
    reader.read((_ordinal, _second, bytes) => (lines = bytes));
    while (writeLine(writer, 1, 1, 'x'.repeat(100_000)));
    assert.equal(lines.toString(), 'kept');
    reader.release();
    assert.ok(writeLine(writer, 1, 1, '-'));
  });

  it('keeps what a thread that dies has not handed over, and serves its successor', () => {
    const ring = makeLogRing();
    const reader = new LogRingReader(ring);
    const writer = new LogRingWriter(ring);
    writeLine(writer, 7, 70, 'handed over');
    writer.flush();
    writeLine(writer, 7, 71, 'left');
    assert.deepEqual(readAll(reader), [[7, 70, 'handed over']]);
    reader.salvage();
    reader.salvage();
    const successor = new LogRingWriter(ring);
    writeLine(successor, 8, 72, 'new');
    successor.flush();
    assert.deepEqual(readAll(reader), [
      [7, 71, 'left'],
      [8, 72, 'new'],
    ]);
  });

  it('is read while another thread writes', async () => {
    const ring = makeLogRing();
    const reader = new LogRingReader(ring);
    const count = 40_000;
    const urls = ['log-ring.ts', '../../test/support/log-ring.ts'].map((path) => new URL(path, import.meta.url).href);
    const worker = new Worker(
      `const { workerData } = require('node:worker_threads');
       Promise.all(workerData.urls.map((url) => import(url))).then(([{ LogRingWriter }, { writeLine }]) => {
         const writer = new LogRingWriter(workerData.ring);
         for (let i = 0; i < ${count};) if (writeLine(writer, 1 + (i % 700 === 0), 1, i + '\\n')) i++;
         writer.flush();
       });`,
      { eval: true, workerData: { ring, urls } },
    );
    let ended = false;
    worker.once('exit', () => (ended = true));
    let text = '';
    for (;;) {
      const last = ended;
      text += readAll(reader)
        .map(([, , lines]) => lines)
        .join('');
      if (last) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(text, Array.from({ length: count }, (_, i) => `${i}\n`).join(''));
  });
});
