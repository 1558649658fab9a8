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
    const kept = again.filter((buffer) => taken.includes(buffer)).length;
    assert.ok(kept > 0 && kept < 100, `${kept} were kept`);
  });

  test('of another size are not kept', () => {
    const buffers = new HeadBuffers();
    buffers.giveBack(Buffer.alloc(HTTP_HEAD.maxBytes + 1));
    buffers.giveBack(Buffer.alloc(512));
    assert.equal(buffers.take().length, HTTP_HEAD.maxBytes);
  });
});
