import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeClock } from '../kit/clock.ts';
import { silentLog, type LogFields } from '../kit/log.ts';
import { commonFault } from './fault.ts';
import { RefusalLog } from './refusal-log.ts';

it('refusals of strangers are told up to twenty times in ten seconds, and counted beyond', () => {
  const clock = new FakeClock();
  const lines: LogFields[] = [];
  const refusals = new RefusalLog(clock, { ...silentLog, warn: (fields) => void lines.push(fields) });
  const fault = commonFault('SignatureDoesNotMatch', 'shows what was signed');
  for (let i = 0; i < 50; i++) refusals.note(fault, '192.0.2.1', `id-${i}`);
  assert.equal(lines.length, 20);
  assert.deepEqual(lines.at(-1), {
    requestId: 'id-19',
    result: 'SignatureDoesNotMatch',
    remoteAddress: '192.0.2.1',
    notLogged: 0,
  });
  clock.advance(10_000);
  refusals.note(fault, '192.0.2.1', 'id-50');
  assert.deepEqual([lines.length, lines.at(-1)!['notLogged']], [21, 30]);
});
