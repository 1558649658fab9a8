import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HTTP_HEAD } from '../model/limits.ts';
import { HeadBuffers, IN_A_SLAB } from './head-buffers.ts';

describe('buffers for long heads', () => {
  test('have room for the longest, are one client’s at a time, and serve the next one', () => {
    const buffers = new HeadBuffers();
    const taken = Array.from({ length: 200 }, () => buffers.take());
    assert.equal(new Set(taken).size, 200);
    for (const buffer of taken) assert.equal(buffer.length, HTTP_HEAD.maxBytes);
    for (const buffer of taken) buffers.giveBack(buffer);
    const again = Array.from({ length: 200 }, () => buffers.take());
    assert.equal(new Set(again).size, 200);
    assert.ok(again.every((buffer) => taken.includes(buffer)));
  });

  test('but for one slab are let go when nobody has needed them for a while', () => {
    const buffers = new HeadBuffers();
    const seen = new Set<Buffer>();
    const takeTogether = (count: number): void => {
      const taken = Array.from({ length: count }, () => buffers.take());
      for (const buffer of taken) buffers.giveBack(buffer);
      for (const buffer of taken) seen.add(buffer);
    };
    /** How many of 2000 have served before. */
    const reused = (): number => {
      const before = seen.size;
      takeTogether(2000);
      return 2000 - (seen.size - before);
    };
    assert.equal(reused(), 0);
    buffers.trim();
    assert.equal(reused(), 2000, 'all had been needed');
    buffers.trim();
    takeTogether(900);
    buffers.trim();
    assert.equal(reused(), 3 * IN_A_SLAB, 'of two slabs that had not been, one is kept');
    buffers.trim();
    buffers.trim();
    assert.equal(reused(), IN_A_SLAB, 'none had been');
  });

  test('stay while another one of the same memory is out', () => {
    const buffers = new HeadBuffers();
    const taken = Array.from({ length: 1500 }, () => buffers.take());
    const slabs = new Set(taken.map(({ buffer }) => buffer));
    const out = new Set([...slabs].map((slab) => taken.find(({ buffer }) => buffer === slab)!));
    const back = taken.filter((buffer) => !out.has(buffer));
    for (const buffer of back) buffers.giveBack(buffer);
    buffers.trim();
    buffers.trim();
    const again = Array.from(back, () => buffers.take());
    assert.ok(again.every((buffer) => slabs.has(buffer.buffer) && !out.has(buffer)));
  });

  test('of another size, or of other memory, are not kept', () => {
    const buffers = new HeadBuffers();
    buffers.giveBack(Buffer.alloc(HTTP_HEAD.maxBytes + 1));
    buffers.giveBack(Buffer.alloc(512));
    buffers.giveBack(Buffer.alloc(HTTP_HEAD.maxBytes));
    const taken = buffers.take();
    assert.equal(taken.length, HTTP_HEAD.maxBytes);
    assert.ok(taken.buffer instanceof SharedArrayBuffer);
  });
});
