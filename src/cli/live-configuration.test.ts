import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configured } from '../../test/support/configured.ts';
import { reread } from './live-configuration.ts';

describe('a configuration that was read again', () => {
  it('takes effect where it can', () => {
    const next = configured(
      'limits: { listeners: 6 }\nzones: [a]\nlog: { level: debug }\naccessLogs: { folder: logs }',
    );
    const result = reread(configured('limits: { listeners: 5 }'), next);
    assert.deepEqual(result, {
      configuration: next,
      changed: ['zones', 'limits', 'accessLogs', 'log.level'],
      kept: [],
    });
    assert.deepEqual(reread(next, next), { configuration: next, changed: [], kept: [] });
  });

  it('takes effect in everything that does not need a restart', () => {
    const live =
      'addresses platform domain zones subnets securityGroups certificates instances limits preconnect stopTimeout accessLogs';
    for (const option of live.split(' ')) {
      const next = { ...configured(''), [option]: 'another' };
      assert.deepEqual(reread(configured(''), next), { configuration: next, changed: [option], kept: [] });
    }
  });

  it('leaves what needs a restart as it was, and says so', () => {
    const before = configured('');
    const next = configured('threads: 7\napi: 127.0.0.1:1\ndataDir: other\nregion: eu-west-1\nlog: { format: pretty }');
    const kept = ['dataDir', 'api', 'threads', 'region', 'log.format'];
    assert.deepEqual(reread(before, next), { configuration: before, changed: [], kept });
  });
});
