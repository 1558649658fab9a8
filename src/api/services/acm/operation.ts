/** An operation decides on records alone (services/elb/operation.ts says more); it does no I/O. */
import type { KeyObject } from 'node:crypto';
import { acmArnPrefix } from '../../../model/certificate.ts';
import type { AcmCertificate } from '../../../model/certificate.ts';
import { CERTIFICATES } from '../../../model/limits.ts';
import type { CertificateContext } from '../../certificate-records.ts';
import type { Outcome } from '../../changes.ts';
import { Fault } from '../../fault.ts';
import { acmFault } from './model.ts';
import type { AcmFault, Action } from './model.ts';
import { arnFault } from './rules.ts';
import type { Operations } from './shapes.ts';

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export interface CallContext extends CertificateContext {
  /** What the handler asked for with `newKey`. */
  readonly keyPair: KeyPair | undefined;
}

export interface Handler<A extends Action> {
  readonly mutates: boolean;
  /** The algorithm of a key pair that is made before deciding. */
  readonly newKey?: (input: Operations[A]['input']) => string | undefined;
  readonly decide: (input: Operations[A]['input'], context: CallContext) => Outcome<Operations[A]['output']> | AcmFault;
}

/** The caller's certificates in the region, by ARN. */
export function ownCertificates({ view, caller }: CallContext): readonly AcmCertificate[] {
  return view
    .list('certificate', acmArnPrefix(caller.accountId, caller.region))
    .filter((certificate) => certificate.kind === 'acm');
}

export function find(arn: string, { view, caller }: CallContext): AcmCertificate | AcmFault {
  const fault = arnFault(arn);
  if (fault !== undefined) return fault;
  const record = view.get('certificate', arn);
  const isOwn = record?.kind === 'acm' && record.accountId === caller.accountId && record.region === caller.region;
  return isOwn ? record : acmFault('ResourceNotFoundException', `Could not find certificate ${arn}.`);
}

/** A call about a certificate of the caller. */
export interface CertificateCall<Input> {
  readonly certificate: AcmCertificate;
  readonly input: Input;
  readonly context: CallContext;
}

/** Finds the certificate that the input names, and lets `decide` go on from there. */
export function onCertificate<Input extends { readonly CertificateArn: string }, Output>(
  decide: (call: CertificateCall<Input>) => Outcome<Output> | AcmFault,
): (input: Input, context: CallContext) => Outcome<Output> | AcmFault {
  return (input, context) => {
    const certificate = find(input.CertificateArn, context);
    return certificate instanceof Fault ? certificate : decide({ certificate, input, context });
  };
}

export function quotaFault(context: CallContext): AcmFault | undefined {
  const { maxCount } = CERTIFICATES.acm;
  if (ownCertificates(context).length < maxCount) return undefined;
  return acmFault('LimitExceededException', `An account can have at most ${maxCount} certificates in a region.`);
}
