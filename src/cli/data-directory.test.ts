import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { systemClock } from '../kit/clock.ts';
import { dataDirectory } from './data-directory.ts';

const ROUNDS = 300;
/** Announces again and again, as a weir does that is started again and again. */
const ANNOUNCER = `
  import { workerData } from 'node:worker_threads';
  const { dataDirectory } = await import(workerData.module);
  const files = dataDirectory(workerData.path);
  for (let round = 0; round < ${ROUNDS}; round++) {
    files.announceProcess({ warn() {} });
    files.announceApi('http://127.0.0.1:7600', { warn() {} });
  }
`;

it('who waits for the API address or the process id finds it whole, never half-written', async (test) => {
  const path = temporaryDirectory(test);
  const module = new URL('data-directory.ts', import.meta.url).href;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(ANNOUNCER)}`), {
    workerData: { path, module },
  });
  const ended = Promise.withResolvers<number>();
  worker.once('exit', ended.resolve).once('error', ended.reject);
  let running = true;
  void ended.promise.finally(() => (running = false));
  const seen = new Set<string>();
  while (running) {
    for (const file of ['pid', 'api-address']) {
      try {
        seen.add(`${file}: ${readFileSync(join(path, file), 'utf8')}`);
      } catch {
        // Not there at the moment.
      }
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(await ended.promise, 0);
  assert.deepEqual([...seen].toSorted(), ['api-address: http://127.0.0.1:7600\n', `pid: ${process.pid}\n`]);
  dataDirectory(path).withdraw();
});

it('a directory knows when it was made, whatever is written into it since', (test) => {
  const files = dataDirectory(temporaryDirectory(test));
  const createdMs = files.createdMs();
  assert.ok(Math.abs(createdMs - systemClock.epochMs()) < 60_000);
  files.announceProcess({ warn() {} });
  assert.equal(files.createdMs(), createdMs);
});

it('what an earlier weir has left of an address is gone while this one starts, and all of it at the end', (test) => {
  const files = dataDirectory(temporaryDirectory(test));
  files.announceApi('http://127.0.0.1:7600', { warn() {} });
  files.announceProcess({ warn() {} });
  assert.deepEqual(readdirSync(files.path), ['pid']);
  files.announceApi('http://127.0.0.1:7601', { warn() {} });
  files.withdraw();
  assert.deepEqual(readdirSync(files.path), []);
});

it('a file that cannot be put there is told, and nothing of it is left', (test) => {
  const files = dataDirectory(temporaryDirectory(test));
  mkdirSync(join(files.path, 'pid', 'in the way'), { recursive: true });
  const told: unknown[] = [];
  files.announceProcess({ warn: ({ path }) => void told.push(path) });
  assert.deepEqual([told, readdirSync(files.path)], [[join(files.path, 'pid')], ['pid']]);
});
