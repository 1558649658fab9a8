/** Makes X.509 certificates (RFC 5280), which node:crypto does not: self-signed ones for development. */
import { createHash, sign, type KeyObject } from 'node:crypto';
import { present } from '../kit/assert.ts';
import { DER, derBitString, derElement, derInteger, derOid, derSequence, derText, derTime } from './certificate-der.ts';
import { formatPem } from './certificate-pem.ts';

export interface CertificateTemplate {
  readonly commonName: string;
  /** DNS names of the extension subjectAltName. */
  readonly domainNames: readonly string[];
  readonly publicKey: KeyObject;
  readonly issuerCommonName: string;
  /** Fits the issuer; RSA, or EC with P-256, P-384 or P-521. */
  readonly signingKey: KeyObject;
  /** 1 to 20 bytes. */
  readonly serial: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly isAuthority?: boolean;
}

interface Signature {
  readonly hash: string;
  readonly oid: string;
  /** RFC 4055: NULL for RSA; RFC 5758: absent for ECDSA. */
  readonly parameters: Uint8Array;
}

const NULL = derElement(DER.null);
const NOTHING = Buffer.alloc(0);
const RSA_SIGNATURE: Signature = { hash: 'sha256', oid: '1.2.840.113549.1.1.11', parameters: NULL };
/** By curve: a hash as strong as it. */
const EC_SIGNATURES: Readonly<Record<string, Signature>> = {
  prime256v1: { hash: 'sha256', oid: '1.2.840.10045.4.3.2', parameters: NOTHING },
  secp384r1: { hash: 'sha384', oid: '1.2.840.10045.4.3.3', parameters: NOTHING },
  secp521r1: { hash: 'sha512', oid: '1.2.840.10045.4.3.4', parameters: NOTHING },
};

const OID = {
  commonName: '2.5.4.3',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

/** keyUsage, with the count of unused bits before the bits: digitalSignature; + keyEncipherment; + keyCertSign. */
const USAGE = { ec: [7, 0x80], rsa: [5, 0xa0], authority: [2, 0x84] } as const;

/** The signed certificate in PEM. */
export function issueCertificate(template: CertificateTemplate): string {
  const signature = signatureOf(template.signingKey);
  const algorithm = derSequence(derOid(signature.oid), signature.parameters);
  const toBeSigned = derSequence(
    // Version 3, which extensions need.
    derElement(DER.explicit(0), derInteger(Buffer.from([2]))),
    derInteger(template.serial),
    algorithm,
    nameOf(template.issuerCommonName),
    derSequence(derTime(template.notBeforeMs), derTime(template.notAfterMs)),
    nameOf(template.commonName),
    spkiOf(template.publicKey),
    derElement(DER.explicit(3), derSequence(...extensions(template))),
  );
  const signed = sign(signature.hash, toBeSigned, template.signingKey);
  return formatPem('CERTIFICATE', derSequence(toBeSigned, algorithm, derBitString(signed)));
}

function signatureOf(key: KeyObject): Signature {
  if (key.asymmetricKeyType === 'rsa') return RSA_SIGNATURE;
  return present(EC_SIGNATURES[key.asymmetricKeyDetails?.namedCurve ?? ''], 'a signature algorithm for the key');
}

function extensions({ isAuthority = false, publicKey, domainNames }: CertificateTemplate): readonly Buffer[] {
  const usage = isAuthority ? USAGE.authority : publicKey.asymmetricKeyType === 'rsa' ? USAGE.rsa : USAGE.ec;
  // RFC 7093: a hash of the public key, cut to 160 bits.
  const keyId = createHash('sha256').update(spkiOf(publicKey)).digest().subarray(0, 20);
  const always = [
    extension(
      OID.basicConstraints,
      true,
      derSequence(isAuthority ? derElement(DER.boolean, Buffer.from([0xff])) : NOTHING),
    ),
    extension(OID.keyUsage, true, derElement(DER.bitString, Buffer.from(usage))),
    extension(OID.subjectKeyIdentifier, false, derElement(DER.octetString, keyId)),
  ];
  if (isAuthority) return always;
  const names = domainNames.map((name) => derElement(DER.choice(2), Buffer.from(name, 'latin1')));
  return [
    ...always,
    extension(OID.extendedKeyUsage, false, derSequence(derOid(OID.serverAuth), derOid(OID.clientAuth))),
    ...(names.length === 0 ? [] : [extension(OID.subjectAltName, false, derSequence(...names))]),
  ];
}

function extension(oid: string, isCritical: boolean, value: Uint8Array): Buffer {
  const critical = isCritical ? derElement(DER.boolean, Buffer.from([0xff])) : NOTHING;
  return derSequence(derOid(oid), critical, derElement(DER.octetString, value));
}

function nameOf(commonName: string): Buffer {
  return derSequence(derElement(DER.set, derSequence(derOid(OID.commonName), derText(commonName))));
}

function spkiOf(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}
