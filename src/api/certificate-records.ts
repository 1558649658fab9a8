/** What IAM and ACM do alike with records of certificates. */
import type { CheckedCertificate } from '../model/certificate-check.ts';
import { loadBalancerArn, usersOf } from '../model/certificate.ts';
import type { Certificate } from '../model/certificate.ts';
import type { LoadBalancer } from '../model/load-balancer.ts';
import type { View } from '../store/store.ts';
import type { Note } from './changes.ts';

/** Load balancers of the account, in any region, with a listener that has the certificate. */
export function usersIn(view: View, { accountId, arn }: Certificate): readonly LoadBalancer[] {
  return usersOf(arn, view.list('load-balancer', `${accountId}/`));
}

export function userArns(view: View, certificate: Certificate): readonly string[] {
  return usersIn(view, certificate).map(loadBalancerArn);
}

/** The operator is told of a certificate that clients will refuse. */
export function outOfDateNotes(arn: string, { isOutOfDate, details }: CheckedCertificate): readonly Note[] {
  if (!isOutOfDate) return [];
  const { notBeforeMs, notAfterMs } = details;
  const [notBefore, notAfter] = [notBeforeMs, notAfterMs].map((ms) => new Date(ms).toISOString());
  const fields = { certificate: arn, notBefore, notAfter };
  return [{ fields, message: 'a certificate was stored that is not valid now: clients will refuse it' }];
}
