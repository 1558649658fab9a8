/** The front door of AWS's JSON protocols: the action stands in a header, input and output are JSON. */
import type { AuditedCalls } from './audited-calls.ts';
import type { Identity } from './authentication.ts';
import { decodeJson, encodeJson } from './codec/json.ts';
import { commonFault, Fault, shown } from './fault.ts';
import type { DoorRequest, FrontDoor, JsonService, Reply } from './service.ts';
import { headerValues } from '../wire/sigv4-canonical.ts';
import type { WireRequest } from '../wire/sigv4-canonical.ts';

const TARGET_HEADER = 'x-amz-target';
const DEFAULT_CONTENT_TYPE = 'application/x-amz-json-1.1';
const BAD_REQUEST = 400;

/**
 * The names that these protocols have for the errors that all services share; the client's faults are all 400. RequestExpired is
 * that here too: by it clients know that their clock is wrong, and correct it.
 */
const CODES: Record<string, string> = {
  AccessDenied: 'AccessDeniedException',
  IncompleteSignature: 'IncompleteSignatureException',
  InvalidAction: 'UnknownOperationException',
  InvalidClientTokenId: 'UnrecognizedClientException',
  MalformedRequest: 'SerializationException',
  MissingAuthenticationToken: 'MissingAuthenticationTokenException',
  ServiceUnavailable: 'ServiceUnavailableException',
  SignatureDoesNotMatch: 'InvalidSignatureException',
  ValidationError: 'ValidationException',
};

export interface JsonDoorOptions {
  readonly services: readonly JsonService[];
  readonly calls: AuditedCalls;
}

export class JsonDoor implements FrontDoor {
  readonly #services: readonly JsonService[];
  readonly #calls: AuditedCalls;

  constructor({ services, calls }: JsonDoorOptions) {
    this.#services = services;
    this.#calls = calls;
  }

  takes(wire: WireRequest): boolean {
    return headerValues(wire.rawHeaders).has(TARGET_HEADER);
  }

  refuse(fault: Fault): Reply {
    return this.#refusal(fault, DEFAULT_CONTENT_TYPE);
  }

  async answer(request: DoorRequest, { caller, service: signedFor }: Identity): Promise<Reply> {
    const target = headerValues(request.wire.rawHeaders).get(TARGET_HEADER) ?? '';
    const dot = target.lastIndexOf('.');
    const action = target.slice(dot + 1);
    const service = this.#services.find((each) => each.target === target.slice(0, Math.max(dot, 0)));
    const refused = (fault: Fault): Reply => this.refuse(this.#calls.refuse(fault, { action, caller, request }));
    if (service === undefined || !Object.hasOwn(service.model.operations, action)) {
      const message = `There is no operation '${shown(target, 128)}' (X-Amz-Target): ${whatThereIs(this.#services, service)}`;
      return refused(commonFault('InvalidAction', message));
    }
    const misSigned = scopeFault(service, signedFor);
    if (misSigned !== undefined) return refused(misSigned);
    const { input, output } = service.model.operations[action]!;
    const read = decodeJson(service.model, input, request.wire.body);
    const subject = read instanceof Fault ? '' : service.subject(read);
    const result = await this.#calls.perform({ service, action, caller, subject, request, input: () => read });
    if (result instanceof Fault) return this.#refusal(result, service.contentType, service);
    const body = encodeJson(service.model, output, result);
    return { status: 200, contentType: service.contentType, body };
  }

  #refusal(fault: Fault, contentType: string, service?: JsonService): Reply {
    const name = errorName(fault, service);
    const body = JSON.stringify({ __type: name, message: fault.message });
    return { status: errorStatus(fault), contentType, body, ...queryErrorHeader(fault, service) };
  }
}

/** A call that was signed for another service than the one it goes to. */
export function scopeFault({ signingName }: JsonService, signedFor: string | undefined): Fault | undefined {
  if (signedFor === undefined || signedFor === signingName) return undefined;
  const message = `Credential should be scoped to correct service: '${signingName}', not '${shown(signedFor)}'.`;
  return commonFault('SignatureDoesNotMatch', message);
}

/** Instead of an operation that `service` (or nobody) has. */
export function whatThereIs(services: readonly JsonService[], service: JsonService | undefined): string {
  if (service === undefined) return `weir has ${services.map(({ target }) => target).join(', ')}.`;
  return `of ${service.target}, weir has ${Object.keys(service.model.operations).join(', ')}.`;
}

/** The client's faults are all 400. */
export function errorStatus({ status }: Fault): number {
  return status === 403 ? BAD_REQUEST : status;
}

/** What the protocols besides Query call the error. */
export function errorName({ code }: Fault, service?: Pick<JsonService, 'errorNames'>): string {
  const names = { ...CODES, ...service?.errorNames };
  return Object.hasOwn(names, code) ? names[code]! : code;
}

/** Who used the Query protocol before goes by its code. */
export function queryErrorHeader(
  { code, type }: Fault,
  service?: Pick<JsonService, 'errorNames'>,
): Pick<Reply, 'headers'> {
  return service?.errorNames === undefined ? {} : { headers: { 'x-amzn-query-error': `${code};${type}` } };
}
