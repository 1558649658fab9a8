import assert from 'node:assert/strict';
import { test } from 'node:test';
import { issue } from '../../test/support/issued.ts';
import { levelNeeded } from './certificate-strength.ts';

const SMALL = issue({ key: 'rsa-1024', isAuthority: true });
const STRONG = issue({ isAuthority: true });

test('certificates with keys of today need no other level than OpenSSL has', () => {
  for (const key of ['rsa-2048', 'rsa-3072', 'ec-prime256v1', 'ec-secp384r1', 'ec-secp521r1']) {
    assert.equal(levelNeeded(issue({ key }).certificate), undefined, key);
  }
  assert.equal(levelNeeded(`${issue({ issuer: STRONG }).certificate}\n${STRONG.certificate}`), undefined);
});

test('a short key needs a lower level, wherever in the chain it is, and the shortest decides', () => {
  const leaf = issue({ issuer: SMALL }).certificate;
  const shortest = issue({ key: 'rsa-768', isAuthority: true }).certificate;
  assert.equal(levelNeeded(leaf), undefined);
  assert.equal(levelNeeded(SMALL.certificate), 1);
  assert.equal(levelNeeded(issue({ key: 'rsa-2040' }).certificate), 1);
  assert.equal(levelNeeded(issue({ key: 'ec-secp224r1', issuer: STRONG }).certificate), undefined);
  assert.equal(levelNeeded(`${leaf}\n${SMALL.certificate}`), 1);
  assert.equal(levelNeeded(`${leaf}\n${SMALL.certificate}\n${shortest}`), 0);
  assert.equal(levelNeeded(issue({ key: 'ec-secp192k1', issuer: STRONG }).certificate), 1);
});

test('what is no certificate is left to OpenSSL', () => {
  for (const pem of ['', 'text', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----']) {
    assert.equal(levelNeeded(pem), undefined);
  }
});
