import assert from 'node:assert/strict';
import { test } from 'node:test';
import { workerThreads } from './worker.ts';

test('a thread that the runtime refuses to make ends once, later, with the reason', async () => {
  const settings = { thread: 0, threads: 1, transport: 'auto', threadCounters: new SharedArrayBuffer(0) } as const;
  const ended: string[] = [];
  const thread = workerThreads(new URL('https://nowhere.example/thread.js'))(settings, {
    onMessage: () => assert.fail('nothing runs'),
    onEnd: (reason) => ended.push(reason),
  });
  assert.deepEqual(ended, [], 'not within the call');
  thread.terminate();
  await Promise.resolve();
  assert.deepEqual(ended, ['The URL must be of scheme file']);
});
