import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { issue, makeKeyPair, type Issued } from '../../test/support/issued.ts';
import { checkCertificate, type CertificateInput, type CheckedCertificate } from './certificate-check.ts';
import { derInteger, derSequence } from './certificate-der.ts';
import { issueCertificate } from './certificate-issue.ts';
import { formatPem } from './certificate-pem.ts';
import { CERTIFICATES } from './limits.ts';

const NOW_MS = Date.UTC(2026, 5, 1);
const ec = issue();
const root = issue({ commonName: 'root', isAuthority: true, key: 'rsa-2048' });
const middle = issue({ commonName: 'middle', isAuthority: true, issuer: root });
const leaf = issue({ issuer: middle, key: 'rsa-2048' });

function check(input: Partial<CertificateInput>, of: Issued = ec, nowMs = NOW_MS) {
  return checkCertificate({ certificate: of.certificate, privateKey: of.privateKey, ...input }, nowMs);
}

function accepted(result: ReturnType<typeof checkCertificate>): CheckedCertificate {
  assert.ok(!('reason' in result), 'reason' in result ? result.message : '');
  return result;
}

function refused(input: Partial<CertificateInput>, of: Issued = ec) {
  const result = check(input, of);
  assert.ok('reason' in result, 'the certificate was taken');
  assert.ok(!result.message.includes('BEGIN'));
  return result;
}

function join(...parts: readonly Issued[]): string {
  return parts.map(({ certificate }) => certificate).join('\n');
}

describe('a certificate that is taken', () => {
  for (const key of ['rsa-1024', 'rsa-2048', 'rsa-3072', 'ec-prime256v1', 'ec-secp384r1', 'ec-secp521r1']) {
    it(`may have the key ${key}`, () => {
      const { details } = accepted(check({}, issue({ key })));
      assert.equal(details.keyAlgorithm, key.replace('rsa-', 'RSA_').replace('ec-', 'EC_'));
      assert.match(details.signatureAlgorithm, /^SHA(256|384|512)WITH(RSA|ECDSA)$/);
    });
  }

  it('is kept in a form of its own, alone, whatever stands around it', () => {
    const certificate = `subject=CN = x\r\n${ec.certificate.replaceAll('\n', '\r\n  ')}\r\ntrailing text`;
    assert.equal(accepted(check({ certificate })).body, ec.certificate);
    assert.equal(accepted(check({ certificate })).chain, '');
  });

  it('comes with a chain in order, with or without the root', () => {
    assert.equal(accepted(check({ chain: join(middle) }, leaf)).chain, middle.certificate);
    assert.equal(accepted(check({ chain: `\n${join(middle, root)}\n\n` }, leaf)).chain, join(middle, root));
  });

  it('may be signed over as many others as a chain may have', () => {
    const chain = [issue({ commonName: '0', isAuthority: true })];
    for (let count = 1; count < CERTIFICATES.maxChainLength; count++) {
      chain.unshift(issue({ commonName: String(count), isAuthority: true, issuer: chain[0]! }));
    }
    const last = issue({ issuer: chain[0]! });
    assert.equal(accepted(check({ chain: join(...chain) }, last)).chain, join(...chain));
  });

  it('has its key in any of the PEM forms', () => {
    const { privateKey } = ec;
    const sec1 = ec.privateKeyObject.export({ type: 'sec1', format: 'pem' });
    const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
    assert.equal(accepted(check({ privateKey: parameters + sec1 })).privateKey, privateKey);
    const pkcs1 = leaf.privateKeyObject.export({ type: 'pkcs1', format: 'pem' });
    assert.equal(accepted(check({ privateKey: pkcs1 }, leaf)).privateKey, leaf.privateKey);
  });

  it('tells what it says of itself', () => {
    const { details } = accepted(check({}, issue({ commonName: 'a.test', domainNames: ['a.test', '*.b.test'] })));
    assert.deepEqual(details.domainNames, ['a.test', '*.b.test']);
    assert.deepEqual([details.subject, details.issuer], ['CN=a.test', 'a.test']);
    assert.deepEqual(details.keyUsages, ['DIGITAL_SIGNATURE']);
    assert.deepEqual(details.extendedKeyUsages, [
      { name: 'TLS_WEB_SERVER_AUTHENTICATION', oid: '1.3.6.1.5.5.7.3.1' },
      { name: 'TLS_WEB_CLIENT_AUTHENTICATION', oid: '1.3.6.1.5.5.7.3.2' },
    ]);
    // Of 16 random bytes: the first of them may be 0, which no integer begins with.
    assert.match(details.serial, /^[0-9a-f]{2}(:[0-9a-f]{2}){7,16}$/);
    assert.equal(details.notBeforeMs, Date.UTC(2025, 11, 31));
    assert.deepEqual(accepted(check({}, leaf)).details.keyUsages, ['DIGITAL_SIGNATURE', 'KEY_ENCIPHERMENT']);
    assert.deepEqual(accepted(check({}, middle)).details.keyUsages, ['DIGITAL_SIGNATURE', 'CERTIFICATE_SIGNING']);
  });

  it('may be out of date, and says so', () => {
    const short = issue({ notBeforeMs: NOW_MS, notAfterMs: NOW_MS + 1000 });
    const outOfDate = (nowMs: number) => accepted(check({}, short, nowMs)).isOutOfDate;
    assert.deepEqual([NOW_MS - 1, NOW_MS, NOW_MS + 999, NOW_MS + 1000].map(outOfDate), [true, false, false, true]);
  });
});

describe('a certificate that is refused', () => {
  it('is none, or several, or no PEM', () => {
    const broken = [
      '',
      'x',
      '-----BEGIN CERTIFICATE-----',
      ec.certificate.replace(/END/, 'EN'),
      ec.certificate.replace(/M/, '*'),
      ec.certificate.replace(/\n.{64}\n/, '\nAAAA\n'),
      ec.privateKey,
    ];
    for (const certificate of broken) assert.equal(refused({ certificate }).reason, 'malformed-certificate');
    const unended = `${ec.certificate}\n-----BEGIN CERTIFICATE-----\nAAAA`;
    assert.equal(refused({ certificate: unended }).reason, 'malformed-certificate');
    assert.equal(refused({ certificate: join(leaf, middle) }, leaf).reason, 'several-certificates');
  });

  it('has a key that is none, encrypted, or of another certificate', () => {
    const cipher = { cipher: 'aes-256-cbc', passphrase: 'p' };
    const pkcs8 = ec.privateKeyObject.export({ type: 'pkcs8', format: 'pem', ...cipher });
    const pkcs1 = leaf.privateKeyObject.export({ type: 'pkcs1', format: 'pem', ...cipher });
    for (const privateKey of [pkcs8, pkcs1]) assert.equal(refused({ privateKey }).reason, 'encrypted-key');
    for (const privateKey of [
      '',
      'x',
      ec.certificate,
      ec.privateKey + leaf.privateKey,
      ec.privateKey.replace(/\n.{64}\n/, '\n'),
    ])
      assert.equal(refused({ privateKey }).reason, 'malformed-key');
    for (const { privateKey } of [leaf, issue()]) assert.equal(refused({ privateKey }).reason, 'key-mismatch');
  });

  it('has a key whose public part is right and whose private part is not', () => {
    const { n, e } = leaf.privateKeyObject.export({ format: 'jwk' });
    const { d, p, q, dp, dq, qi } = makeKeyPair('rsa-2048').privateKey.export({ format: 'jwk' });
    const numbers = ['AA', n, e, d, p, q, dp, dq, qi].map((number) => derInteger(Buffer.from(number!, 'base64url')));
    const privateKey = formatPem('RSA PRIVATE KEY', derSequence(...numbers));
    assert.equal(refused({ privateKey }, leaf).reason, 'key-mismatch');
  });

  it('has a key whose private part is right and whose public part is not', () => {
    const [own, other] = [ec, issue()].map((of) => of.privateKeyObject.export({ type: 'pkcs8', format: 'der' }));
    // The point stands at the end (RFC 5915).
    other!.copy(own!, own!.length - 65, other!.length - 65);
    assert.equal(refused({ privateKey: formatPem('PRIVATE KEY', own!) }).reason, 'key-mismatch');
  });

  it('has a key that a load balancer cannot have', () => {
    for (const key of ['rsa-512', 'ec-secp256k1']) {
      const { reason, message } = refused({}, issue({ issuer: root, key }));
      assert.equal(reason, 'unsupported-key');
      assert.match(message, /RSA of 1024 to 4096 bits, or EC on P-256, P-384 or P-521/);
    }
  });

  it('has a chain that is not in order, and says from where on', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      [join(root), /invalid certificate is: 0$/],
      [join(root, middle), /invalid certificate is: 0$/],
      [join(leaf, middle, root), /invalid certificate is: 0\. It must not hold the certificate itself$/],
      [join(middle, middle), /invalid certificate is: 1$/],
      [join(issue({ commonName: 'middle', isAuthority: true }), root), /invalid certificate is: 0$/],
    ];
    for (const [chain, expected] of cases) {
      const { reason, message } = refused({ chain }, leaf);
      assert.equal(reason, 'broken-chain');
      assert.match(message, expected);
    }
    for (const chain of [
      'x',
      leaf.privateKey,
      `${middle.certificate}\n${leaf.privateKey}`,
      join(middle).slice(0, -5),
    ]) {
      assert.equal(refused({ chain }, leaf).reason, 'malformed-chain');
    }
    const names = { commonName: 'not middle', domainNames: [], issuerCommonName: 'root', isAuthority: true };
    const [notBeforeMs, notAfterMs, serial] = [0, NOW_MS, Buffer.from('01')];
    const keys = { publicKey: middle.publicKeyObject, signingKey: root.privateKeyObject };
    const namesake = issueCertificate({ ...names, ...keys, notBeforeMs, notAfterMs, serial });
    assert.equal(refused({ chain: namesake }, leaf).reason, 'broken-chain', 'its key, and another name');
    const long = Array.from({ length: CERTIFICATES.maxChainLength + 1 }, () => middle);
    assert.match(refused({ chain: join(...long) }, leaf).message, /more than 16 certificates/);
  });

  it('is any text at all: an answer, never an exception', () => {
    const part = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '-----BEGIN CERTIFICATE-----\n',
        '\n-----END CERTIFICATE-----\n',
        '-----BEGIN PRIVATE KEY-----\n',
      ),
      fc.constantFrom('\n-----END PRIVATE KEY-----\n', 'MIIBmDCCAT2gAwIB\n', ec.certificate, ec.privateKey),
      fc.uint8Array({ minLength: 1, maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('base64')),
    );
    const text = fc.array(part, { maxLength: 5 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, text, text, (certificate, privateKey, chain) => {
        const result = checkCertificate({ certificate, privateKey, chain }, NOW_MS);
        if (!('reason' in result))
          assert.equal(new X509Certificate(result.body).checkPrivateKey(ec.privateKeyObject), true);
      }),
    );
  });
});
