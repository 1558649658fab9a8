import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { Ec2Failure } from '../control/ec2-client.ts';
import { awsKeyOf } from './aws-key.ts';

const ENDPOINT = { url: 'http://127.0.0.1:1/', region: 'us-east-1' };
const FILE = `
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = default/secret
region = us-east-1

[fleet]
aws_access_key_id=AKIAFLEET
aws_secret_access_key=fleet+secret=
aws_session_token=token
role_arn = arn:aws:iam::123456789012:role/a role
[empty]
`;

describe('the key for the EC2 endpoint', () => {
  it('comes from the profile that is named, else from the variables, else from the profile of the variable', (test) => {
    const file = join(temporaryDirectory(test), 'credentials');
    writeFileSync(file, FILE);
    const variables = { AWS_ACCESS_KEY_ID: 'AKIAVARIABLE', AWS_SECRET_ACCESS_KEY: 'secret', AWS_SESSION_TOKEN: '' };
    const fleet = { accessKeyId: 'AKIAFLEET', secretAccessKey: 'fleet+secret=', sessionToken: 'token' };
    const byFile = { AWS_SHARED_CREDENTIALS_FILE: file };
    assert.deepEqual(awsKeyOf({ ...byFile, ...variables }, ENDPOINT), {
      accessKeyId: 'AKIAVARIABLE',
      secretAccessKey: 'secret',
    });
    assert.deepEqual(awsKeyOf({ ...byFile, ...variables }, { ...ENDPOINT, profile: 'fleet' }), fleet);
    assert.deepEqual(awsKeyOf({ ...byFile, AWS_PROFILE: 'fleet' }, ENDPOINT), fleet);
    assert.deepEqual(awsKeyOf(byFile, ENDPOINT), { accessKeyId: 'AKIADEFAULT', secretAccessKey: 'default/secret' });
  });

  it('is missed in words that say where it could be, and no secret', (test) => {
    const file = join(temporaryDirectory(test), 'credentials');
    const reason = (profile?: string): string => {
      const endpoint = profile === undefined ? ENDPOINT : { ...ENDPOINT, profile };
      const failure = awsKeyOf({ AWS_SHARED_CREDENTIALS_FILE: file }, endpoint);
      assert.ok(failure instanceof Ec2Failure);
      return failure.message;
    };
    assert.match(reason(), /it: set AWS_ACCESS_KEY_ID .* or make the profile \[default\] in .*ENOENT/);
    assert.match(reason('fleet'), /it: make the profile \[fleet\] in .*ENOENT/, 'no variable stands in for a profile');
    writeFileSync(file, FILE);
    assert.match(reason('other'), /no profile \[other\]$/);
    assert.match(reason('empty'), /no aws_access_key_id or aws_secret_access_key in \[empty\]$/);
    assert.doesNotMatch(reason('empty'), /secret=/);
  });
});
