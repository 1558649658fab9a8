import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configured, problemsOf } from '../../test/support/configured.ts';

describe('configuration of access logs', () => {
  it('names a folder, or an S3 service with what is not said filled in', () => {
    assert.deepEqual(configured('accessLogs: { folder: /var/log/elb }').accessLogs, { folder: '/var/log/elb' });
    assert.deepEqual(configured('region: eu-west-1\naccessLogs: { s3Endpoint: "http://s3:9000" }').accessLogs, {
      s3: { url: 'http://s3:9000/', region: 'eu-west-1', pathStyle: true },
    });
    assert.equal(configured('accessLogs: {}').accessLogs, undefined);
  });

  it('says what is wrong with it', () => {
    for (const [text, problem] of [
      [
        'accessLogs: { s3Endpoint: s3 }',
        'accessLogs.s3Endpoint: expected an address such as https://s3.us-east-1.amazonaws.com, found "s3"',
      ],
      [
        'accessLogs: { folder: x, s3Endpoint: "http://s3" }',
        'accessLogs.folder: access logs go to one place: leave out folder or s3Endpoint',
      ],
      [
        'accessLogs: { folder: x, s3Region: us-east-1 }',
        'accessLogs.s3Region: says something of an s3Endpoint that is not given',
      ],
    ] as const) {
      assert.deepEqual(problemsOf(text), [`weir.yaml:1: ${problem}`]);
    }
  });
});
