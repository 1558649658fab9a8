/** An operation decides on records alone (services/elb/operation.ts says more); it does no I/O. */
import { iamArnPrefix } from '../../../model/certificate.ts';
import type { IamCertificate } from '../../../model/certificate.ts';
import type { CertificateContext } from '../../certificate-records.ts';
import type { Outcome } from '../../changes.ts';
import { shown } from '../../fault.ts';
import { iamFault } from './model.ts';
import type { Action, IamFault } from './model.ts';
import type { Operations } from './shapes.ts';

export interface CallContext extends CertificateContext {
  /** Epoch milliseconds: since when there are users here. */
  readonly createdMs: number;
}

export interface Handler<A extends Action> {
  readonly mutates: boolean;
  readonly decide: (input: Operations[A]['input'], context: CallContext) => Outcome<Operations[A]['output']> | IamFault;
}

/** The caller's certificates, by name. */
export function ownCertificates({ view, caller }: CallContext): readonly IamCertificate[] {
  return view
    .list('certificate', iamArnPrefix(caller.accountId, caller.region))
    .filter((certificate) => certificate.kind === 'iam')
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** By name, in any letter case: two that differ in nothing else cannot be. */
export function lookUp(name: string, context: CallContext): IamCertificate | undefined {
  return ownCertificates(context).find((each) => each.name.toLowerCase() === name.toLowerCase());
}

export function find(name: string, context: CallContext): IamCertificate | IamFault {
  return (
    lookUp(name, context) ??
    iamFault('NoSuchEntity', `The Server Certificate with name ${shown(name, 128)} cannot be found.`)
  );
}
