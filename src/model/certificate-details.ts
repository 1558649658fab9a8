/** What a certificate says of itself: from node:crypto, and from its extensions, which node:crypto does not read out. */
import type { X509Certificate } from 'node:crypto';
import { DER, readDer, readOid, type DerElement } from './certificate-der.ts';

export interface CertificateDetails {
  /** The common name first, then the DNS names of subjectAltName; each once. */
  readonly domainNames: readonly string[];
  /** `C=US, O=Example, CN=www.example.com`. */
  readonly subject: string;
  /** The issuer's organisation, or its common name. */
  readonly issuer: string;
  /** Hex, lower case, with colons. */
  readonly serial: string;
  /** Epoch milliseconds. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** `RSA_2048`, `EC_prime256v1` … */
  readonly keyAlgorithm: string;
  /** `SHA256WITHRSA` … */
  readonly signatureAlgorithm: string;
  /** `DIGITAL_SIGNATURE` … */
  readonly keyUsages: readonly string[];
  readonly extendedKeyUsages: readonly ExtendedKeyUsage[];
}

export interface ExtendedKeyUsage {
  readonly name: string;
  readonly oid: string;
}

const OID = { commonName: '2.5.4.3', keyUsage: '2.5.29.15', subjectAltName: '2.5.29.17', extended: '2.5.29.37' };

/** By the number of the bit (RFC 5280 4.2.1.3), in ACM's words. */
const KEY_USAGES = [
  'DIGITAL_SIGNATURE',
  'NON_REPUDIATION',
  'KEY_ENCIPHERMENT',
  'DATA_ENCIPHERMENT',
  'KEY_AGREEMENT',
  'CERTIFICATE_SIGNING',
  'CRL_SIGNING',
  'ENCIPHER_ONLY',
  'DECIPHER_ONLY',
];

const EXTENDED_KEY_USAGES: Readonly<Record<string, string>> = {
  '2.5.29.37.0': 'ANY',
  '1.3.6.1.5.5.7.3.1': 'TLS_WEB_SERVER_AUTHENTICATION',
  '1.3.6.1.5.5.7.3.2': 'TLS_WEB_CLIENT_AUTHENTICATION',
  '1.3.6.1.5.5.7.3.3': 'CODE_SIGNING',
  '1.3.6.1.5.5.7.3.4': 'EMAIL_PROTECTION',
  '1.3.6.1.5.5.7.3.5': 'IPSEC_END_SYSTEM',
  '1.3.6.1.5.5.7.3.6': 'IPSEC_TUNNEL',
  '1.3.6.1.5.5.7.3.7': 'IPSEC_USER',
  '1.3.6.1.5.5.7.3.8': 'TIME_STAMPING',
  '1.3.6.1.5.5.7.3.9': 'OCSP_SIGNING',
};

/** `certificate` has a key of a kind that {@link keyAlgorithmOf} knows. */
export function readDetails(certificate: X509Certificate, keyAlgorithm: string): CertificateDetails {
  const { subject, extensions } = readParts(certificate.raw);
  const commonNames = subject.filter(({ oid }) => oid === OID.commonName).map(({ text }) => text);
  return {
    domainNames: [...new Set([...commonNames, ...dnsNames(extensions.get(OID.subjectAltName))])],
    subject: lines(certificate.subject).join(', '),
    issuer: issuerName(certificate.issuer),
    serial: (certificate.serialNumber.toLowerCase().match(/../g) ?? []).join(':'),
    notBeforeMs: certificate.validFromDate.getTime(),
    notAfterMs: certificate.validToDate.getTime(),
    keyAlgorithm,
    signatureAlgorithm: signatureName(certificate.signatureAlgorithm ?? certificate.signatureAlgorithmOid),
    keyUsages: keyUsages(extensions.get(OID.keyUsage)),
    extendedKeyUsages: children(children(extensions.get(OID.extended))[0]?.content).map(({ content }) => {
      const oid = readOid(content);
      return { name: EXTENDED_KEY_USAGES[oid] ?? 'CUSTOM', oid };
    }),
  };
}

const EC_CURVES = ['prime256v1', 'secp384r1', 'secp521r1'];
export const RSA_BITS = { min: 1024, max: 4096 } as const;

/** `RSA_2048`, `EC_prime256v1` … of a key that a load balancer can have; undefined for any other. */
export function keyAlgorithmOf(certificate: X509Certificate): string | undefined {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
    const { modulusLength = 0, namedCurve = '' } = asymmetricKeyDetails ?? {};
    if (asymmetricKeyType === 'ec') return EC_CURVES.includes(namedCurve) ? `EC_${namedCurve}` : undefined;
    const isRsa = asymmetricKeyType === 'rsa' && modulusLength >= RSA_BITS.min && modulusLength <= RSA_BITS.max;
    return isRsa ? `RSA_${modulusLength}` : undefined;
  } catch {
    // A key of a kind that OpenSSL does not know.
    return undefined;
  }
}

interface Parts {
  readonly subject: readonly { readonly oid: string; readonly text: string }[];
  /** Values by object identifier. */
  readonly extensions: ReadonlyMap<string, Buffer>;
}

/** Certificate → TBSCertificate → its members: [version], serial, algorithm, issuer, validity, subject, key, … */
function readParts(raw: Buffer): Parts {
  const all = children(children(readDer(raw)?.[0]?.content)[0]?.content);
  const members = all[0]?.tag === DER.explicit(0) ? all.slice(1) : all;
  const subject = children(members[4]?.content).flatMap((set) =>
    children(set.content).map(({ content }) => {
      const [oid, text] = children(content);
      return { oid: readOid(oid?.content ?? Buffer.alloc(0)), text: text?.content.toString('utf8') ?? '' };
    }),
  );
  const extensions = children(children(members.find(({ tag }) => tag === DER.explicit(3))?.content)[0]?.content);
  return {
    subject,
    extensions: new Map(
      extensions.map(({ content }) => {
        const [oid, ...rest] = children(content);
        return [readOid(oid?.content ?? Buffer.alloc(0)), rest.at(-1)?.content ?? Buffer.alloc(0)];
      }),
    ),
  };
}

/** OpenSSL has read the certificate already: what is no DER here is an extension of somebody's own, and empty to us. */
function children(content: Buffer | undefined): readonly DerElement[] {
  return content === undefined ? [] : (readDer(content) ?? []);
}

function dnsNames(value: Buffer | undefined): readonly string[] {
  return children(children(value)[0]?.content)
    .filter(({ tag }) => tag === DER.choice(2))
    .map(({ content }) => content.toString('latin1'));
}

function keyUsages(value: Buffer | undefined): readonly string[] {
  const [, ...bytes] = children(value)[0]?.content ?? [];
  return KEY_USAGES.filter((_, bit) => ((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0);
}

/** OpenSSL writes a name as lines of `key=value`. */
function lines(name: string | undefined): readonly string[] {
  return name === undefined || name === '' ? [] : name.split('\n');
}

function issuerName(name: string | undefined): string {
  const value = (key: string) =>
    lines(name)
      .find((line) => line.startsWith(`${key}=`))
      ?.slice(key.length + 1);
  return value('O') ?? value('CN') ?? lines(name).join(', ');
}

/** OpenSSL's names, such as `sha256WithRSAEncryption` and `ecdsa-with-SHA384`, in ACM's form. */
function signatureName(name: string | undefined): string {
  const rsa = /^(\w+)WithRSAEncryption$/i.exec(name ?? '')?.[1];
  const ecdsa = /^ecdsa-with-(\w+)$/i.exec(name ?? '')?.[1];
  if (rsa !== undefined) return `${rsa.toUpperCase()}WITHRSA`;
  return ecdsa === undefined ? (name ?? '') : `${ecdsa.toUpperCase()}WITHECDSA`;
}
