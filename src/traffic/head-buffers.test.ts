import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HTTP_HEAD } from '../model/limits.ts';
import { HeadBuffers } from './head-buffers.ts';

describe('buffers for long heads', () => {
  test('have room for the longest, are one client’s at a time, and serve the next one', () => {
    const buffers = new HeadBuffers();
    const taken = Array.from({ length: 200 }, () => buffers.take());
    assert.equal(new Set(taken).size, 200);
    for (const buffer of taken) assert.equal(buffer.length, HTTP_HEAD.maxBytes);
    for (const buffer of taken) buffers.giveBack(buffer);
    const again = Array.from({ length: 200 }, () => buffers.take());
    assert.equal(new Set(again).size, 200);
    assert.deepEqual(new Set(again), new Set(taken));
  });

  test('are let go when nobody has needed them for a while, but for a few', () => {
    const buffers = new HeadBuffers();
    const seen = new Set<Buffer>();
    const takeTogether = (count: number): void => {
      const taken = Array.from({ length: count }, () => buffers.take());
      for (const buffer of taken) buffers.giveBack(buffer);
      for (const buffer of taken) seen.add(buffer);
    };
    /** How many of 200 have served before. */
    const reused = (): number => {
      const before = seen.size;
      takeTogether(200);
      return 200 - (seen.size - before);
    };
    assert.equal(reused(), 0);
    buffers.trim();
    assert.equal(reused(), 200, 'all had been needed');
    buffers.trim();
    takeTogether(100);
    buffers.trim();
    assert.equal(reused(), 100, 'half of them had been');
    buffers.trim();
    buffers.trim();
    const kept = reused();
    assert.ok(kept > 0 && kept < 100, `${kept} were kept`);
  });

  test('of another size are not kept', () => {
    const buffers = new HeadBuffers();
    buffers.giveBack(Buffer.alloc(HTTP_HEAD.maxBytes + 1));
    buffers.giveBack(Buffer.alloc(512));
    assert.equal(buffers.take().length, HTTP_HEAD.maxBytes);
  });
});
