/**
 * A connection to an HTTP back end: pooled, serving one exchange at a time. Reads responses (RFC 9112 4 and 6.3) and
 * writes them anew to the client. A connection on which anything was out of order never serves anyone again.
 */
import { assert } from '../kit/assert.ts';
import { WheelEntry, type Timed } from '../kit/timer-wheel.ts';
import { BUFFERS, CONNECT_TIMEOUT_MS, HTTP_HEAD, MAX_INTERIM_RESPONSES, SURGE_PATIENCE_MS } from '../model/limits.ts';
import type { Outbox } from '../transport/outbox.ts';
import { PUBLIC_KEY_REFUSED, type Connection, type ConnectionOwner } from '../transport/transport.ts';
import { BODY, BodyReader } from '../wire/body-framing.ts';
import { PARSED } from '../wire/message-head.ts';
import type { ResponseHead } from '../wire/response-head.ts';
import { composeBody, composeInterim, composeLastChunk, composeResponse } from './compose.ts';
import type { ThreadContext } from './context.ts';
import { COUNTER } from './counters.ts';
import { reportHandshake } from './handshake-report.ts';
import { HeldBytes } from './held-bytes.ts';
import type { HttpClient } from './http-client.ts';
import type { LoadBalancerRuntime } from './listener.ts';
import { MANY_SMALL_READS, smallReads } from './small-reads.ts';
import type { IdleConnection, Target, TargetConnection } from './target.ts';

export type HttpTarget = Target<HttpBackend>;

/** A body that has more than this to come is read in bulk. */
const BULK_THRESHOLD = 2 * BUFFERS.sharedRead;
/** Back ends give a new connection longer than this for its first request. */
const MIN_PATIENCE_MS = 5000;

export class HttpBackend implements ConnectionOwner, TargetConnection, IdleConnection, Timed {
  idleIndex = -1;
  connectionPlace = -1;
  readonly target: HttpTarget;
  readonly connection: Connection;
  readonly #context: ThreadContext;
  readonly #loadBalancer: LoadBalancerRuntime;
  readonly #timer = new WheelEntry(this);
  #client: HttpClient | undefined;
  #connected = false;
  #takenBack = false;
  /** It has served an exchange before, or waited so long for its first that the back end may have ended it. */
  #reused = false;
  /** Some byte of the response has arrived. */
  #responding = false;
  /** Of the response itself: not of an interim one. */
  #begun = false;
  #headDone = false;
  #interimResponses = 0;
  /** The body goes to the client in chunks. */
  #chunkedToClient = false;
  /** May serve another exchange after this one, by what the response said. */
  #reusable = false;
  readonly #body = new BodyReader();
  /** How many reads of the body in a row were small. */
  #smallReads = 0;
  /** What was, or is to be, sent: until the connection is up, and while it may have to be sent again. */
  #held: Buffer | undefined;
  #heldLength = 0;
  /** A response head that has not arrived whole. */
  #partial: HeldBytes | undefined;

  /** Opens a connection for the pool. */
  static open(context: ThreadContext, loadBalancer: LoadBalancerRuntime, target: HttpTarget): HttpBackend {
    return new HttpBackend(context, loadBalancer, target);
  }

  /** Connects. With a client it serves that one's request as soon as it is up, without one it goes to the pool. */
  constructor(context: ThreadContext, loadBalancer: LoadBalancerRuntime, target: HttpTarget, client?: HttpClient) {
    this.#context = context;
    this.#loadBalancer = loadBalancer;
    this.target = target;
    this.#client = client;
    this.connection = context.transport.connect(target.host, target.port, this, target.tls);
    target.opened(this);
    loadBalancer.counters[COUNTER.backendConnections]!++;
    loadBalancer.counters[COUNTER.backendConnectionsActive]!++;
    // Who has found the surge queue full is refused sooner.
    context.wheel.arm(this.#timer, client?.queued === false ? SURGE_PATIENCE_MS : CONNECT_TIMEOUT_MS);
  }

  /** Is the request on its way, so that more of its body can follow? */
  get writable(): boolean {
    return this.#connected && !this.connection.pending;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Part of the final response has gone to the client. */
  get headSent(): boolean {
    return this.#headDone;
  }

  /** Of the response's body, what has arrived. */
  get bodyBytes(): number {
    return this.#body.dataBytes;
  }

  /** Nothing came back, and the connection was not new: the back end may never have seen the request. */
  get closedUnderReuse(): boolean {
    return this.#reused && !this.#responding;
  }

  /** The back end accepted the connection, and reset it before we knew that it was up. */
  get takenBack(): boolean {
    return this.#takenBack;
  }

  /** Sends the request in the outbox, now or when the connection is up. `replayable`: it may be sent again. */
  send(outbox: Outbox, replayable: boolean): void {
    if (!this.#connected) {
      this.#hold(outbox);
      outbox.clear();
      return;
    }
    this.#heldLength = 0;
    if (replayable && this.#reused) this.#hold(outbox);
    this.connection.send(outbox);
  }

  #hold(outbox: Outbox): void {
    const length = outbox.length;
    if (this.#held === undefined || this.#held.length < length) {
      this.#held = Buffer.allocUnsafeSlow(Math.max(1024, length));
    }
    outbox.bytes.copy(this.#held, 0, 0, length);
    this.#heldLength = length;
  }

  /** Puts what was held into the outbox, to be sent elsewhere. */
  takeHeld(outbox: Outbox): boolean {
    if (this.#held === undefined || this.#heldLength === 0) return false;
    outbox.copy(this.#held, 0, this.#heldLength);
    this.#heldLength = 0;
    return true;
  }

  /** A pooled connection begins to serve a client. */
  serve(client: HttpClient): void {
    assert(this.#client === undefined, 'a connection serves one exchange at a time');
    this.#reused ||= this.#idleMs >= MIN_PATIENCE_MS;
    this.#context.wheel.disarm(this.#timer);
    this.#client = client;
    this.#responding = false;
    this.#begun = false;
    this.#headDone = false;
    this.#interimResponses = 0;
  }

  onConnect(): void {
    this.#connected = true;
    this.#context.wheel.disarm(this.#timer);
    const client = this.#client;
    if (client === undefined) {
      if (this.#poolable) this.#pool();
      else this.close();
      return;
    }
    const { outbox } = this.#context;
    if (this.takeHeld(outbox)) this.connection.send(outbox);
    client.backendConnected();
  }

  onDrain(): void {
    this.#client?.backendWritable();
  }

  onData(_connection: Connection, bytes: Buffer, start: number, end: number): void {
    const client = this.#client;
    if (client === undefined) {
      // Bytes that nobody asked for: never let them become somebody's response.
      this.close();
      return;
    }
    if (this.#responding) client.responseGoesOn();
    else {
      this.#responding = true;
      this.#heldLength = 0;
    }
    if (this.#headDone) {
      this.#relayBody(client, bytes, start, end);
    } else if (this.#partial === undefined) {
      this.#readHead(client, bytes, start, end);
    } else {
      const held = this.#partial;
      held.append(bytes, start, end);
      if (!held.worthParsing()) return;
      this.#partial = undefined;
      this.#readHead(client, held.bytes, held.start, held.end);
    }
  }

  /** Reads heads until the final one: interim responses are relayed on the way (RFC 9110 15.2). */
  #readHead(client: HttpClient, bytes: Buffer, start: number, end: number): void {
    const head = this.#context.responseHead;
    let at = start;
    for (;;) {
      const outcome = head.parse(bytes, at, end);
      const isInterim = outcome === PARSED.complete && head.status < 200 && head.status !== 101;
      if (!isInterim) this.#begin(client);
      if (outcome === PARSED.incomplete) {
        if (end - at > HTTP_HEAD.maxBytes) break;
        this.#partial = new HeldBytes(bytes, at, end);
        return;
      }
      if (outcome !== PARSED.complete || head.end - at > HTTP_HEAD.maxBytes) break;
      if (head.status >= 200) {
        this.#startResponse(client, bytes, head, end);
        return;
      }
      if (head.status === 101) {
        this.#switchProtocols(client, bytes, head, end);
        return;
      }
      if (++this.#interimResponses > MAX_INTERIM_RESPONSES) break;
      client.relayInterim(bytes, head);
      at = head.end;
      if (at === end) return;
    }
    this.#begin(client);
    client.responseBroken(this);
  }

  #begin(client: HttpClient): void {
    if (this.#begun) return;
    this.#begun = true;
    client.responseBegins();
  }

  #startResponse(client: HttpClient, bytes: Buffer, head: ResponseHead, end: number): void {
    const kind = bodyKind(client, head);
    const body = this.#body;
    const chunkedToClient = kind === BODY.chunked && client.minor === 1;
    // HTTP/1.0 has no word for what would be left of the codings.
    if (kind === BODY.chunked && !chunkedToClient && head.coded) {
      client.responseBroken(this);
      return;
    }
    body.begin(kind, Math.max(0, head.contentLength));
    const close = client.closesAfter(kind === BODY.untilClose || (kind === BODY.chunked && !chunkedToClient));
    this.#chunkedToClient = chunkedToClient;
    // A body sent where none may be would pass for the next response: where one is announced (HEAD, 204, 304), the
    // connection is not used again.
    const announcesBody = kind === BODY.none && (head.chunked || head.contentLength > 0);
    this.#reusable = head.keepAlive && kind !== BODY.untilClose && !announcesBody;
    const { outbox } = this.#context;
    body.read(bytes, head.end, end);
    if (body.broken) {
      client.responseBroken(this);
      return;
    }
    this.#headDone = true;
    client.finalStatus(head.status);
    const lines = client.stickyLines(bytes, head, this.target);
    composeResponse(outbox, bytes, head, body, close, client.minor, lines);
    client.sendResponse(outbox);
    this.#afterBody(client, end);
  }

  #relayBody(client: HttpClient, bytes: Buffer, start: number, end: number): void {
    const body = this.#body;
    body.read(bytes, start, end);
    if (body.broken) {
      client.abort();
      return;
    }
    const { outbox } = this.#context;
    if (this.connection.readingBulk && body.dataEnd > body.dataStart) this.#sendBulk(client, bytes);
    else {
      composeBody(outbox, bytes, body, this.#chunkedToClient);
      client.sendResponse(outbox);
    }
    this.#afterBody(client, end);
  }

  /** Sends data from the private buffer as it lies there, chunk framing written around it. */
  #sendBulk(client: HttpClient, bytes: Buffer): void {
    const body = this.#body;
    let start = body.dataStart;
    let end = body.dataEnd;
    if (this.#chunkedToClient) {
      const size = `${(end - start).toString(16)}\r\n`;
      start -= size.length;
      bytes.write(size, start, 'latin1');
      bytes.write('\r\n', end, 'latin1');
      end += 2;
    }
    client.sendResponseBulk(this.connection, start, end);
    if (this.#chunkedToClient && body.done) {
      composeLastChunk(this.#context.outbox, body);
      client.sendResponse(this.#context.outbox);
    }
  }

  #afterBody(client: HttpClient, end: number): void {
    const body = this.#body;
    if (!body.done) {
      this.connection.bulk =
        body.kind === BODY.length
          ? body.remaining > BULK_THRESHOLD
          : this.#goesOnWithMuch(body.dataEnd - body.dataStart);
      if (client.responsePending) this.connection.pause();
      return;
    }
    this.connection.bulk = false;
    this.#complete(client, body.next === end);
  }

  /** Nothing tells how much a chunked body or one without a length has left: a full read speaks for much. */
  #goesOnWithMuch(bytes: number): boolean {
    this.#smallReads = smallReads(this.#smallReads, bytes);
    return this.connection.readingBulk ? this.#smallReads < MANY_SMALL_READS : bytes > BUFFERS.sharedRead / 2;
  }

  /** The response is whole. `clean`: nothing came behind it. */
  #complete(client: HttpClient, clean: boolean): void {
    this.#client = undefined;
    this.connection.resume();
    const whole = clean && client.requestSent && !this.connection.pending;
    this.#reused = true;
    if (whole && this.#reusable && !client.suspect && this.#poolable) this.#pool();
    else this.close();
    client.exchangeDone();
    // Whoever was next has gone elsewhere.
    if (this.idleIndex !== -1 && !this.#loadBalancer.mayRest) this.close();
  }

  /** Is a place in the pool of use? With a cap on connections, an idle one would stand in the way of other threads. */
  get #poolable(): boolean {
    const { mayRest, surgeQueue, settings } = this.#loadBalancer;
    if (!this.target.routed || (!mayRest && !surgeQueue.isNext)) return false;
    const cap = settings.maxConnectionsPerTarget;
    return cap === Infinity || this.target.totalConnections <= cap;
  }

  #pool(): void {
    this.target.pushIdle(this);
    this.#context.wheel.arm(this.#timer, this.#loadBalancer.settings.idleTimeoutMs);
  }

  /** For how long it has been in the pool. */
  get #idleMs(): number {
    return this.#loadBalancer.settings.idleTimeoutMs - this.#context.wheel.remainingMs(this.#timer);
  }

  /** In the pool: its time there is longer by so much. */
  idleTimeoutChanged(byMs: number): void {
    this.#context.wheel.shift(this.#timer, byMs);
  }

  #switchProtocols(client: HttpClient, bytes: Buffer, head: ResponseHead, end: number): void {
    // Before the request is whole nobody can tell its body from what follows the switch.
    if (!client.upgradeForwarded || !client.requestSent) {
      client.responseBroken(this);
      return;
    }
    const { outbox } = this.#context;
    composeInterim(outbox, bytes, head, client.stickyLines(bytes, head, this.target));
    outbox.copy(bytes, head.end, end);
    this.#headDone = true;
    client.switchProtocols(this, end - head.end);
  }

  onEnd(): void {
    const client = this.#client;
    if (client === undefined) {
      // Before its first response it has had no request: what ends it then is not the time between two of them.
      if (this.#responding) this.#context.keepAlive.closed(this.target, this.#idleMs);
      this.close();
      return;
    }
    if (this.#headDone && this.#body.kind === BODY.untilClose) {
      this.#reusable = false;
      this.#body.done = true;
      client.responseGoesOn();
      this.#complete(client, false);
      return;
    }
    this.#broken(client);
  }

  onClose(_connection: Connection, code: string): void {
    const client = this.#client;
    // One that was opened in advance has kept nobody waiting.
    if (code === PUBLIC_KEY_REFUSED || (client !== undefined && !this.#connected))
      reportHandshake(this.#context, this.target.slot, code);
    this.#forget();
    if (client === undefined) {
      if (!this.#connected) this.#countRefusal();
      return;
    }
    // What is refused is refused by another code. With TLS it may be the handshake that failed.
    this.#takenBack = !this.#connected && code === 'ECONNRESET' && this.target.tls === undefined;
    this.#broken(client);
  }

  #countRefusal(): void {
    this.#loadBalancer.countInZone(this.target.zoneCells, COUNTER.backendConnectionErrors);
  }

  /** The connection ended before its response did. */
  #broken(client: HttpClient): void {
    if (this.#headDone) client.abort();
    else if (this.#responding) {
      this.#begin(client);
      client.responseBroken(this);
    } else client.backendLost(this);
  }

  /** Connecting took too long, or the connection stood in the pool long enough. */
  onTimeout(): void {
    const client = this.#client;
    this.close();
    if (client !== undefined) client.backendLost(this, true);
    else if (!this.#connected) this.#countRefusal();
  }

  cut(): void {
    const client = this.#client;
    // The back end did not close it: it has the request, which is not sent again then.
    this.#reused = false;
    if (client === undefined) this.close();
    else if (this.#headDone) client.abort();
    else client.backendLost(this);
  }

  /** Ends the connection. The exchange, if there is one, is told by whoever calls. */
  close(): void {
    this.connection.destroy();
    this.#forget();
  }

  /** Lets go of the socket, which someone else owns now. */
  release(): void {
    this.#client = undefined;
    this.#forget();
  }

  #forget(): void {
    this.#context.wheel.remove(this.#timer);
    this.target.removeIdle(this);
    if (!this.target.connections.has(this)) return;
    this.target.gone(this);
    this.#loadBalancer.counters[COUNTER.backendConnectionsActive]!--;
  }
}

/** RFC 9112 6.3. */
function bodyKind(client: HttpClient, head: ResponseHead): number {
  if (client.isHead || head.status === 204 || head.status === 304) return BODY.none;
  if (head.chunked) return BODY.chunked;
  return head.contentLength === -1 ? BODY.untilClose : BODY.length;
}
