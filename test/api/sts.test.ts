import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { GetUserCommand, IAMClient } from '@aws-sdk/client-iam';
import type { Credential } from '../../src/api/credentials.ts';
import { ApiHarness, KEY, OTHER_ACCOUNT, READ_ONLY } from '../support/api.ts';

let harness: ApiHarness;
let open: ApiHarness;
before(async () => {
  harness = await ApiHarness.start();
  open = await ApiHarness.start({ configuration: { api: { host: '127.0.0.1', port: 0, auth: 'none' } } });
});
after(async () => {
  await harness.stop();
  await open.stop();
});

async function identity(credentials: Credential, { endpoint } = harness, region = 'us-east-1') {
  const sts = new STSClient({ endpoint, region, credentials, maxAttempts: 1 });
  try {
    const { UserId, Account, Arn } = await sts.send(new GetCallerIdentityCommand({}));
    return { UserId, Account, Arn };
  } finally {
    sts.destroy();
  }
}

describe('GetCallerIdentity', () => {
  it('names the account and the user of the key', async () => {
    const { UserId, ...rest } = await identity(OTHER_ACCOUNT);
    assert.deepEqual(rest, { Account: '111111111111', Arn: 'arn:aws:iam::111111111111:user/other' });
    assert.match(UserId!, /^AIDA[A-Z2-7]{17}$/);
    assert.equal((await identity(READ_ONLY)).Arn, 'arn:aws:iam::000000000000:user/reader');
    assert.equal((await identity(KEY, harness, 'cn-north-1')).Arn, 'arn:aws-cn:iam::000000000000:user/default');
  });

  it('gives a user the same id in every call, and in IAM', async () => {
    const iam = new IAMClient({ endpoint: harness.endpoint, region: 'us-east-1', credentials: KEY });
    assert.equal((await iam.send(new GetUserCommand({}))).User!.UserId, (await identity(KEY)).UserId);
    assert.notEqual((await identity(KEY)).UserId, (await identity(OTHER_ACCOUNT)).UserId);
    iam.destroy();
  });

  it('is the account itself where nobody signs', async () => {
    assert.deepEqual(await identity(KEY, open), {
      UserId: '000000000000',
      Account: '000000000000',
      Arn: 'arn:aws:iam::000000000000:root',
    });
  });
});
