/** Certificates made for a test: keys of every kind that is taken, and chains. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { systemRandom } from '../../src/kit/random.ts';
import { issueCertificate } from '../../src/model/certificate-issue.ts';
import { iamArnPrefix, type IamCertificate } from '../../src/model/certificate.ts';

const DAY_MS = 86_400_000;

export interface Issued {
  readonly commonName: string;
  readonly certificate: string;
  readonly privateKey: string;
  readonly publicKeyObject: KeyObject;
  readonly privateKeyObject: KeyObject;
}

export interface IssueOptions {
  readonly commonName?: string;
  readonly domainNames?: readonly string[];
  /** `rsa-2048`, `ec-prime256v1` … */
  readonly key?: string;
  readonly issuer?: Issued;
  readonly isAuthority?: boolean;
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
}

export function makeKeyPair(kind: string): { publicKey: KeyObject; privateKey: KeyObject } {
  const [type, size = ''] = kind.split('-');
  return type === 'rsa'
    ? generateKeyPairSync('rsa', { modulusLength: Number(size) })
    : generateKeyPairSync('ec', { namedCurve: size });
}

/** A certificate with a new key, valid from the end of 2025 on for a century. */
export function issue(options: IssueOptions = {}): Issued {
  const { commonName = 'www.example.test', key = 'ec-prime256v1', isAuthority = false, issuer } = options;
  const { publicKey, privateKey } = makeKeyPair(key);
  const nowMs = Date.UTC(2026, 0, 1);
  const certificate = issueCertificate({
    commonName,
    domainNames: options.domainNames ?? (isAuthority ? [] : [commonName]),
    publicKey,
    issuerCommonName: issuer?.commonName ?? commonName,
    signingKey: issuer?.privateKeyObject ?? privateKey,
    serial: systemRandom.bytes(16),
    notBeforeMs: options.notBeforeMs ?? nowMs - DAY_MS,
    notAfterMs: options.notAfterMs ?? nowMs + 36_500 * DAY_MS,
    isAuthority,
  });
  return {
    commonName,
    certificate,
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    publicKeyObject: publicKey,
    privateKeyObject: privateKey,
  };
}

/** A valid IAM record for tests that do not care what it says. */
export function sampleCertificate(name: string, overrides: Partial<IamCertificate> = {}): IamCertificate {
  const accountId = '000000000000';
  const nowMs = Date.UTC(2026, 0, 1);
  return {
    kind: 'iam',
    accountId,
    arn: `${iamArnPrefix(accountId, 'us-east-1')}${name}`,
    id: `ASCA${name.toUpperCase()}`,
    name,
    path: '/',
    body: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
    chain: '',
    details: {
      domainNames: ['www.example.test'],
      subject: 'CN=www.example.test',
      issuer: 'www.example.test',
      serial: '01',
      notBeforeMs: nowMs,
      notAfterMs: nowMs + DAY_MS,
      keyAlgorithm: 'EC_prime256v1',
      signatureAlgorithm: 'SHA256WITHECDSA',
      keyUsages: [],
      extendedKeyUsages: [],
    },
    sealedKey: 'plain:',
    createdTimeMs: nowMs,
    tags: [],
    ...overrides,
  };
}
