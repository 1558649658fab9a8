/** Public keys as callers give them for back-end authentication (PublicKeyPolicyType). */
import { createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';

const ARMOUR = /^\s*-----BEGIN ([A-Z0-9 ]{1,64})-----([^-]*)-----END \1-----\s*$/;

/**
 * The key in `text`, as base64 of its SubjectPublicKeyInfo in DER; undefined when there is none. `text` is base64 of
 * a SubjectPublicKeyInfo, or of an X.509 certificate, whose key is taken; with or without line breaks and PEM armour.
 */
export function readPublicKey(text: string): string | undefined {
  const bytes = readBase64((ARMOUR.exec(text)?.[2] ?? text).replace(/\s+/g, ''));
  if (bytes === undefined) return undefined;
  const key = attempt(() => createPublicKey({ key: bytes, format: 'der', type: 'spki' })) ?? keyOfCertificate(bytes);
  return key === undefined ? undefined : exportKey(key).toString('base64');
}

/** SubjectPublicKeyInfo in DER of the key in a peer's certificate; undefined when OpenSSL cannot read it. */
export function publicKeyOf(certificate: X509Certificate): Buffer | undefined {
  const key = attempt(() => certificate.publicKey);
  return key === undefined ? undefined : exportKey(key);
}

function exportKey(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

function keyOfCertificate(bytes: Buffer): KeyObject | undefined {
  return attempt(() => new X509Certificate(bytes).publicKey);
}

/** OpenSSL throws for whatever it cannot read. */
function attempt(read: () => KeyObject): KeyObject | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The padding may be missing: callers cut and paste. */
function readBase64(text: string): Buffer | undefined {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined;
}
