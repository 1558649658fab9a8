/** What IAM and ACM have alike: what they are given, and what they do with records of certificates. */
import type { Clock } from '../kit/clock.ts';
import type { Random } from '../kit/random.ts';
import type { CheckedCertificate } from '../model/certificate-check.ts';
import { loadBalancerArn, usersOf } from '../model/certificate.ts';
import type { Certificate } from '../model/certificate.ts';
import type { LoadBalancer } from '../model/load-balancer.ts';
import type { Secrets } from '../store/secrets.ts';
import type { Store, View } from '../store/store.ts';
import type { Changes, Note } from './changes.ts';
import { commonFault } from './fault.ts';
import type { Fault } from './fault.ts';
import type { Caller } from './service.ts';

export interface CertificateServiceOptions {
  readonly store: Store;
  readonly changes: Changes;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly random: Random;
}

/** What an operation may know. */
export interface CertificateContext {
  readonly view: View;
  readonly caller: Caller;
  /** Epoch milliseconds. */
  readonly nowMs: number;
  readonly random: Random;
  readonly secrets: Secrets;
}

/** Load balancers of the account, in any region, with a listener that has the certificate. */
export function usersIn(view: View, { accountId, arn }: Certificate): readonly LoadBalancer[] {
  return usersOf(arn, view.list('load-balancer', `${accountId}/`));
}

export function userArns(view: View, certificate: Certificate): readonly string[] {
  return usersIn(view, certificate).map(loadBalancerArn);
}

/** A certificate of the configuration file is changed there: what a call changed, the next start would change back. */
export function configuredFault({ arn, isConfigured }: Certificate): Fault<'AccessDenied'> | undefined {
  if (isConfigured !== true) return undefined;
  return commonFault(
    'AccessDenied',
    `The certificate ${arn} stands in the configuration file of weir (certificates): change it there and send SIGHUP.`,
  );
}

/** The operator is told of a certificate that clients will refuse. */
export function outOfDateNotes(arn: string, { isOutOfDate, details }: CheckedCertificate): readonly Note[] {
  if (!isOutOfDate) return [];
  const { notBeforeMs, notAfterMs } = details;
  const [notBefore, notAfter] = [notBeforeMs, notAfterMs].map((ms) => new Date(ms).toISOString());
  const fields = { certificate: arn, notBefore, notAfter };
  return [{ fields, message: 'a certificate was stored that is not valid now: clients will refuse it' }];
}
