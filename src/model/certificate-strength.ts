/** How short the keys of a certificate and of those that signed it are: AWS serves what OpenSSL's own security level refuses. */
import { X509Certificate, type KeyObject } from 'node:crypto';
import { readPem } from './certificate-pem.ts';

/** Of OpenSSL (SSL_CTX_set_security_level): 1 asks for 80 bits of security, 0 for none. Its own is 2: 112 bits. */
export type LowSecurityLevel = 0 | 1;

/** What is shorter needs the level: NIST SP 800-57, table 2. */
const LEVELS = [
  { level: 0, rsaBits: 1024, ecBits: 160 },
  { level: 1, rsaBits: 2048, ecBits: 224 },
] as const;

/** The highest level at which OpenSSL serves the certificates in `pem`, the chain included; undefined: its own will do. */
export function levelNeeded(pem: string): LowSecurityLevel | undefined {
  const keys = (readPem(pem) ?? []).flatMap(({ bytes }) => keyOf(bytes) ?? []);
  return LEVELS.find((limits) => keys.some((key) => isShort(key, limits)))?.level;
}

function keyOf(der: Buffer): KeyObject | undefined {
  try {
    return new X509Certificate(der).publicKey;
  } catch {
    // OpenSSL says by itself what it has against it.
    return undefined;
  }
}

function isShort(
  { asymmetricKeyType, asymmetricKeyDetails }: KeyObject,
  { rsaBits, ecBits }: (typeof LEVELS)[number],
): boolean {
  const { modulusLength, namedCurve = '' } = asymmetricKeyDetails ?? {};
  if (modulusLength !== undefined) return modulusLength < rsaBits;
  // OpenSSL's names of curves have the bits in them: prime256v1, secp192k1.
  return asymmetricKeyType === 'ec' && Number(/\d{3}/.exec(namedCurve)?.[0] ?? ecBits) < ecBits;
}
