import assert from 'node:assert/strict';
import { it } from 'node:test';
import { failureText, StartError } from './failure.ts';

const system = (code: string) => Object.assign(new Error(`${code}: it went wrong`), { code, syscall: 'open' });

it('what the operator can put right is told in one line, with what would be right; a defect has its stack', () => {
  assert.equal(failureText(new StartError('the port is taken')), 'weir: the port is taken\n');
  assert.equal(failureText(system('EACCES')), 'weir: EACCES: it went wrong\n');
  assert.match(
    failureText(system('EMFILE')),
    /^weir: EMFILE: it went wrong\. Let weir have more files open \(ulimit -n.*\n$/,
  );
  assert.match(failureText(new Error('a defect')), /^weir: Error: a defect\n +at .*failure\.test\.ts/);
});
