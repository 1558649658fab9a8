import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { handlers } from '../../src/api/services/elb/handlers.ts';
import { elbModel } from '../../src/api/services/elb/model.ts';

describe('the AWS model of ELB', () => {
  it('has the 29 operations, each with a handler, and the 22 errors', () => {
    assert.equal(Object.keys(elbModel.operations).length, 29);
    assert.deepEqual(Object.keys(handlers).toSorted(), Object.keys(elbModel.operations).toSorted());
    assert.equal(Object.keys(elbModel.errors).length, 22);
  });

  it('says of every operation whether it changes anything, by its name', () => {
    for (const [action, { mutates }] of Object.entries(handlers)) {
      assert.equal(mutates, !action.startsWith('Describe'), action);
    }
  });

  it('answers InvalidConfigurationRequest with 409 and all other errors with 400', () => {
    for (const { code, status } of Object.values(elbModel.errors)) {
      assert.equal(status, code === 'InvalidConfigurationRequest' ? 409 : 400, code);
    }
  });
});
