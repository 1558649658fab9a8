import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { it } from 'node:test';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { FakeClock } from '../kit/clock.ts';
import { silentLog } from '../kit/log.ts';
import { LogDelivery, type LogStore } from './access-log-delivery.ts';
import { systemFiles } from './access-log-files.ts';

it('what is given up is the oldest of all that is not delivered, whatever its bucket', async (t) => {
  const spool = temporaryDirectory(t);
  const dead: LogStore = { name: 'nowhere', put: () => Promise.reject(new Error('nobody is there')) };
  const delivery = new LogDelivery({ clock: new FakeClock(), log: silentLog, files: systemFiles, store: dead, spool });
  for (const key of ['one/1', 'two/2', 'one/3', 'two/4']) {
    const path = join(spool, key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, 'a line\n');
    delivery.add({ key, path, bytes: 7 });
    await delivery.settle();
  }
  const left: string[][] = [];
  while (await delivery.dropOldest()) left.push((await systemFiles.list(spool)).map(({ path }) => path.at(-1)!).sort());
  assert.deepEqual(left, [['2', '3', '4'], ['3', '4'], ['4'], []]);
  assert.deepEqual([delivery.droppedLines, delivery.undeliveredBytes, delivery.undeliveredFiles], [4, 0, 0]);
});
