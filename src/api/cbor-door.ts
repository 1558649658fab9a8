/** The front door of Smithy's RPC v2: service and action stand in the path, input and output are CBOR. */
import type { AuditedCalls } from './audited-calls.ts';
import type { Identity } from './authentication.ts';
import { allowing } from './call-target.ts';
import { decodeCbor, encodeCbor, encodePlain } from './codec/cbor.ts';
import { commonFault, Fault, shown } from './fault.ts';
import { errorName, errorStatus, queryErrorHeader, scopeFault, whatThereIs } from './json-door.ts';
import type { CborService, DoorRequest, FrontDoor, Reply } from './service.ts';
import { headerValues } from '../wire/sigv4-canonical.ts';
import type { WireRequest } from '../wire/sigv4-canonical.ts';

const PROTOCOL_HEADER = 'smithy-protocol';
const PROTOCOL = 'rpc-v2-cbor';
const CONTENT_TYPE = 'application/cbor';

export interface CborDoorOptions {
  readonly services: readonly CborService[];
  readonly calls: AuditedCalls;
}

export class CborDoor implements FrontDoor {
  readonly hasPaths = true;
  readonly #services: readonly CborService[];
  readonly #calls: AuditedCalls;

  constructor({ services, calls }: CborDoorOptions) {
    this.#services = services;
    this.#calls = calls;
  }

  takes(wire: WireRequest): boolean {
    return headerValues(wire.rawHeaders).get(PROTOCOL_HEADER) === PROTOCOL;
  }

  refuse(fault: Fault, _requestId: string, signedFor?: string): Reply {
    return refusal(
      fault,
      this.#services.find(({ signingName }) => signingName === signedFor),
    );
  }

  async answer(request: DoorRequest, { caller, service: signedFor }: Identity): Promise<Reply> {
    const path = request.wire.target.split('?', 1)[0]!;
    const [, target, action = ''] = /^\/service\/([^/]+)\/operation\/([^/]+)$/.exec(path) ?? [];
    const service = this.#services.find((each) => each.target === target);
    const refused = (fault: Fault): Reply => refusal(this.#calls.refuse(fault, { action, caller, request }), service);
    if (service === undefined || !Object.hasOwn(service.model.operations, action)) {
      const message = `There is no operation at '${shown(path, 128)}': ${whatThereIs(this.#services, service)}`;
      return refused(commonFault('InvalidAction', message));
    }
    if (request.wire.method !== 'POST') {
      return allowing(refused(commonFault('MethodNotAllowed', 'Operations are called by POST.')), 'POST');
    }
    const misSigned = scopeFault(service, signedFor);
    if (misSigned !== undefined) return refused(misSigned);
    const { input, output } = service.model.operations[action]!;
    const read = decodeCbor(service.model, input, request.wire.body);
    const subject = read instanceof Fault ? '' : service.subject(read);
    const result = await this.#calls.perform({ service, action, caller, subject, request, input: () => read });
    if (result instanceof Fault) return refusal(result, service);
    const headers = { [PROTOCOL_HEADER]: PROTOCOL };
    return { status: 200, contentType: CONTENT_TYPE, headers, body: encodeCbor(service.model, output, result) };
  }
}

function refusal(fault: Fault, service: CborService | undefined): Reply {
  const { headers } = queryErrorHeader(fault, service);
  return {
    status: errorStatus(fault),
    contentType: CONTENT_TYPE,
    headers: { ...headers, [PROTOCOL_HEADER]: PROTOCOL },
    body: encodePlain({ __type: errorName(fault, service), message: fault.message }),
  };
}
