/**
 * The API endpoint: one HTTP server for the AWS services (dispatched to the door of their protocol) and for plain
 * pages beside them. Everything that a client can send is bounded (API in model/limits.ts).
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Control } from '../control/control.ts';
import type { Ec2Directory } from '../control/ec2-directory.ts';
import type { Clock } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import type { Random } from '../kit/random.ts';
import type { Configuration } from '../model/configuration.ts';
import type { CloudWatchSeries } from '../observe/cloudwatch-series.ts';
import type { Secrets } from '../store/secrets.ts';
import type { Store } from '../store/store.ts';
import { authenticate } from './authentication.ts';
import { allowing, misplaced, originForm } from './call-target.ts';
import type { KeyRing } from './credentials.ts';
import { createDoors } from './doors.ts';
import { commonFault, Fault, shown } from './fault.ts';
import { createHttpServer, hostFault } from './http-server.ts';
import type { Refusal } from './http-server.ts';
import { isLoopback, reaches } from './own-addresses.ts';
import type { Bound } from './own-addresses.ts';
import type { QueryDoor } from './query-door.ts';
import { RefusalLog } from './refusal-log.ts';
import { BodyBudget, readBody } from './request-body.ts';
import { makeRequestId } from './request-id.ts';
import type { FrontDoor, Reply } from './service.ts';
import { createElbService, type ElbService } from './services/elb/runner.ts';
import { ALGORITHM } from '../wire/sigv4-canonical.ts';
import type { WireRequest } from '../wire/sigv4-canonical.ts';
import { readClaim } from './sigv4-claim.ts';

/** A page beside the API: no signature, GET and HEAD only. */
export type WebPage = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

export interface ApiOptions {
  readonly store: Store;
  /** What private keys are sealed with. */
  readonly secrets: Secrets;
  readonly control: Control;
  /** Asks the EC2 endpoint, where the configuration names one. */
  readonly ec2?: Ec2Directory;
  /** Epoch milliseconds: when this weir was set up. */
  readonly createdMs: number;
  /** What CloudWatch tells; without it there are no metrics. */
  readonly metrics?: CloudWatchSeries;
  readonly configuration: Configuration;
  readonly credentials: KeyRing;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** By path, such as `/-/ready`. */
  readonly pages: Readonly<Record<string, WebPage>>;
}

export interface Api {
  /** Elastic Load Balancing without the way over the network; its changes and those of callers go one by one. */
  readonly elb: ElbService;
  /**
   * Listens where the configuration says. Rejects with the system's error, and where it would let everybody in from
   * outside: without signatures (auth: none) it listens on loopback only.
   */
  listen(): Promise<Bound>;
  /** Where it listens; undefined until it does. */
  readonly bound: Bound | undefined;
  /** Whether a connection to `address` and `port` would come here. */
  isOwnApi(address: string, port: number): boolean;
  /** Takes over a configuration that was read again; where the API listens does not change. */
  reconfigure(configuration: Configuration): void;
  /** Stops accepting, lets calls in flight end for at most `timeoutMs`, then cuts the rest. */
  close(timeoutMs: number): Promise<void>;
}

class ApiServer implements Api {
  readonly elb: ElbService;
  readonly #options: ApiOptions;
  /** One for each protocol: the first that takes a request answers it. */
  readonly #doors: readonly FrontDoor[];
  /** Answers what is no call of any protocol. */
  readonly #queryDoor: QueryDoor;
  readonly #server: Server;
  readonly #budget = new BodyBudget();
  readonly #refusals: RefusalLog;
  #configuration: Configuration;
  #bound: Bound | undefined;
  #closing = false;

  constructor(options: ApiOptions) {
    this.#options = options;
    this.#configuration = options.configuration;
    const { store, control, clock, random, log } = options;
    this.elb = createElbService({
      store,
      control,
      clock,
      random,
      log,
      configuration: () => this.#configuration,
      isOwnApi: (address, port) => this.isOwnApi(address, port),
      ...(options.ec2 === undefined ? {} : { ec2: options.ec2 }),
    });
    const doors = createDoors(options, this.elb, () => this.#configuration);
    this.#doors = doors.all;
    this.#queryDoor = doors.query;
    this.#refusals = new RefusalLog(clock, log);
    this.#server = createHttpServer({
      handle: (request, response) => void this.#handle(request, response),
      refuse: (fault, remoteAddress, allow) => this.#refuse(fault, remoteAddress, allow),
    });
  }

  async listen(): Promise<Bound> {
    const { host, port, auth } = this.#configuration.api;
    const bound = await new Promise<Bound>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject);
        const address = this.#server.address();
        const known = typeof address === 'object' && address !== null;
        resolve(known ? { host: address.address, port: address.port } : { host, port });
      });
    });
    if (auth === 'none' && !isLoopback(bound.host)) {
      await this.close(0);
      throw new Error(
        `auth: none lets everybody who reaches ${bound.host} change everything; it needs an API address on loopback, such as 127.0.0.1`,
      );
    }
    this.#server.on('error', (error) => this.#options.log.error({ error }, 'the API server had an error'));
    this.#bound = bound;
    return bound;
  }

  get bound(): Bound | undefined {
    return this.#bound;
  }

  isOwnApi(address: string, port: number): boolean {
    return this.#bound !== undefined && reaches(this.#bound, address, port);
  }

  reconfigure(configuration: Configuration): void {
    const { api } = this.#configuration;
    // Who may call without a signature was decided for the address that is listened on.
    this.#configuration = { ...configuration, api };
  }

  close(timeoutMs: number): Promise<void> {
    this.#closing = true;
    return new Promise((resolve) => {
      const cut = this.#options.clock.after(timeoutMs, () => this.#server.closeAllConnections());
      this.#server.close(() => {
        cut.cancel();
        resolve();
      });
    });
  }

  /** The answer to who is turned away; the operator is told as well. */
  #refuse(fault: Fault, remoteAddress: string, allow?: string): Refusal {
    const { random, clock } = this.#options;
    const requestId = makeRequestId(random);
    this.#refusals.note(fault, remoteAddress, requestId);
    // Node has one for whatever comes by its responses: what is written past them has it too.
    const headers = { Date: new Date(clock.epochMs()).toUTCString() };
    return { requestId, reply: allowing({ ...this.#queryDoor.refuse(fault, requestId), headers }, allow) };
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#closing) response.setHeader('Connection', 'close');
    request.url = originForm(request.url ?? '');
    try {
      const homeless = hostFault(request);
      if (homeless !== undefined) return this.#turnAway(homeless, request, response);
      const page = this.#pageFor(request);
      if (page === undefined) await this.#answerCall(request, response);
      else await page(request, response);
    } catch (error) {
      const { log, random } = this.#options;
      const requestId = makeRequestId(random);
      log.error(
        // Without the query: a presigned URL has a session token in it.
        { error, requestId, method: request.method, path: shown((request.url ?? '').split('?', 1)[0]!) },
        'a request failed by a bug in weir',
      );
      const fault = commonFault(
        'InternalFailure',
        `Something went wrong inside weir; the log tells more under ${requestId}.`,
      );
      if (response.headersSent) response.destroy();
      else this.#send(response, this.#queryDoor.refuse(fault, requestId), requestId);
    }
  }

  #isPage = (path: string): boolean => Object.hasOwn(this.#options.pages, path);

  /**
   * The page at the path, unless the request is a call: signed, or with an action. Another Authorization is for a proxy in front
   * of us, which has asked who comes and passes on what it was told.
   */
  #pageFor(request: IncomingMessage): WebPage | undefined {
    if (request.method !== 'GET' && request.method !== 'HEAD') return undefined;
    const [path = '', query = ''] = (request.url ?? '').split('?', 2);
    if (!this.#isPage(path)) return undefined;
    if (request.headers.authorization?.startsWith(ALGORITHM) === true) return undefined;
    return /(^|&)(Action|X-Amz-[A-Za-z]+)=/.test(query) ? undefined : this.#options.pages[path];
  }

  async #answerCall(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = makeRequestId(this.#options.random);
    const body = await readBody(request, this.#budget);
    if (body === undefined) return;
    if (body instanceof Fault) return this.#turnAway(body, request, response);
    try {
      const wire = { method: request.method ?? '', target: request.url ?? '', rawHeaders: request.rawHeaders, body };
      this.#send(response, await this.#call(wire, request, requestId), requestId);
    } finally {
      this.#budget.giveBack(body.length);
    }
  }

  /** What is left of the request is not worth reading. */
  #turnAway(fault: Fault, request: IncomingMessage, response: ServerResponse): void {
    const { requestId, reply } = this.#refuse(fault, request.socket.remoteAddress ?? '');
    response.setHeader('Connection', 'close');
    this.#send(response, reply, requestId);
  }

  #send(response: ServerResponse, reply: Reply, requestId: string): void {
    // Asked again here: a stop may have come while the call was under way.
    if (this.#closing) response.setHeader('Connection', 'close');
    response.writeHead(reply.status, {
      ...reply.headers,
      'x-amzn-RequestId': requestId,
      'Content-Type': reply.contentType,
      'Content-Length': Buffer.byteLength(reply.body),
      'Cache-Control': 'no-store',
    });
    response.end(reply.body);
  }

  async #call(wire: WireRequest, request: IncomingMessage, requestId: string): Promise<Reply> {
    const door: FrontDoor = this.#doors.find((one) => one.takes(wire)) ?? this.#queryDoor;
    const remoteAddress = request.socket.remoteAddress ?? '';
    const elsewhere = door.hasPaths === true ? undefined : misplaced(wire, this.#isPage);
    if (elsewhere !== undefined) {
      this.#refusals.note(elsewhere.fault, remoteAddress, requestId);
      return allowing(door.refuse(elsewhere.fault, requestId), elsewhere.allow);
    }
    const { credentials, clock } = this.#options;
    const identity = authenticate(wire, credentials, this.#configuration, clock.epochMs());
    if (identity instanceof Fault) {
      this.#refusals.note(identity, remoteAddress, requestId);
      const claim = readClaim(wire);
      return door.refuse(identity, requestId, claim instanceof Fault ? undefined : claim.service);
    }
    const contentType = request.headers['content-type'];
    return door.answer({ requestId, wire, contentType, remoteAddress }, identity);
  }
}

/** The API over `store` and `control`, not listening yet. */
export function createApi(options: ApiOptions): Api {
  return new ApiServer(options);
}
