import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeClock } from '../kit/clock.ts';
import { DefectLog } from './defect-log.ts';
import type { ThreadMessage } from './snapshot.ts';

it('defects are told with their stacks up to twenty times in ten seconds, and counted beyond', () => {
  const clock = new FakeClock();
  const said: ThreadMessage[] = [];
  const defects = new DefectLog(clock, (message) => void said.push(message));
  const lines = () => said.map((message) => (message.type === 'log' ? `${message.level}: ${message.message}` : ''));
  for (let i = 0; i < 50; i++) defects.note(new Error(`number ${i}`));
  assert.equal(lines().length, 20);
  assert.match(
    lines()[19]!,
    /^error: a connection was ended by a defect: Error: number 19\n +at .*defect-log\.test\.ts/,
  );
  clock.advance(9_999);
  defects.note('still within the ten seconds');
  clock.advance(1);
  defects.note('no error');
  defects.note('another');
  assert.deepEqual(lines().slice(20), [
    'error: a connection was ended by a defect (as were 31 before it that are not logged): no error',
    'error: a connection was ended by a defect: another',
  ]);
});
