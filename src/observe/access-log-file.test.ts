import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SpoolFile } from './access-log-file.ts';
import { systemFiles } from './access-log-files.ts';

/** A file on a disk that takes so many bytes at a time. */
function spoolFile(most: number) {
  const content = Buffer.alloc(64, '.');
  const write = async (bytes: Buffer, position: number): Promise<number> => {
    const taken = Math.min(most, bytes.length);
    bytes.copy(content, position, 0, taken);
    return taken;
  };
  const open = async () => ({ write, truncate: async () => undefined, close: async () => undefined });
  return { content, file: new SpoolFile({ ...systemFiles, open }, 'path', 'key') };
}

it('lines that the disk takes in pieces are whole, each behind the one before', async () => {
  const { content, file } = spoolFile(3);
  await file.append([Buffer.from('the first\n'), Buffer.from('the second\n')]);
  await file.append([Buffer.from('the third\n')]);
  assert.equal(content.toString('latin1', 0, file.bytes), 'the first\nthe second\nthe third\n');
});

it('a disk that takes nothing, and does not say why, fails the write', async () => {
  const { file } = spoolFile(0);
  await assert.rejects(file.append([Buffer.from('a line\n')]), /the disk takes no more/);
  assert.equal(file.bytes, 0);
});
