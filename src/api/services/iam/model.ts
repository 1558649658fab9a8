/** The AWS model of IAM 2010-05-08, as far as server certificates need it, and faults with its codes. */
import type { ServiceModel } from '../../codec/model.ts';
import { COMMON_FAULTS, Fault } from '../../fault.ts';
import type { CommonFaultCode } from '../../fault.ts';
import model from './model.json' with { type: 'json' };
import type { ErrorCode, Operations } from './shapes.ts';

export const iamModel = model as ServiceModel;

export type Action = keyof Operations;
export type IamFaultCode = ErrorCode | CommonFaultCode;
export type IamFault = Fault<IamFaultCode>;

const statuses: ReadonlyMap<string, number> = new Map([
  ...Object.entries(COMMON_FAULTS),
  ...Object.values(iamModel.errors).map(({ code, status }) => [code, status] as const),
]);

/** A fault with the HTTP status that AWS gives its code. */
export function iamFault(code: IamFaultCode, message: string): IamFault {
  return new Fault(code, statuses.get(code) ?? 400, message);
}
