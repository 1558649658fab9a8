/** What the server, the front doors (one for each protocol) and the services behind them agree on. */
import type { Identity } from './authentication.ts';
import type { ServiceModel } from './codec/model.ts';
import type { Structure } from './codec/value.ts';
import type { Fault } from './fault.ts';
import type { WireRequest } from '../wire/sigv4-canonical.ts';

/** Who calls, where: from the signature, or the defaults where none is asked for. */
export interface Caller {
  readonly accountId: string;
  readonly region: string;
  /** Absent where no signature is asked for. */
  readonly accessKeyId?: string;
  /** The profile of the key in the credentials file; absent where no signature is asked for. */
  readonly userName?: string;
  readonly readOnly: boolean;
}

/** What a service is, whatever protocol its clients speak. */
export interface Service {
  /** The service of the credential scope. */
  readonly signingName: string;
  readonly model: ServiceModel;
  /** Whether the action can change anything: a read-only key may not call it, and each call is logged. */
  mutates(action: string): boolean;
  /** `input` has the shape that the model gives `action`. Never throws for what a caller can send. */
  perform(action: string, input: Structure, caller: Caller): Promise<Structure | Fault>;
}

/** A service of the Query protocol. Another kind of service has another interface beside this one, and its own door. */
export interface QueryService extends Service {
  /** What the call is about, for the log: the name of a load balancer, not what is done to it. */
  subject(parameters: ReadonlyMap<string, string>): string;
}

/** A service of the protocols with JSON bodies and `X-Amz-Target: <target>.<Action>`. */
export interface JsonService extends Service {
  readonly target: string;
  /** `application/x-amz-json-1.1`. */
  readonly contentType: string;
  /**
   * Of a service that had the Query protocol first: the names that JSON and CBOR have for errors, by the Query protocol's code,
   * which goes along in a header.
   */
  readonly errorNames?: Readonly<Record<string, string>>;
  /** Like {@link QueryService.subject}. */
  subject(input: Structure): string;
}

/** A service of Smithy's RPC v2 with CBOR: `/service/<target>/operation/<Action>`. */
export type CborService = JsonService & { readonly errorNames: Readonly<Record<string, string>> };

/** A request that was read and whose caller is known. */
export interface DoorRequest {
  readonly requestId: string;
  readonly wire: WireRequest;
  readonly contentType: string | undefined;
  readonly remoteAddress: string;
}

export interface Reply {
  /** HTTP status. */
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
  /** More headers, where the protocol has any. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** One protocol of AWS's: recognises its requests, hands them to its services and writes their answers. */
export interface FrontDoor {
  /** Calls go to paths of their own, not to `/`. */
  readonly hasPaths?: true;
  takes(wire: WireRequest): boolean;
  answer(request: DoorRequest, identity: Identity): Promise<Reply>;
  /** The fault as clients of the protocol read it; `signedFor`: the service that was meant, as far as is known. */
  refuse(fault: Fault, requestId: string, signedFor?: string): Reply;
}
