import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { generateModel, generateShapes, modelText } from '../../scripts/aws-model.ts';
import { SOURCES } from '../../scripts/generate-models.ts';
import { acmModel } from '../../src/api/services/acm/model.ts';
import { handlers as acmHandlers } from '../../src/api/services/acm/service.ts';
import { iamModel } from '../../src/api/services/iam/model.ts';
import { handlers as iamHandlers } from '../../src/api/services/iam/service.ts';

describe('the AWS models', () => {
  it('are what the generator makes of the pinned SDKs (npm run generate:models)', async () => {
    for (const [folder, source] of Object.entries(SOURCES)) {
      const model = generateModel(source);
      const file = (name: string) =>
        readFile(new URL(`../../src/api/services/${folder}/${name}`, import.meta.url), 'utf8');
      assert.equal(await file('model.json'), modelText(model));
      assert.equal(await file('shapes.ts'), generateShapes(model));
    }
  });

  it('of IAM and ACM have a handler for each operation, which changes something unless its name says otherwise', () => {
    for (const [model, handlers] of [
      [iamModel, iamHandlers],
      [acmModel, acmHandlers],
    ] as const) {
      assert.deepEqual(Object.keys(handlers).toSorted(), Object.keys(model.operations).toSorted());
      for (const [action, { mutates }] of Object.entries(handlers)) {
        assert.equal(mutates, !/^(Describe|Get|List)/.test(action), action);
      }
    }
  });

  it('know that private keys are secret', () => {
    assert.deepEqual(iamModel.structures['UploadServerCertificateRequest']!.members['PrivateKey'], {
      type: 'string',
      sensitive: true,
    });
    assert.deepEqual(acmModel.structures['ImportCertificateRequest']!.members['PrivateKey'], {
      type: 'blob',
      sensitive: true,
    });
  });
});
