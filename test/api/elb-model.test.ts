import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { generateModel, generateShapes, modelText } from '../../scripts/generate-elb-model.ts';
import { handlers } from '../../src/api/services/elb/handlers.ts';
import { elbModel } from '../../src/api/services/elb/model.ts';

const FOLDER = new URL('../../src/api/services/elb/', import.meta.url);

describe('the AWS model of ELB', () => {
  it('is what the generator makes of the pinned SDK (npm run generate:elb-model)', async () => {
    const model = generateModel();
    assert.equal(await readFile(new URL('model.json', FOLDER), 'utf8'), modelText(model));
    assert.equal(await readFile(new URL('shapes.ts', FOLDER), 'utf8'), generateShapes(model));
  });

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
