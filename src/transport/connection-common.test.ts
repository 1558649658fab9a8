import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unmapped } from './connection-common.ts';

test('addresses are told as others can read them: IPv4 as such, and without the zone of this machine', () => {
  assert.equal(unmapped('::ffff:192.0.2.1'), '192.0.2.1');
  assert.equal(unmapped('fe80::1%eth0'), 'fe80::1');
  for (const address of ['192.0.2.1', '2001:db8::ffff:1', '::1']) assert.equal(unmapped(address), address);
  assert.equal(unmapped(undefined), '');
});
