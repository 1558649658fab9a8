/** The AWS model of ACM 2015-12-08, as far as load balancers need it, and faults with its codes (all of them 400). */
import type { ServiceModel } from '../../codec/model.ts';
import { Fault } from '../../fault.ts';
import type { CommonFaultCode } from '../../fault.ts';
import model from './model.json' with { type: 'json' };
import type { ErrorCode, Operations } from './shapes.ts';

export const acmModel = model as ServiceModel;

export type Action = keyof Operations;
export type AcmFaultCode = ErrorCode | CommonFaultCode;
export type AcmFault = Fault<AcmFaultCode>;

export function acmFault(code: ErrorCode, message: string): AcmFault {
  return new Fault(code, 400, message);
}
