/** The record of a server certificate: IAM's (everywhere in an account) or ACM's (in a region), with its sealed key. */
import type { CertificateDetails } from './certificate-details.ts';
import type { Listener, LoadBalancer, Tag } from './load-balancer.ts';

interface CertificateBase {
  readonly accountId: string;
  /** What listeners name it by; unique in the store. */
  readonly arn: string;
  /** PEM of the certificate alone. */
  readonly body: string;
  /** PEM of the chain, in order; empty without one. */
  readonly chain: string;
  readonly details: CertificateDetails;
  /** The private key as store/secrets.ts sealed it. Never in an answer, never in a log. */
  readonly sealedKey: string;
  /** Epoch milliseconds. */
  readonly createdTimeMs: number;
  readonly tags: readonly Tag[];
  /** Stands in the configuration file, which alone can change it. */
  readonly isConfigured?: true;
}

export interface IamCertificate extends CertificateBase {
  readonly kind: 'iam';
  /** `ASCA` and 17 letters and digits; stays when the name changes. */
  readonly id: string;
  /** Unique in the account without regard to case. */
  readonly name: string;
  /** `/`, or `/a/b/`. */
  readonly path: string;
  /** As they were uploaded, where that is another way of writing `body` and `chain`: clients compare what they are told with it. */
  readonly given?: { readonly body: string; readonly chain: string };
}

export interface AcmCertificate extends CertificateBase {
  readonly kind: 'acm';
  /** A UUID. */
  readonly id: string;
  readonly region: string;
  /** When it was last imported or made, epoch milliseconds. */
  readonly importedTimeMs: number;
  /** Of a requested certificate (*ours*: self-signed); absent for an imported one. */
  readonly request?: CertificateRequest;
}

/** What was asked for and is told again, though a self-signed certificate has no use for it. */
export interface CertificateRequest {
  readonly validationMethod: 'DNS' | 'EMAIL';
  readonly transparencyLogging: 'ENABLED' | 'DISABLED';
  /** The same request again, with the same token, stands for the same certificate. */
  readonly idempotencyToken?: string;
}

export type Certificate = IamCertificate | AcmCertificate;

/** The partition that the region belongs to: the second part of every ARN. */
export function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

/** The beginning of the ARNs of all IAM certificates of the account. */
export function iamArnPrefix(accountId: string, region: string): string {
  return `arn:${partitionOf(region)}:iam::${accountId}:server-certificate/`;
}

/** `path` begins and ends with a slash. */
export function iamCertificateArn(accountId: string, region: string, path: string, name: string): string {
  return `${iamArnPrefix(accountId, region)}${path.slice(1)}${name}`;
}

/** The beginning of the ARNs of all ACM certificates of the account in the region. */
export function acmArnPrefix(accountId: string, region: string): string {
  return `arn:${partitionOf(region)}:acm:${region}:${accountId}:certificate/`;
}

export function loadBalancerArn({ accountId, region, name }: LoadBalancer): string {
  return `arn:${partitionOf(region)}:elasticloadbalancing:${region}:${accountId}:loadbalancer/${name}`;
}

/** Whether a load balancer of the account may use the certificate in the region. */
export function isUsableIn(certificate: Certificate, accountId: string, region: string): boolean {
  if (certificate.accountId !== accountId) return false;
  return certificate.kind === 'acm'
    ? certificate.region === region
    : certificate.arn.startsWith(iamArnPrefix(accountId, region));
}

/** Those of `loadBalancers` that have a listener with the certificate. */
export function usersOf(arn: string, loadBalancers: readonly LoadBalancer[]): readonly LoadBalancer[] {
  return loadBalancers.filter(({ listeners }) => listeners.some((listener) => usesCertificate(listener, arn)));
}

function usesCertificate({ sslCertificateId }: Listener, arn: string): boolean {
  return sslCertificateId === arn;
}

export interface CertificateExpiry {
  readonly arn: string;
  /** Until it is no longer valid; negative from then on. */
  readonly secondsLeft: number;
}

/** How long each certificate is still valid, in the order given. */
export function certificateExpiries(certificates: readonly Certificate[], nowMs: number): readonly CertificateExpiry[] {
  return certificates.map(({ arn, details }) => ({ arn, secondsLeft: (details.notAfterMs - nowMs) / 1000 }));
}
