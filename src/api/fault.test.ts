import assert from 'node:assert/strict';
import { it } from 'node:test';
import { commonFault, HIDDEN, rangeViolations, shown, validationFault, violation } from './fault.ts';

it('whose fault it is follows the status', () => {
  const types = (['ValidationError', 'RequestTimeout', 'InternalFailure', 'ServiceUnavailable'] as const).map(
    (code) => commonFault(code, '').type,
  );
  assert.deepEqual(types, ['Sender', 'Sender', 'Receiver', 'Receiver']);
});

it('a number may be as small and as large as its bounds', () => {
  const range = { min: 1, max: 5 };
  const within = [undefined, 1, 5].map((value) => rangeViolations(value, 'pageSize', range));
  assert.deepEqual(within.flat(), []);
  assert.match(rangeViolations(0, 'pageSize', range)[0]!, /^Value '0' at 'pageSize' .* greater than or equal to 1$/);
  assert.match(rangeViolations(6, 'pageSize', range)[0]!, /less than or equal to 5$/);
});

it('a message does not grow with what it complains about, nor shows what is hidden', () => {
  assert.deepEqual([shown('a'.repeat(64)).length, shown('a'.repeat(65)).length], [64, 65]);
  assert.ok(violation('a'.repeat(1000), 'name', 'Member must be short').length < 200);
  assert.equal(violation(HIDDEN, 'key', 'it is not'), "Value at 'key' failed to satisfy constraint: it is not");
  const { message } = validationFault(Array.from({ length: 1000 }, (_, index) => `violation ${index}`));
  assert.match(message, /^1000 validation errors detected: violation 0; .*; violation 9$/);
  assert.match(validationFault(['one']).message, /^1 validation error detected: one$/);
});
