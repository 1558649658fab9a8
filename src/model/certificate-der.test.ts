import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { issue } from '../../test/support/issued.ts';
import { DER, derElement, derInteger, derOid, derTime, readDer, readOid } from './certificate-der.ts';

const hex = (bytes: Buffer) => bytes.toString('hex');

describe('DER', () => {
  it('is as X.690 and RFC 5280 have it', () => {
    assert.equal(hex(derInteger(Buffer.from([0]))), '020100');
    assert.equal(hex(derInteger(Buffer.from([0, 0, 0x7f]))), '02017f');
    assert.equal(hex(derInteger(Buffer.from([0x80]))), '02020080');
    assert.equal(hex(derOid('1.2.840.113549.1.1.11')), '06092a864886f70d01010b');
    assert.equal(derTime(Date.UTC(2049, 11, 31, 23, 59, 59, 999)).toString('latin1', 2), '491231235959Z');
    assert.equal(derTime(Date.UTC(2050, 0, 1)).toString('latin1', 2), '20500101000000Z');
    const startOf = (length: number) => hex(derElement(DER.octetString, Buffer.alloc(length, 0xaa))).split('aa')[0];
    assert.deepEqual([0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000].map(startOf), [
      '047f',
      '048180',
      '0481ff',
      '04820100',
      '0482ffff',
      '0483010000',
    ]);
  });

  it('is read back as it was written', () => {
    const element = fc.tuple(fc.constantFrom(0x02, 0x04, 0x0c, 0x30, 0xa3), fc.uint8Array({ maxLength: 300 }));
    fc.assert(
      fc.property(fc.array(element), (elements) => {
        const written = Buffer.concat(elements.map(([tag, content]) => derElement(tag, content)));
        const read = readDer(written)?.map(({ tag, content }) => [tag, new Uint8Array(content)]);
        assert.deepEqual(read, elements);
      }),
    );
    const arcs = fc.tuple(
      fc.integer({ min: 0, max: 2 }),
      fc.integer({ min: 0, max: 39 }),
      fc.array(fc.integer({ min: 0, max: 2 ** 40 })),
    );
    fc.assert(
      fc.property(arcs, ([first, second, rest]) => {
        const dotted = [first, second, ...rest].join('.');
        assert.equal(readOid(readDer(derOid(dotted))![0]!.content), dotted);
      }),
    );
  });

  it('that is broken is undefined, never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const read = readDer(Buffer.from(bytes)) ?? [];
        for (const { content } of read) assert.ok(content.length <= bytes.length);
      }),
    );
    for (const broken of ['30', '3001', '3080', '1f0100', '30850000000000', '0483ff'])
      assert.equal(readDer(Buffer.from(broken, 'hex')), undefined, broken);
  });
});

describe('an issued certificate', () => {
  it('is what OpenSSL takes for one, with the names, times and use that were asked for', () => {
    const certificate = new X509Certificate(issue({ domainNames: ['a.test', '*.b.test'] }).certificate);
    assert.equal(certificate.subject, 'CN=www.example.test');
    assert.equal(certificate.subjectAltName, 'DNS:a.test, DNS:*.b.test');
    assert.equal(certificate.checkHost('x.b.test'), '*.b.test');
    assert.equal(certificate.validToDate.getUTCFullYear(), 2125);
    assert.equal(certificate.ca, false);
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    assert.ok(certificate.verify(certificate.publicKey));
  });

  it('is signed by its issuer, whatever the kinds of the two keys', () => {
    for (const issuerKey of ['rsa-2048', 'ec-prime256v1', 'ec-secp384r1', 'ec-secp521r1']) {
      const issuer = issue({ commonName: 'authority', isAuthority: true, key: issuerKey });
      const authority = new X509Certificate(issuer.certificate);
      const certificate = new X509Certificate(issue({ issuer }).certificate);
      assert.ok(authority.ca);
      assert.ok(certificate.checkIssued(authority) && certificate.verify(authority.publicKey), issuerKey);
      assert.equal(authority.checkIssued(certificate), false);
    }
  });
});
