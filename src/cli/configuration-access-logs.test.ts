import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigurationError } from './configuration-problems.ts';
import { mergeConfiguration } from './configuration.ts';

function merge(text: string) {
  const machine = { cores: 1, terminal: false };
  return mergeConfiguration({ file: { name: 'weir.yaml', text }, flags: {}, environment: {}, machine });
}

function problemOf(text: string): string {
  try {
    merge(text);
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.message;
  }
  return assert.fail('it was accepted');
}

describe('configuration of access logs', () => {
  it('names a folder, or an S3 service with what is not said filled in', () => {
    assert.deepEqual(merge('accessLogs: { folder: /var/log/elb }').accessLogs, { folder: '/var/log/elb' });
    assert.deepEqual(merge('region: eu-west-1\naccessLogs: { s3Endpoint: "http://s3:9000" }').accessLogs, {
      s3: { url: 'http://s3:9000/', region: 'eu-west-1', pathStyle: true },
    });
    assert.equal(merge('accessLogs: {}').accessLogs, undefined);
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
      assert.equal(problemOf(text), `weir.yaml:1: ${problem}`);
    }
  });
});
