import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressProblem, canonicalAddress } from './instance-address.ts';

test('an address has one form, and an IPv4-mapped one is IPv4', () => {
  assert.equal(canonicalAddress('FD00:0:0::5'), 'fd00::5');
  assert.equal(canonicalAddress('::ffff:10.0.0.5'), '10.0.0.5');
  assert.equal(canonicalAddress('localhost'), undefined);
});

test('addresses that no instance can have are told from those that need permission', () => {
  for (const text of ['0.0.0.0', '::', '224.0.0.1', '255.255.255.255', 'ff02::1', '::ffff:0.0.0.0', 'fe80::1%eth0']) {
    assert.equal(addressProblem(text), 'unusable', text);
  }
  for (const text of ['169.254.169.254', 'fe80::1', '::ffff:169.254.169.254']) {
    assert.equal(addressProblem(text), 'link-local', text);
  }
  for (const text of ['10.0.0.5', '127.0.0.1', '::1', 'fd00::5', '203.0.113.7']) {
    assert.equal(addressProblem(text), undefined, text);
  }
});
