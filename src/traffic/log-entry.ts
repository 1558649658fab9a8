/**
 * What the access log will say of the exchange that a client connection is in. One object per connection, from the first
 * request that is logged; an exchange allocates nothing unless its request line is uncommonly long.
 */
import { hostOf } from '../kit/ip.ts';
import type { Connection } from '../transport/transport.ts';
import { tlsFields } from '../wire/log-line.ts';
import {
  putNoRequest,
  requestRoom,
  type RequestOrigin,
  type RequestWriter,
  type TargetPlace,
} from '../wire/log-request.ts';
import { Phrase, PHRASE_SLACK, putPhrase } from '../wire/phrase.ts';
import type { RequestHead } from '../wire/request-head.ts';

/** Room for request lines and user agents is made in steps of this. */
const ROOM_STEP = 512;
/** An idle connection keeps no more. */
const KEPT_ROOM = 4096;
const NO_REQUEST_ROOM = 32;
const NO_TAIL = new DataView(new ArrayBuffer(0));

/** What of a target its lines name. */
export interface LoggedTarget {
  /** `10.0.0.1:80`. */
  readonly logName: Phrase;
}

export class LogEntry {
  /** Of the load balancer, as its lines are marked (LogRingWriter). */
  ordinal = -1;
  /** ` my-loadbalancer 192.168.131.39:2817 `. */
  readonly client: Phrase;
  /** `"GET http://www.example.com:80/ HTTP/1.1" "curl/7.38.0" - -` and the line's end. */
  tail = NO_TAIL;
  tailLength = 0;
  /** In the tail. */
  #room = 0;
  /** The instance that has answered, or (layer 4) that the connection goes to. */
  target: LoggedTarget | undefined;
  /** On the monotonic clock, in milliseconds; -1 for what has not happened. */
  receivedMs = -1;
  /** Layer 4: the first byte. */
  sentMs = -1;
  /** Layer 4: the connection to the instance, begun and up. */
  dialledMs = -1;
  connectedMs = -1;
  answeredMs = -1;
  relayedMs = -1;
  /** Of the response's body; layer 4: of everything from the instance. */
  sentBytes = 0;
  /** Of the request's body; layer 4: of everything from the client. */
  receivedBytes = 0;
  readonly #origin: RequestOrigin;
  readonly #host: Phrase;
  readonly #tls: Phrase;
  readonly #requests: RequestWriter;

  constructor(loadBalancer: string, origin: RequestOrigin, connection: Connection, requests: RequestWriter) {
    const { remoteAddress, remotePort, localAddress, tls } = connection;
    // Who has reset the connection meanwhile has no address any more.
    this.client = new Phrase(` ${loadBalancer} ${remoteAddress === '' ? '0.0.0.0' : remoteAddress}:${remotePort} `);
    this.#origin = origin;
    this.#host = new Phrase(hostOf(localAddress));
    this.#tls = tlsFields(tls);
    this.#requests = requests;
  }

  /** A request, or a connection, has come; nothing of the one before is left. */
  begin(ordinal: number): void {
    this.ordinal = ordinal;
    this.receivedMs = -1;
    this.sentMs = this.dialledMs = this.connectedMs = this.answeredMs = this.relayedMs = -1;
    this.target = undefined;
    this.sentBytes = this.receivedBytes = 0;
    this.tailLength = 0;
  }

  /**
   * Keeps what the line says of the request: `head` was parsed in `bytes` as far as its request line; its target stands in `sent`
   * as the client has sent it.
   */
  request(bytes: Buffer, head: RequestHead, nowMs: number, sent = bytes, target: TargetPlace = head): void {
    // Where it has come in parts it began before.
    if (this.receivedMs < 0) this.receivedMs = nowMs;
    this.#makeRoom(requestRoom(head, this.#origin, this.#host));
    const at = this.#requests.put(this.tail, 0, bytes, head, this.#origin, this.#host, sent, target);
    this.tailLength = putPhrase(this.tail, at, this.#tls);
  }

  /** The first byte of a response is here. */
  answered(nowMs: number, target: LoggedTarget | undefined): void {
    this.answeredMs = nowMs;
    this.target = target;
  }

  /** The exchange is over: there is a tail, whatever became of the request. */
  end(): void {
    if (this.tailLength > 0) return;
    this.#makeRoom(NO_REQUEST_ROOM);
    this.tailLength = putPhrase(this.tail, putNoRequest(this.tail, 0), this.#tls);
  }

  /** Lets go of what is more than an idle connection should keep. */
  trim(): void {
    if (this.#room <= KEPT_ROOM) return;
    this.tail = NO_TAIL;
    this.#room = 0;
  }

  #makeRoom(room: number): void {
    const wanted = room + this.#tls.length + PHRASE_SLACK;
    if (this.#room >= wanted) return;
    this.#room = Math.ceil(wanted / ROOM_STEP) * ROOM_STEP;
    this.tail = new DataView(new ArrayBuffer(this.#room));
  }
}
