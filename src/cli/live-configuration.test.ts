import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { liveConfiguration } from './live-configuration.ts';
import { mergeConfiguration } from './configuration.ts';

function configured(text: string) {
  const machine = { cores: 2, terminal: false };
  return mergeConfiguration({ file: { name: 'weir.yaml', text }, flags: {}, environment: {}, machine });
}

describe('live configuration', () => {
  it('shows new values of what can change to those who hold it', () => {
    const live = liveConfiguration(configured('limits: { listeners: 5 }'));
    const { configuration } = live;
    const next = configured('limits: { listeners: 6 }\nzones: [a]\nlog: { level: debug }');
    assert.deepEqual(live.replace(next), { changed: ['zones', 'limits', 'log.level'], kept: [] });
    assert.equal(configuration.limits.listeners, 6);
    assert.deepEqual({ ...configuration }, next);
    assert.deepEqual(live.replace(next), { changed: [], kept: [] });
  });

  it('keeps what needs a restart, and says so each time', () => {
    const before = configured('');
    const live = liveConfiguration(before);
    const next = configured('threads: 7\napi: 127.0.0.1:1\ndataDir: other\nregion: eu-west-1\nlog: { format: pretty }');
    const kept = ['dataDir', 'api', 'threads', 'region', 'log.format'];
    assert.deepEqual(live.replace(next), { changed: [], kept });
    assert.deepEqual({ ...live.configuration }, before);
    assert.deepEqual(live.replace(next).kept, kept);
  });
});
