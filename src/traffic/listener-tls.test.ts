import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backendTls } from './listener-tls.ts';

test('a thousand instances cost no context each, which would hold up a thread for a third of a second', () => {
  const contexts = new Set(Array.from({ length: 1000 }, () => backendTls(undefined).context));
  assert.equal(contexts.size, 1);
  assert.equal(new Set([backendTls(['AAAA']).context, backendTls(['BBBB']).context]).size, 1);
});
