import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { issue } from '../../test/support/issued.ts';
import { readPublicKey } from './public-key.ts';

const certificate = issue({ key: 'ec-prime256v1' });
const pem = certificate.publicKeyObject.export({ type: 'spki', format: 'pem' });
const spki = certificate.publicKeyObject.export({ type: 'spki', format: 'der' }).toString('base64');

/** Without its first and last line. */
function bare(text: string): string {
  return text.replace(/-----[^-]+-----/g, '').trim();
}

describe('readPublicKey', () => {
  it('takes a SubjectPublicKeyInfo with or without line breaks and PEM armour', () => {
    const forms = [pem, bare(pem), spki, pem.replaceAll('\n', ''), pem.replaceAll('\n', ' '), `\r\n${pem}\r\n`];
    for (const form of forms) assert.equal(readPublicKey(form), spki, form);
  });

  it('takes the key of an X.509 certificate, in the same forms', () => {
    const text = certificate.certificate;
    for (const form of [text, bare(text), bare(text).replaceAll('\n', ''), text.replaceAll('\n', '')])
      assert.equal(readPublicKey(form), spki, form);
  });

  it('takes RSA, EC and Edwards keys', () => {
    for (const { publicKey } of [
      generateKeyPairSync('rsa', { modulusLength: 1024 }),
      generateKeyPairSync('ec', { namedCurve: 'secp384r1' }),
      generateKeyPairSync('ed25519'),
    ]) {
      const text = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
      assert.equal(readPublicKey(text), text);
    }
  });

  it('takes nothing else: private keys, two certificates, other text', () => {
    const { certificate: one, privateKey } = certificate;
    for (const text of ['', ' ', '=', 'MIIB', 'not a key', privateKey, bare(privateKey), one + one, `${pem}x`])
      assert.equal(readPublicKey(text), undefined, text);
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void readPublicKey(text)));
    fc.assert(fc.property(fc.base64String({ minLength: 4 }), (text) => void readPublicKey(text)));
    const bytes = Buffer.from(spki, 'base64');
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, byte) => {
        const changed = Buffer.from(bytes);
        changed[at] = byte;
        readPublicKey(changed.toString('base64'));
      }),
    );
  });
});
