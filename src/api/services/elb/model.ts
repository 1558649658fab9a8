/** The AWS model of Elastic Load Balancing 2012-06-01 (`npm run generate:models`), and faults with its codes. */
import type { ServiceModel } from '../../codec/model.ts';
import { COMMON_FAULTS, Fault } from '../../fault.ts';
import type { CommonFaultCode } from '../../fault.ts';
import model from './model.json' with { type: 'json' };
import type { ErrorCode } from './shapes.ts';

export const elbModel = model as ServiceModel;

/** Every way in which an operation can be refused. */
export type ElbFaultCode = ErrorCode | CommonFaultCode;
export type ElbFault = Fault<ElbFaultCode>;

const statuses: ReadonlyMap<string, number> = new Map([
  ...Object.entries(COMMON_FAULTS),
  ...Object.values(elbModel.errors).map(({ code, status }) => [code, status] as const),
]);

/** A fault with the HTTP status that AWS gives its code. */
export function elbFault(code: ElbFaultCode, message: string): ElbFault {
  return new Fault(code, statuses.get(code) ?? 400, message);
}
