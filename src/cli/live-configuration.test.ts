import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mergeConfiguration } from './configuration.ts';
import { reread } from './live-configuration.ts';

function configured(text: string) {
  const machine = { cores: 2, terminal: false };
  return mergeConfiguration({ file: { name: 'weir.yaml', text }, flags: {}, environment: {}, machine });
}

describe('a configuration that was read again', () => {
  it('takes effect where it can', () => {
    const next = configured('limits: { listeners: 6 }\nzones: [a]\nlog: { level: debug }');
    const result = reread(configured('limits: { listeners: 5 }'), next);
    assert.deepEqual(result, { configuration: next, changed: ['zones', 'limits', 'log.level'], kept: [] });
    assert.deepEqual(reread(next, next), { configuration: next, changed: [], kept: [] });
  });

  it('leaves what needs a restart as it was, and says so', () => {
    const before = configured('');
    const next = configured(
      'threads: 7\napi: 127.0.0.1:1\ndataDir: other\nregion: eu-west-1\nlog: { format: pretty }\naccessLogs: { folder: logs }',
    );
    const kept = ['dataDir', 'api', 'threads', 'region', 'accessLogs', 'log.format'];
    assert.deepEqual(reread(before, next), { configuration: before, changed: [], kept });
  });
});
