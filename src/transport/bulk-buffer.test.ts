import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BUFFERS } from '../model/limits.ts';
import { BulkBufferPool } from './bulk-buffer.ts';
import { READ_ROOM } from './transport.ts';

describe('bulk buffers', () => {
  test('have room on both sides of what is read', () => {
    const { bytes, area } = new BulkBufferPool().take();
    assert.equal(area.length, BUFFERS.bulk);
    assert.equal(bytes.length, BUFFERS.bulk + 2 * READ_ROOM);
    assert.equal(area.byteOffset - bytes.byteOffset, READ_ROOM);
    assert.equal(area.buffer, bytes.buffer);
  });

  test('are used again when their connection has let go and no write needs them, not before', () => {
    const pool = new BulkBufferPool();
    const buffer = pool.take();
    buffer.inFlight = 2;
    pool.release(buffer);
    assert.notEqual(pool.take(), buffer);
    buffer.inFlight = 1;
    pool.settle(buffer);
    assert.notEqual(pool.take(), buffer);
    buffer.inFlight = 0;
    pool.settle(buffer);
    assert.equal(pool.take(), buffer);
    pool.settle(buffer);
    assert.notEqual(pool.take(), buffer, 'its new connection has not let go');
  });

  test('are small when many are out, and large again when those have come back', () => {
    const pool = new BulkBufferPool();
    const out = Array.from({ length: BUFFERS.bulkGenerous / BUFFERS.bulk }, () => pool.take());
    const small = pool.take();
    assert.equal(small.area.length, BUFFERS.bulkSmall);
    for (const buffer of [...out, small]) pool.release(buffer);
    assert.equal(pool.take().area.length, BUFFERS.bulk);
  });

  test('that come back are not all kept', () => {
    const pool = new BulkBufferPool();
    const out = Array.from({ length: 100 }, () => pool.take());
    for (const buffer of out) pool.release(buffer);
    const reused = Array.from({ length: 100 }, () => pool.take()).filter((buffer) => out.includes(buffer));
    assert.ok(reused.length > 0 && reused.length * BUFFERS.bulk <= 8 * 1024 * 1024, `${reused.length} are kept`);
  });
});
