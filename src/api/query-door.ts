/** The front door of the AWS Query protocol: from a request to a service's action, and back to XML. */
import type { AuditedCalls } from './audited-calls.ts';
import type { Identity } from './authentication.ts';
import { formText, parseForm } from './codec/form.ts';
import { decodeInput, toParameters } from './codec/query.ts';
import type { Parameters } from './codec/query.ts';
import { encodeFault, encodeResponse } from './codec/xml.ts';
import { commonFault, Fault, shown } from './fault.ts';
import type { DoorRequest, FrontDoor, QueryService, Reply } from './service.ts';

const CONTENT_TYPE = 'text/xml';
const FORM_TYPE = 'application/x-www-form-urlencoded';
/** Of a service with few actions, a message names them all. */
const MAX_NAMED_ACTIONS = 10;
/** API versions that clients may send here by mistake, and what to say. */
const OTHER_VERSIONS: ReadonlyMap<string, string> = new Map([
  [
    'elasticloadbalancing 2015-12-01',
    'weir is a Classic Load Balancer. Version 2015-12-01 is that of Application, Network and Gateway Load Balancers ' +
      '("aws elbv2"), which it does not have; use version 2012-06-01 ("aws elb").',
  ],
]);

export interface QueryDoorOptions {
  readonly services: readonly QueryService[];
  readonly calls: AuditedCalls;
}

/** What the parameters ask for. */
interface Target {
  readonly service: QueryService;
  readonly action: string;
}

/** Parameters of the URL's query (but for those of a presigned URL) and of the body, as one. */
function readParameters({ wire, contentType }: DoorRequest): Parameters | Fault {
  const question = wire.target.indexOf('?');
  const query = formText(Buffer.from(question < 0 ? '' : wire.target.slice(question + 1), 'latin1'));
  const type = (contentType ?? FORM_TYPE).split(';', 1)[0]!.trim().toLowerCase();
  if (wire.body.length > 0 && type !== FORM_TYPE) {
    return commonFault(
      'UnsupportedMediaType',
      `The body must be ${FORM_TYPE} (the AWS Query protocol), not '${shown(type)}'.`,
    );
  }
  const body = formText(wire.body);
  if (query === undefined || body === undefined) {
    return commonFault('MalformedQueryString', 'The parameters are not valid UTF-8.');
  }
  const [inQuery, inBody] = [parseForm(query), parseForm(body)];
  if (inQuery instanceof Fault) return inQuery;
  if (inBody instanceof Fault) return inBody;
  return toParameters([...inQuery.filter(([name]) => !name.startsWith('X-Amz-')), ...inBody]);
}

export class QueryDoor implements FrontDoor {
  readonly #services: readonly QueryService[];
  readonly #calls: AuditedCalls;

  constructor({ services, calls }: QueryDoorOptions) {
    this.#services = services;
    this.#calls = calls;
  }

  /** Query is what is spoken where nothing else is recognised. */
  takes(): boolean {
    return true;
  }

  /** Services differ in the form of their errors. */
  refuse(fault: Fault, requestId: string, signedFor?: string): Reply & { readonly body: string } {
    const { model } = this.#services.find(({ signingName }) => signingName === signedFor) ?? this.#services[0]!;
    return { status: fault.status, contentType: CONTENT_TYPE, body: encodeFault(model, fault, requestId) };
  }

  async answer(request: DoorRequest, identity: Identity): Promise<Reply> {
    const parameters = readParameters(request);
    if (parameters instanceof Fault) return this.#refused(parameters, request, identity, '');
    const target = this.#target(parameters, identity.service);
    if (target instanceof Fault) return this.#refused(target, request, identity, parameters.get('Action') ?? '');
    const { service, action } = target;
    const result = await this.#calls.perform({
      service,
      action,
      caller: identity.caller,
      subject: service.subject(parameters),
      request,
      input: () => decodeInput(service.model, service.model.operations[action]!.input, parameters),
    });
    if (result instanceof Fault) return this.refuse(result, request.requestId, service.signingName);
    const body = encodeResponse(service.model, action, result, request.requestId);
    return { status: 200, contentType: CONTENT_TYPE, body };
  }

  /** What is no call of any action. */
  #refused(fault: Fault, request: DoorRequest, { caller, service }: Identity, action: string): Reply {
    return this.refuse(this.#calls.refuse(fault, { action, caller, request }), request.requestId, service);
  }

  /** The service by what the call was signed for and its version; the action by its name. */
  #target(parameters: Parameters, signedFor: string | undefined): Target | Fault {
    const [action, version] = [parameters.get('Action'), parameters.get('Version')];
    // First: a call of S3, say, has no action, and that is not what is wrong with it.
    if (signedFor !== undefined && !this.#services.some(({ signingName }) => signingName === signedFor)) {
      return this.#noSuchService(signedFor);
    }
    if (action === undefined || action === '')
      return commonFault('MissingAction', 'The request must contain the parameter Action');
    if (version === undefined || version === '') {
      return commonFault('MissingParameter', 'The request must contain the parameter Version');
    }
    const ofName = this.#services.filter(({ signingName }) => signedFor === undefined || signingName === signedFor);
    const service = ofName.find(({ model }) => model.version === version);
    if (service === undefined) return this.#noService(action, version, signedFor);
    if (Object.hasOwn(service.model.operations, action)) return { service, action };
    const known = Object.keys(service.model.operations);
    const hint = known.length > MAX_NAMED_ACTIONS ? '' : `. Of ${service.signingName}, weir has ${known.join(', ')}.`;
    return commonFault('InvalidAction', `Could not find operation ${shown(action)} for version ${version}${hint}`);
  }

  #noService(action: string, version: string, signedFor: string | undefined): Fault {
    const name = signedFor ?? this.#services[0]!.signingName;
    const hint = OTHER_VERSIONS.get(`${name} ${version}`) ?? this.#known;
    return commonFault(
      'InvalidAction',
      `Could not find operation ${shown(action)} for version ${shown(version)}. ${hint}`,
    );
  }

  #noSuchService(signedFor: string): Fault {
    return commonFault(
      'InvalidAction',
      `Could not find the service '${shown(signedFor)}', which the request is signed for. ${this.#known}`,
    );
  }

  /** What could have been meant. */
  get #known(): string {
    const names = this.#services.map(({ signingName, model }) => `${signingName} (version ${model.version})`);
    return `weir has ${names.join(', ')}.`;
  }
}
