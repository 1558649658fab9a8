/**
 * Certificates as callers give them: one certificate, its unencrypted private key, and the chain that signed it, in
 * order. What is wrong is a value; no message ever holds anything of the key.
 */
import { createPrivateKey, sign, verify, X509Certificate, type KeyObject } from 'node:crypto';
import { keyAlgorithmOf, readDetails, RSA_BITS, type CertificateDetails } from './certificate-details.ts';
import { formatPem, readPem, type PemBlock } from './certificate-pem.ts';
import { CERTIFICATES } from './limits.ts';

/** PEM texts. */
export interface CertificateInput {
  readonly certificate: string;
  readonly privateKey: string;
  readonly chain?: string;
}

export type CertificateProblemReason =
  /** Not PEM, or not a certificate, or not exactly one. */
  | 'malformed-certificate'
  | 'several-certificates'
  | 'malformed-key'
  | 'encrypted-key'
  /** Neither RSA of a size that is taken, nor EC on one of the three curves. */
  | 'unsupported-key'
  | 'malformed-chain'
  /** A certificate of the chain did not sign the one before it. */
  | 'broken-chain'
  | 'key-mismatch';

export interface CertificateProblem {
  readonly reason: CertificateProblemReason;
  /** What was wrong, where, and what would be right. */
  readonly message: string;
}

export interface CheckedCertificate {
  /** PEM in lines of 64; of the certificate alone. */
  readonly body: string;
  /** PEM of one certificate after the other, each signed by the next; empty without a chain. */
  readonly chain: string;
  readonly details: CertificateDetails;
  /** PKCS #8 in PEM. To be sealed at once, and to be told to nobody. */
  readonly privateKey: string;
  /** Not valid now: expired, or not yet valid. It is taken all the same, and to be warned of. */
  readonly isOutOfDate: boolean;
}

/** The parts, sound by themselves and fitting each other; or the first problem with them. */
export function checkCertificate(input: CertificateInput, nowMs: number): CheckedCertificate | CertificateProblem {
  const leaf = readCertificate(input.certificate);
  if ('reason' in leaf) return leaf;
  const keyAlgorithm = keyAlgorithmOf(leaf);
  if (keyAlgorithm === undefined) return unsupportedKey();
  const key = readPrivateKey(input.privateKey);
  if ('reason' in key) return key;
  if (!isPair(leaf, key)) {
    return problem('key-mismatch', 'The private key does not belong to the public key of the certificate.');
  }
  const chain = readChain(input.chain ?? '', leaf);
  if ('reason' in chain) return chain;
  const details = readDetails(leaf, keyAlgorithm);
  return {
    body: formatPem('CERTIFICATE', leaf.raw),
    chain: chain.map(({ raw }) => formatPem('CERTIFICATE', raw)).join('\n'),
    details,
    privateKey: key.export({ type: 'pkcs8', format: 'pem' }),
    isOutOfDate: nowMs < details.notBeforeMs || nowMs >= details.notAfterMs,
  };
}

function readCertificate(text: string): X509Certificate | CertificateProblem {
  const blocks = readPem(text);
  const [block, ...others] = blocks ?? [];
  if (block === undefined || !isCertificate(block)) {
    return problem(
      'malformed-certificate',
      'Unable to parse certificate. Please ensure the certificate is in PEM format.',
    );
  }
  if (others.length > 0) {
    return problem(
      'several-certificates',
      'The certificate field contains more than one certificate. You can specify only one certificate in this ' +
        'field; those that signed it belong into the certificate chain.',
    );
  }
  return (
    parse(block) ?? problem('malformed-certificate', 'Unable to parse certificate: it is not an X.509 certificate.')
  );
}

function readChain(text: string, leaf: X509Certificate): readonly X509Certificate[] | CertificateProblem {
  const blocks = readPem(text);
  if (blocks === undefined || !blocks.every(isCertificate) || (blocks.length === 0 && text.trim() !== '')) {
    return problem(
      'malformed-chain',
      'Unable to parse certificate chain. Please ensure that it consists of certificates in PEM format.',
    );
  }
  if (blocks.length > CERTIFICATES.maxChainLength) {
    return problem(
      'malformed-chain',
      `The certificate chain has more than ${CERTIFICATES.maxChainLength} certificates.`,
    );
  }
  const chain: X509Certificate[] = [];
  for (const [index, block] of blocks.entries()) {
    const issuer = parse(block);
    if (issuer === undefined) {
      return problem('malformed-chain', `The certificate chain holds, at index ${index}, no X.509 certificate.`);
    }
    if (!isSignedBy(chain.at(-1) ?? leaf, issuer)) return brokenChain(index, leaf, issuer);
    chain.push(issuer);
  }
  return chain;
}

function brokenChain(index: number, leaf: X509Certificate, issuer: X509Certificate): CertificateProblem {
  const hint = issuer.raw.equals(leaf.raw) ? '. It must not hold the certificate itself' : '';
  return problem(
    'broken-chain',
    'Unable to validate certificate chain. The certificate chain must start with the immediate signing certificate, ' +
      `followed by any intermediaries in order. The index within the chain of the invalid certificate is: ${index}${hint}`,
  );
}

function readPrivateKey(text: string): KeyObject | CertificateProblem {
  // EC keys often come with the parameters of their curve before them.
  const blocks = readPem(text)?.filter(({ label }) => label !== 'EC PARAMETERS');
  const [block, ...others] = blocks ?? [];
  if (block === undefined || others.length > 0 || !block.label.endsWith('PRIVATE KEY')) return malformedKey();
  if (block.isEncrypted || block.label === 'ENCRYPTED PRIVATE KEY') {
    return problem('encrypted-key', 'The private key is encrypted with a passphrase. It must be given unencrypted.');
  }
  try {
    return createPrivateKey({ key: formatPem(block.label, block.bytes), format: 'pem' });
  } catch {
    // OpenSSL's words say nothing that a caller could use.
    return malformedKey();
  }
}

function malformedKey(): CertificateProblem {
  return problem(
    'malformed-key',
    'Unable to parse the private key. It must be one unencrypted private key in PEM format.',
  );
}

function unsupportedKey(): CertificateProblem {
  return problem(
    'unsupported-key',
    `The key of the certificate is not supported. It must be RSA of ${RSA_BITS.min} to ${RSA_BITS.max} bits, or EC on ` +
      'P-256, P-384 or P-521.',
  );
}

/** By a signature too: a private key can carry the right public part and be broken. */
function isPair(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    if (!certificate.checkPrivateKey(key)) return false;
    const text = Buffer.from('weir');
    return verify('sha256', text, certificate.publicKey, sign('sha256', text, key));
  } catch {
    return false;
  }
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    // A key or a signature of a kind that OpenSSL does not know.
    return false;
  }
}

function isCertificate({ label }: PemBlock): boolean {
  return label === 'CERTIFICATE' || label === 'X509 CERTIFICATE';
}

function parse({ bytes }: PemBlock): X509Certificate | undefined {
  try {
    return new X509Certificate(bytes);
  } catch {
    return undefined;
  }
}

function problem(reason: CertificateProblemReason, message: string): CertificateProblem {
  return { reason, message };
}
