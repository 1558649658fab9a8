/**
 * A client connection on an HTTP listener, and the exchange that it is in: reads requests in order, has each classified
 * and routed, and answers it from a back end or by itself. One object per connection; an exchange allocates nothing.
 */
import { ascii, CR, LF } from '../kit/bytes.ts';
import { hostOf } from '../kit/ip.ts';
import { WheelEntry, type Timed } from '../kit/timer-wheel.ts';
import type { Turn } from '../kit/turns.ts';
import { BUFFERS, HTTP_HEAD, LINGER_MS, LONG_HEAD, RETRY } from '../model/limits.ts';
import type { Outbox } from '../transport/outbox.ts';
import type { Connection, ConnectionOwner } from '../transport/transport.ts';
import { BODY, BodyReader } from '../wire/body-framing.ts';
import { REASON, action, findHeadEnd } from '../wire/desync.ts';
import { PARSED } from '../wire/message-head.ts';
import type { TargetPlace } from '../wire/log-request.ts';
import { isIdempotent, METHOD, type RequestHead } from '../wire/request-head.ts';
import type { ResponseHead } from '../wire/response-head.ts';
import { composeAnswer, mustClose, type AnswerStatus } from './answers.ts';
import { composeBody, composeInterim, composeRequestHead, X_FORWARDED_FOR } from './compose.ts';
import type { ThreadContext } from './context.ts';
import { COUNTER, DESYNC_COUNTERS, observeDuration } from './counters.ts';
import { HeldBytes } from './held-bytes.ts';
import { HttpBackend, type HttpTarget } from './http-backend.ts';
import type { ClientSession, ListenerRuntime } from './listener.ts';
import { LogEntry } from './log-entry.ts';
import { Relay } from './relay.ts';
import type { StickyInstance } from './stickiness.ts';
import type { Waiter } from './surge-queue.ts';
import type { TraceIds } from './trace-id.ts';
import { ZONE_COUNTER } from './zone-counters.ts';

/** Where the client's side of the connection stands. */
const STATE = {
  /** Between requests, or within a head. */
  head: 0,
  /** The request's body is arriving. */
  body: 1,
  /** The request is whole; its response is not. */
  response: 2,
  /** Answered and shut down; what still arrives is dropped. */
  lingering: 3,
  /** What was sent is still on its way out; nothing is read any more. */
  closing: 4,
  closed: 5,
} as const;

const HEAD_END = ascii('\r\n\r\n');

export class HttpClient implements ConnectionOwner, ClientSession, Timed, Turn, Waiter {
  readonly connection: Connection;
  sessionPlace = -1;
  zone: number;
  minor = 1;
  isHead = false;
  /** The request has gone to the back end with its Upgrade field. */
  upgradeForwarded = false;
  readonly #context: ThreadContext;
  readonly #listener: ListenerRuntime;
  readonly #timer = new WheelEntry(this);
  /** Where the cells of the zone begin that the exchange counts in (zone-counters.ts). */
  #zoneCells = 0;
  #forwardedLines: string | undefined;
  #state: number = STATE.head;
  /** Requests, or a part of one, that wait their turn. */
  #held: HeldBytes | undefined;
  /** The head is long, and waits for its turn. */
  #awaitsTurn = false;
  #processing = false;
  /** A head has begun to arrive: its time runs from its first byte. */
  #headBegun = false;
  /** The client has shut down its sending side. */
  #ended = false;
  /** The connection ends with the current exchange. */
  #close = false;
  /** The client has said that this is its last request. */
  #lastRequest = false;
  /** The bytes behind the current request are not to be read as one: it asks for another protocol. */
  #dropRest = false;
  /** The request is ambiguous: neither connection serves anyone after this exchange. */
  suspect = false;
  #replayable = false;
  #replays = 0;
  #status = 0;
  #fromBackend = false;
  /** When the request was sent to the instance that has it, as far as it has come. */
  #dispatchedMs = 0;
  /** When the request began, where that was before its dispatch; else -1. */
  #begunMs = -1;
  /** When the response has come, whole as far as is known; else -1. */
  #answeredMs = -1;
  #backend: HttpBackend | undefined;
  #target: HttpTarget | undefined;
  #tried: HttpTarget[] | undefined;
  /** What the request's session is bound to. */
  #bound: StickyInstance | undefined;
  /** Counted in the surge queue. */
  #queued = false;
  /** The request, while it stands in line for capacity. */
  #waiting: Buffer | undefined;
  /** What the access log will say of the exchange; undefined while there is none. */
  #entry: LogEntry | undefined;
  readonly #body = new BodyReader();

  constructor(context: ThreadContext, listener: ListenerRuntime, connection: Connection) {
    this.#context = context;
    this.#listener = listener;
    this.connection = connection;
    this.zone = listener.balancer.chooseZone();
    listener.sessions.add(this);
    this.#count(COUNTER.clientConnections, 1);
    this.#count(COUNTER.clientConnectionsActive, 1);
    connection.owner = this;
    this.touch();
  }

  get forwardedLines(): string {
    return (this.#forwardedLines ??= `${X_FORWARDED_FOR}${this.connection.remoteAddress}\r\n${this.#listener.forwardedLines}`);
  }

  get nodeHost(): string {
    return hostOf(this.connection.localAddress);
  }

  /** May Upgrade be passed on (extension attribute)? */
  get upgrade(): boolean {
    return this.#listener.loadBalancer.settings.upgrade;
  }

  /** Makes the request's X-Amzn-Trace-Id (extension attribute). */
  get traceIds(): TraceIds | undefined {
    return this.#listener.loadBalancer.settings.traceId === true ? this.#context.traceIds : undefined;
  }

  /** Counted in the surge queue. */
  get queued(): boolean {
    return this.#queued;
  }

  /** The whole request has been handed to the back-end connection. */
  get requestSent(): boolean {
    return this.#state === STATE.response;
  }

  /** The client takes its response more slowly than it comes. */
  get responsePending(): boolean {
    return this.connection.pending;
  }

  #count(cell: number, by: number): void {
    const { counters } = this.#listener.loadBalancer;
    counters[cell] = counters[cell]! + by;
  }

  #countInZone(cell: number): void {
    this.#listener.loadBalancer.countInZone(this.#zoneCells, cell);
  }

  /** Where the cells of the zone begin that the connection was given. */
  get #nodeZoneCells(): number {
    const { loadBalancer } = this.#listener;
    return loadBalancer.zoneCells(loadBalancer.settings.zones[this.zone]);
  }

  #countDesync(reason: number): void {
    const { counters, zoneCounters } = this.#listener.loadBalancer;
    counters[DESYNC_COUNTERS + reason]!++;
    zoneCounters[this.#nodeZoneCells + ZONE_COUNTER.nonCompliant]!++;
  }

  /** Something moved: the idle timeout begins anew. */
  touch(): void {
    this.#context.wheel.arm(this.#timer, this.#listener.loadBalancer.settings.idleTimeoutMs);
  }

  idleTimeoutChanged(byMs: number): void {
    // Lingering has a time of its own.
    if (this.#state !== STATE.lingering) this.#context.wheel.shift(this.#timer, byMs);
  }

  onConnect(): void {}

  onData(_connection: Connection, bytes: Buffer, start: number, end: number): void {
    this.#count(COUNTER.receivedBytes, end - start);
    if (this.#state >= STATE.lingering) return;
    if (this.#state !== STATE.head) this.touch();
    if (this.#held === undefined && end - start < LONG_HEAD.bytes) this.#processOrHold(bytes, start, end);
    else this.#receiveMuch(bytes, start, end);
    this.#updateReading();
  }

  /** What cannot be taken now, or is not whole, is held. */
  #processOrHold(bytes: Buffer, start: number, end: number): void {
    const next = this.#process(bytes, start, end);
    if (next < end && this.#state < STATE.lingering) this.#held = new HeldBytes(bytes, next, end);
  }

  /** A whole read, or bytes behind others that are held: do they belong to a long head? */
  #receiveMuch(bytes: Buffer, start: number, end: number): void {
    const held = this.#held;
    if (held !== undefined) {
      const isWhole = end - start === BUFFERS.sharedRead;
      if (isWhole && held.bytes.length < HTTP_HEAD.maxBytes) held.moveInto(this.#context.headBuffers.take());
      const { bytes: room } = held;
      held.append(bytes, start, end);
      if (held.bytes !== room) this.#context.headBuffers.giveBack(room);
      if (held.length < LONG_HEAD.bytes || !this.#readsHead) this.#processHeld();
      else if (!isWhole || held.length > HTTP_HEAD.maxBytes || held.worthParsing()) this.#awaitTurn();
    } else if (this.#readsHead && !endsWithin(bytes, start, end)) {
      this.#held = HeldBytes.ofLongHead(bytes, start, end);
      this.#awaitTurn();
    } else this.#processOrHold(bytes, start, end);
  }

  /** What comes now belongs to a head, which is looked at. */
  get #readsHead(): boolean {
    return this.#state === STATE.head && !this.connection.pending;
  }

  /**
   * A long head costs as much as many requests. Until its turn comes the client is not read from: who goes meanwhile is
   * noticed then.
   */
  #awaitTurn(): void {
    if (this.#awaitsTurn) return;
    if (!this.#headBegun) {
      this.#beginEntry();
      this.#awaitHead();
    }
    this.#awaitsTurn = true;
    this.#context.longHeads.add(this);
  }

  /** Waits no more for the turn of its head. */
  get gone(): boolean {
    return !this.#awaitsTurn;
  }

  takeTurn(): void {
    this.#awaitsTurn = false;
    try {
      this.#processHeld();
      if (this.#ended && this.#state === STATE.head) this.#finishEnded();
      else this.#updateReading();
    } catch (error) {
      // Whoever is served next finds it empty.
      this.#context.outbox.clear();
      this.connection.destroy();
      this.onClose();
      throw error;
    }
  }

  /** The connection ends, or is to. */
  #leaveTurns(): void {
    if (!this.#awaitsTurn) return;
    this.#awaitsTurn = false;
    this.#context.longHeads.leave();
  }

  /**
   * Reading stops while nothing more can be taken: the back end is slower than the client, or the client does not take
   * its responses. Of what comes behind the request that is being served one read is held, and no more.
   */
  #updateReading(): void {
    const { connection } = this;
    switch (this.#state) {
      case STATE.head:
        if (connection.pending || this.#awaitsTurn) connection.pause();
        else connection.resume();
        return;
      case STATE.body:
        // In line for capacity one read is held: who reads hears that a client has gone.
        if (this.#backend?.writable === true || (this.#waiting !== undefined && this.#held === undefined)) {
          connection.resume();
        } else connection.pause();
        return;
      case STATE.response:
        if (this.#held === undefined) connection.resume();
        else connection.pause();
        return;
    }
  }

  /** `all`: nothing more will come, so that it is to be looked at in any case. */
  #processHeld(all = false): void {
    const held = this.#held;
    if (held === undefined || this.#awaitsTurn) return;
    const isPart = this.#state === STATE.head && this.#headBegun && !all;
    if (isPart && !held.worthParsing() && held.length <= HTTP_HEAD.maxBytes) return;
    const next = this.#process(held.bytes, held.start, held.end);
    if (next < held.end && this.#state < STATE.lingering) held.advance(next);
    else {
      this.#held = undefined;
      this.#context.headBuffers.giveBack(held.bytes);
    }
  }

  #dropHeld(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    // What is being read at this moment may still be looked at, and is given back behind that.
    if (!this.#processing) this.#context.headBuffers.giveBack(held.bytes);
  }

  /** Takes as much of `bytes[start, end)` as can be taken now; returns where it stopped. */
  #process(bytes: Buffer, start: number, end: number): number {
    this.#processing = true;
    let at = start;
    while (at < end) {
      if (this.#state === STATE.head) {
        const next = this.#readHead(bytes, at, end);
        if (next === at) break;
        at = next;
      } else if (this.#state === STATE.body && this.#backend?.writable === true) {
        at = this.#readBody(bytes, at, end);
      } else break;
    }
    this.#processing = false;
    return this.#state >= STATE.lingering ? end : at;
  }

  /** Reads one head and what is there of its body. Returns where it stopped, `start` if more has to come first. */
  #readHead(bytes: Buffer, start: number, end: number): number {
    if (this.connection.pending) return start;
    let at = start;
    // Empty lines in front of a request line are ignored (RFC 9112 2.2).
    while (at + 1 < end && bytes[at] === CR && bytes[at + 1] === LF) at += 2;
    if (at === end) return at;
    if (at + 1 === end && bytes[at] === CR) return at;
    if (!this.#headBegun) this.#beginEntry();
    const head = this.#context.requestHead;
    const outcome = head.parse(bytes, at, end, false);
    if (outcome === PARSED.complete && head.end - at <= HTTP_HEAD.maxBytes) {
      // Read now: if the request is answered at once, somebody else's turn may come and the parser read another head.
      const headEnd = head.end;
      this.#startRequest(bytes, head, bytes, headEnd, end, false);
      return this.#behindRequest(headEnd);
    }
    if (outcome === PARSED.odd) return this.#readOddHead(bytes, at, end);
    if (outcome === PARSED.incomplete && end - at <= HTTP_HEAD.maxBytes) {
      this.#awaitHead();
      return at;
    }
    this.#refuseHead(bytes, outcome === PARSED.refused ? head.refusal : 400);
    return end;
  }

  /** The access log keeps what the parser could read of the head in `bytes`; its target stands in `sent`. */
  #refuseHead(bytes: Buffer, status: AnswerStatus = 400, sent?: Buffer, target?: TargetPlace): void {
    const { requestHead: head } = this.#context;
    if (head.targetEnd !== 0) this.#entry?.request(bytes, head, -1, sent, target);
    this.#refuse(status);
  }

  /** The rest of the head does not come. */
  #refuseUnfinished(status: AnswerStatus): void {
    const held = this.#held;
    if (held === undefined || this.#entry === undefined) {
      this.#refuse(status);
      return;
    }
    this.#context.requestHead.parse(held.bytes, held.start, held.end, false);
    this.#refuseHead(held.bytes, status);
  }

  /** The first byte of a request is here: what the access log will say of it begins. */
  #beginEntry(): void {
    const { settings } = this.#listener.loadBalancer;
    const { log } = this.#context;
    if (settings.accessLog === undefined || log === undefined) {
      this.#entry = undefined;
      return;
    }
    this.#entry ??= new LogEntry(settings.name, this.#listener.origin, this.connection, log.requests);
    this.#entry.begin(settings.accessLog);
  }

  /** The current head goes on in the next read. */
  #awaitHead(): void {
    if (this.#headBegun) return;
    this.#headBegun = true;
    if (this.#entry !== undefined) this.#entry.receivedMs = this.#context.clock.monotonicMs();
    this.#begunMs = this.#context.clock.monotonicMs();
    this.touch();
  }

  #behindRequest(headEnd: number): number {
    return this.#body.kind === BODY.none ? headEnd : this.#body.next;
  }

  /** A head that is not plainly compliant: what is it, and what becomes of it? */
  #readOddHead(bytes: Buffer, start: number, end: number): number {
    const { analysis, requestHead: head } = this.#context;
    const mode = this.#listener.loadBalancer.settings.desyncMitigationMode;
    const headEnd = findHeadEnd(bytes, start, end);
    if (headEnd === -1) {
      if (end - start > HTTP_HEAD.maxBytes) this.#refuseHead(bytes);
      else if (!this.#hopeless(bytes, start, end)) {
        this.#awaitHead();
        return start;
      }
      return end;
    }
    analysis.analyse(bytes, start, headEnd);
    if (analysis.tier > 0) this.#countDesync(analysis.reason);
    const decision = action(analysis.tier, mode);
    const outcome = analysis.framable
      ? head.parse(analysis.canonical, 0, analysis.canonicalLength, true)
      : PARSED.refused;
    if (decision === 'refuse' || outcome !== PARSED.complete) {
      const status = analysis.framable && outcome === PARSED.refused ? head.refusal : 400;
      if (analysis.framable) this.#refuseHead(analysis.canonical, status, bytes, analysis.line);
      else this.#refuseHead(bytes);
      return end;
    }
    const suspect = decision === 'allow-then-close' || analysis.lengthInDoubt;
    this.#startRequest(analysis.canonical, head, bytes, headEnd, end, suspect);
    return this.#behindRequest(headEnd);
  }

  /** A head that cannot become right whatever follows is answered at once, garbage and TLS on a plain port for example. */
  #hopeless(bytes: Buffer, start: number, end: number): boolean {
    const { analysis } = this.#context;
    if (!analysis.isHopeless(bytes, start, end)) return false;
    const { desyncMitigationMode } = this.#listener.loadBalancer.settings;
    // Monitor mode lets pass what can be framed; nothing can be that begins with no method.
    if (desyncMitigationMode === 'monitor' && analysis.reason !== REASON.BadMethod) return false;
    this.#countDesync(analysis.reason);
    this.#refuseHead(bytes);
    return true;
  }

  /** Puts the request together, with what is there of its body, and sends it on its way. */
  #startRequest(
    headBytes: Buffer,
    head: RequestHead,
    bytes: Buffer,
    bodyStart: number,
    end: number,
    suspect: boolean,
  ): void {
    const { outbox, clock } = this.#context;
    // Whoever has reset the connection has no address any more, and waits for no answer.
    if (this.#forwardedLines === undefined && this.connection.remoteAddress === '') {
      this.#destroy();
      return;
    }
    this.#beginExchange(head, suspect);
    const nowMs = clock.monotonicMs();
    this.#dispatchedMs = nowMs;
    this.#entry?.request(headBytes, head, nowMs, bytes, headBytes === bytes ? head : this.#context.analysis.line);
    this.#bound = this.#listener.sticky?.find(headBytes, head);
    const body = this.#body;
    body.begin(head.chunked ? BODY.chunked : head.contentLength > 0 ? BODY.length : BODY.none, head.contentLength);
    composeRequestHead(outbox, headBytes, head, this);
    if (body.kind !== BODY.none) {
      body.read(bytes, bodyStart, end);
      if (this.#entry !== undefined) this.#entry.receivedBytes = body.dataBytes;
      composeBody(outbox, bytes, body, body.kind === BODY.chunked);
    }
    if (body.broken) {
      outbox.clear();
      this.#refuse(400);
      return;
    }
    this.#state = body.done ? STATE.response : STATE.body;
    this.#replayable = body.done && isIdempotent(head.method) && outbox.length <= RETRY.maxReplayBytes;
    if (this.#begunMs < 0) this.#begunMs = this.#dispatchedMs;
    this.#dispatch(false);
  }

  /** Nothing of the exchange before is left. */
  #beginExchange(head: RequestHead, suspect: boolean): void {
    this.#headBegun = false;
    this.touch();
    this.minor = head.minor;
    this.isHead = head.method === METHOD.head;
    this.upgradeForwarded = this.upgrade && head.passesUpgrade;
    this.suspect = suspect;
    this.#lastRequest = !head.keepAlive;
    this.#close = this.#lastRequest || suspect || this.#listener.draining;
    this.#dropRest = head.wantsUpgrade;
    this.#replays = 0;
    this.#tried = undefined;
    this.#status = 0;
    this.#fromBackend = false;
  }

  /** Sends what is in the outbox to the best target; `fresh`: over a new connection. */
  #dispatch(fresh: boolean): void {
    const { settings, surgeQueue } = this.#listener.loadBalancer;
    const capacity = settings.maxConnectionsPerTarget;
    const waitsBehind = capacity !== Infinity && surgeQueue.isBusy(this.lane);
    const target = waitsBehind ? undefined : this.#take(capacity);
    if (target !== undefined) this.#sendTo(target, fresh);
    else if (capacity !== Infinity && this.#hasInstance()) this.#standInLine();
    else this.#unserved(503);
  }

  /** The request in the outbox goes to `target`, where it has been counted. */
  #sendTo(target: HttpTarget, fresh: boolean): void {
    this.#target = target;
    const idle = fresh ? undefined : target.popIdle();
    if (idle === undefined) {
      this.#queued ||= this.#listener.loadBalancer.surgeQueue.enter();
      if (fresh) this.#makeRoom(target);
      this.#backend = new HttpBackend(this.#context, this.#listener.loadBalancer, target, this);
    } else {
      this.#leaveQueue();
      idle.serve(this);
      this.#backend = idle;
    }
    this.#backend.send(this.#context.outbox, this.#replayable);
    if (this.#entry !== undefined && this.#backend.connected) this.#entry.sentMs = this.#context.clock.monotonicMs();
  }

  /** A connection that rests counts as well: where there is a cap, it gives way to the new one. */
  #makeRoom(target: HttpTarget): void {
    if (this.#listener.loadBalancer.settings.maxConnectionsPerTarget !== Infinity) target.popIdle()?.close();
  }

  /**
   * Counts the request in at the instance that its session is bound to, else at the one with the fewest requests.
   * Undefined: there is none within `capacity`.
   */
  #take(capacity: number): HttpTarget | undefined {
    const bound = this.#boundTarget;
    if (bound === undefined) return this.#listener.balancer.take(this.zone, this.#tried, capacity);
    return bound.beginWithin(capacity) ? bound : undefined;
  }

  /** Is there an instance that could serve the request, now or later? */
  #hasInstance(): boolean {
    return this.bound || this.#listener.balancer.hasOther(this.zone, this.#tried);
  }

  /** Of the session's instance, while it can serve. In whatever zone it is: a session is not lost to a new connection. */
  get #boundTarget(): HttpTarget | undefined {
    const target = this.#bound?.target;
    return target?.inService === true && this.#tried?.includes(target) !== true ? target : undefined;
  }

  get lane(): number {
    return this.#listener.laneOf(this.zone);
  }

  /** Waiting for one instance and no other. */
  get bound(): boolean {
    return this.#boundTarget !== undefined;
  }

  /** The cookies that the response from `served` gets from us. */
  stickyLines(bytes: Buffer, head: ResponseHead, served: HttpTarget): string {
    return this.#listener.sticky?.lines(bytes, head, served, this.#bound) ?? '';
  }

  /** The request in the outbox goes nowhere. */
  #unserved(status: AnswerStatus): void {
    this.#context.outbox.clear();
    this.#answer(status);
  }

  /** Counts among those that wait, once; where the queue is full the request is refused (spillover). */
  #enterQueue(): boolean {
    this.#queued ||= this.#listener.loadBalancer.surgeQueue.enter();
    if (!this.#queued) this.#spillOver();
    return this.#queued;
  }

  #spillOver(): void {
    this.#zoneCells = this.#nodeZoneCells;
    this.#countInZone(COUNTER.spillover);
    this.#unserved(503);
  }

  #leaveQueue(): void {
    if (!this.#queued) return;
    this.#queued = false;
    const { surgeQueue } = this.#listener.loadBalancer;
    surgeQueue.leave();
    if (this.#waiting === undefined) return;
    this.#waiting = undefined;
    surgeQueue.stepOut(this);
  }

  /** All instances are at their cap: the request waits for its turn. */
  #standInLine(): void {
    if (!this.#enterQueue()) return;
    const { outbox } = this.#context;
    this.#waiting = Buffer.from(outbox.bytes.subarray(0, outbox.length));
    outbox.clear();
    this.#listener.loadBalancer.surgeQueue.standInLine(this);
  }

  /** First in line: is there capacity now? */
  proceed(): boolean {
    const target = this.#take(this.#listener.loadBalancer.settings.maxConnectionsPerTarget);
    if (target === undefined && this.#hasInstance()) return false;
    const waiting = this.#waiting!;
    this.#waiting = undefined;
    this.#dispatchedMs = this.#context.clock.monotonicMs();
    this.#context.outbox.copy(waiting, 0, waiting.length);
    if (target === undefined) this.#unserved(503);
    else {
      this.touch();
      this.#sendTo(target, this.#replays > 0);
    }
    // Over a connection that was there already nothing else tells that the body can go on.
    this.backendWritable();
    // Answered at once, with another request behind it that has to wait: that one has the place now.
    return this.#waiting === undefined;
  }

  /** The connection that the request waited for is up. */
  backendConnected(): void {
    this.touch();
    this.#leaveQueue();
    this.#dispatchedMs = this.#context.clock.monotonicMs();
    if (this.#entry !== undefined) this.#entry.sentMs = this.#dispatchedMs;
    this.backendWritable();
  }

  #readBody(bytes: Buffer, start: number, end: number): number {
    const body = this.#body;
    const { outbox } = this.#context;
    body.read(bytes, start, end);
    if (this.#entry !== undefined) this.#entry.receivedBytes = body.dataBytes;
    if (body.broken) {
      this.#requestBroken(400);
      return end;
    }
    this.#replayable = false;
    if (body.done) this.#state = STATE.response;
    composeBody(outbox, bytes, body, body.kind === BODY.chunked);
    this.#backend!.connection.send(outbox);
    return body.next;
  }

  /** The rest of a request cannot be had: the back end must not take what it got for the whole. */
  #requestBroken(status: AnswerStatus): void {
    if (this.#backend?.headSent === true) {
      this.abort();
      return;
    }
    this.#dropBackend();
    this.#refuse(status);
  }

  /** The back-end connection is up, or has sent what it was given. */
  backendWritable(): void {
    if (this.#state !== STATE.body) return;
    this.touch();
    this.#processHeld();
    if (this.#state === STATE.body && this.#ended && this.#held === undefined) this.#requestBroken(408);
    else this.#updateReading();
  }

  /** First byte of the response: not of an interim one, which says nothing of how long that takes. */
  responseBegins(): void {
    this.touch();
    const nowMs = this.#context.clock.monotonicMs();
    this.#answeredMs = nowMs;
    this.#zoneCells = this.#target!.zoneCells;
    this.#listener.loadBalancer.observeLatency(this.#zoneCells, (nowMs - this.#dispatchedMs) / 1000);
    this.#entry?.answered(nowMs, this.#target);
  }

  /** More of the response, or its end. */
  responseGoesOn(): void {
    this.touch();
    this.#answeredMs = -1;
  }

  relayInterim(bytes: Buffer, head: ResponseHead): void {
    this.touch();
    // HTTP/1.0 has no interim responses (RFC 9110 15.2).
    if (this.minor === 0) return;
    const { outbox } = this.#context;
    composeInterim(outbox, bytes, head);
    this.sendResponse(outbox);
    if (this.#entry !== undefined) this.#entry.relayedMs = -1;
  }

  /** Does the connection end with this response? `forced`: its end is the only end that the body has. */
  closesAfter(forced: boolean): boolean {
    // A response that comes before its request is whole ends both connections, whatever becomes of the rest.
    const last = this.#held === undefined ? this.#ended : this.#dropRest;
    if (forced || last || this.#state === STATE.body) this.#close = true;
    return this.#close;
  }

  finalStatus(status: number): void {
    this.#status = status;
    this.#fromBackend = true;
  }

  sendResponse(outbox: Outbox): void {
    this.#count(COUNTER.sentBytes, outbox.length);
    this.connection.send(outbox);
    const entry = this.#entry;
    if (entry !== undefined && entry.relayedMs < 0) entry.relayedMs = this.#context.clock.monotonicMs();
  }

  sendResponseBulk(source: Connection, start: number, end: number): void {
    this.#count(COUNTER.sentBytes, end - start);
    this.connection.sendBulk(source, start, end);
  }

  /** The response went out whole; the back-end connection has been seen to. */
  exchangeDone(): void {
    const complete = this.#state === STATE.response;
    this.#endExchange(this.#answeredMs);
    if (this.#close || (this.#dropRest && this.#held !== undefined)) {
      if (complete && !this.suspect && this.#lastRequest && this.#held === undefined) this.#finish();
      else this.#linger();
      return;
    }
    this.#nextRequest();
  }

  #nextRequest(): void {
    this.#state = STATE.head;
    this.touch();
    if (this.#processing || this.connection.pending) return;
    this.#processHeld();
    if (this.#ended && this.#state === STATE.head) this.#finishEnded();
    else this.#updateReading();
  }

  onDrain(): void {
    switch (this.#state) {
      case STATE.head:
        this.#nextRequest();
        return;
      case STATE.lingering:
        this.#context.wheel.arm(this.#timer, LINGER_MS);
        return;
      case STATE.closing:
        this.#leave();
        return;
      default:
        this.touch();
        this.#backend?.connection.resume();
    }
  }

  /** The back end connection `backend` ended without a byte of a response, or never came up; `late`: it was not up in time. */
  backendLost(backend: HttpBackend, late = false): void {
    const { outbox } = this.#context;
    const target = this.#target!;
    const neverSent = !backend.connected;
    if (late && !this.#queued) {
      this.#dropBackend();
      this.#spillOver();
      return;
    }
    const again = neverSent || (backend.closedUnderReuse && this.#mayReplay);
    if (neverSent) {
      this.#listener.loadBalancer.countInZone(target.zoneCells, COUNTER.backendConnectionErrors);
      // The next instance has as much time as the first one had; those behind it share that.
      if (this.#tried === undefined) this.touch();
    }
    const held = again && backend.takeHeld(outbox);
    this.#dropBackend();
    if (!held) {
      this.#failed(504);
      return;
    }
    // A pooled connection that ended does not end a session: its instance is asked again, over a new one.
    if (neverSent || this.#boundTarget !== target) (this.#tried ??= []).push(target);
    if (!neverSent) {
      this.#replays++;
      // The only instance there is: a new connection to it is as good as another one.
      if (!this.#hasInstance()) this.#tried = undefined;
    }
    const isAskedAgain = this.#hasInstance();
    if (isAskedAgain) this.#count(COUNTER.retries, 1);
    this.#dispatchedMs = this.#context.clock.monotonicMs();
    // An instance that takes a connection and resets it is there: what is missing is its answer.
    if (!isAskedAgain && backend.takenBack) this.#unserved(504);
    else this.#dispatch(!neverSent);
    // Over a pooled connection nothing else tells that the rest of the body can go on.
    this.backendWritable();
  }

  /** Not what was sent long ago: that was no connection which ended at the moment when it was used again. */
  get #mayReplay(): boolean {
    const sinceMs = this.#context.clock.monotonicMs() - this.#dispatchedMs;
    return this.#replayable && this.#replays < RETRY.maxReplays && sinceMs <= RETRY.withinMs;
  }

  /** What came back is no response that could be relayed. */
  responseBroken(backend: HttpBackend): void {
    if (backend.headSent) {
      this.abort();
      return;
    }
    this.#dropBackend();
    this.#failed(502);
  }

  /** No response can be had from a back end: says so, or cuts the client where one has begun. */
  #failed(status: AnswerStatus): void {
    if (this.#state === STATE.body) this.#refuse(status);
    else this.#answer(status);
  }

  /** Answers by itself. Another request may follow unless the status, or how the exchange stands, forbids it. */
  #answer(status: AnswerStatus): void {
    const complete = this.#state === STATE.response;
    if (!complete || mustClose(status) || this.#dropRest) this.#close = true;
    this.#status = status;
    this.#fromBackend = false;
    this.#answeredMs = -1;
    composeAnswer(this.#context.outbox, status, this.closesAfter(false));
    this.sendResponse(this.#context.outbox);
    this.exchangeDone();
  }

  /** Answers with an error and closes. */
  #refuse(status: AnswerStatus): void {
    this.#close = true;
    this.#answer(status);
  }

  /** Ends both connections in the middle of a response, so that nobody takes what there is for the whole. */
  abort(): void {
    this.#dropBackend();
    this.#endExchange();
    this.#state = STATE.closed;
    this.connection.reset();
    this.#forget();
  }

  #dropBackend(): void {
    this.#backend?.close();
    this.#releaseTarget();
  }

  #releaseTarget(): void {
    if (this.#entry !== undefined && this.#backend?.headSent === true) this.#entry.sentBytes = this.#backend.bodyBytes;
    this.#backend = undefined;
    if (this.#target === undefined) return;
    this.#target.finish();
    this.#target = undefined;
  }

  /** The one place where every exchange ends: counts it. `nowMs`: the time, where it has just been read; else -1. */
  #endExchange(nowMs = -1): void {
    this.#leaveQueue();
    this.#releaseTarget();
    this.#countDuration(nowMs);
    if (!this.#fromBackend) this.#zoneCells = this.#nodeZoneCells;
    this.#countInZone(COUNTER.requests);
    const status = this.#status;
    if (this.#fromBackend) this.#countInZone(statusCell(status));
    else if (status !== 0) this.#countInZone(status < 500 ? COUNTER.elb4xx : COUNTER.elb5xx);
    if (this.#entry !== undefined) this.#context.log?.http(this.#entry, status, this.#fromBackend);
    // The outbox is empty here: whoever waits for the capacity that this exchange gives back can use it.
    this.#listener.loadBalancer.surgeQueue.serve();
  }

  /** A request that was refused as it came has taken no time. */
  #countDuration(nowMs: number): void {
    const begunMs = this.#begunMs;
    this.#begunMs = -1;
    const endMs = nowMs < 0 ? this.#context.clock.monotonicMs() : nowMs;
    const seconds = begunMs < 0 ? 0 : (endMs - begunMs) / 1000;
    observeDuration(this.#listener.loadBalancer.counters, seconds);
  }

  /** Shuts down, then drops what still comes for a while: closing at once would reset the answer away. */
  #linger(): void {
    this.#dropHeld();
    this.#leaveTurns();
    if (this.#ended) {
      this.#finish();
      return;
    }
    this.#state = STATE.lingering;
    this.connection.end();
    this.connection.resume();
    if (this.connection.pending) this.touch();
    else this.#context.wheel.arm(this.#timer, LINGER_MS);
  }

  /** Closes once everything is sent, or at the idle timeout where the client does not take it. */
  #finish(): void {
    if (!this.connection.pending) {
      this.#leave();
      return;
    }
    if (!this.#ended) {
      this.#linger();
      return;
    }
    this.#state = STATE.closing;
    this.connection.pause();
    this.touch();
  }

  onEnd(): void {
    this.#ended = true;
    if (this.#state === STATE.lingering) this.#finish();
    else if (this.#state === STATE.body && this.#held === undefined) this.#requestBroken(408);
    else if (this.#state === STATE.head) this.#finishEnded();
  }

  /** Nothing more will come, and no request is being served. */
  #finishEnded(): void {
    if (this.#awaitsTurn || (this.connection.pending && this.#held !== undefined)) return;
    if (this.#headBegun) this.#processHeld(true);
    if (this.#state !== STATE.head) return;
    if (!this.#headBegun) {
      this.#finish();
      return;
    }
    this.#judgeUnfinished();
    this.#refuseUnfinished(400);
  }

  /** The client's end is the end of its head, which is classified as that. */
  #judgeUnfinished(): void {
    const held = this.#held;
    if (held === undefined) return;
    const { analysis } = this.#context;
    analysis.analyse(held.bytes, held.start, held.end);
    if (analysis.tier > 0) this.#countDesync(analysis.reason);
  }

  onClose(): void {
    const inExchange = this.#state === STATE.body || this.#state === STATE.response;
    if (inExchange) {
      this.#dropBackend();
      if (this.#status === 0) this.#status = 408;
      this.#endExchange();
    }
    this.#state = STATE.closed;
    this.#forget();
  }

  onTimeout(): void {
    if (this.#backend?.connected === false && this.#giveUpConnecting(this.#backend)) return;
    switch (this.#state) {
      case STATE.head:
        if (this.#headBegun) this.#refuseUnfinished(408);
        else if (this.connection.pending) this.#destroy();
        else this.#leave();
        return;
      case STATE.body:
        this.#requestBroken(this.#backend?.writable === true ? 408 : 504);
        return;
      case STATE.response:
        if (this.#backend?.headSent === true) this.abort();
        else {
          this.#dropBackend();
          this.#refuse(504);
        }
        return;
      default:
        this.#destroy();
    }
  }

  /** An instance does not answer to the connecting. True: another one may, and is asked now. */
  #giveUpConnecting(backend: HttpBackend): boolean {
    const { target } = backend;
    if (this.#tried === undefined && this.#listener.balancer.hasOther(this.zone, [target])) {
      backend.onTimeout();
      return true;
    }
    this.#listener.loadBalancer.countInZone(target.zoneCells, COUNTER.backendConnectionErrors);
    return false;
  }

  drain(): void {
    if (this.#state === STATE.head && !this.#headBegun) this.#finish();
    else this.#close = true;
  }

  cut(): void {
    if (this.#state === STATE.body || this.#state === STATE.response) this.abort();
    else this.#destroy();
  }

  /** Ends now. What was not taken is lost: a reset, or a body that ends with the connection would pass for whole. */
  #destroy(): void {
    this.#state = STATE.closed;
    if (this.connection.pending) this.connection.reset();
    else this.connection.destroy();
    this.#forget();
  }

  /** Closes in good order: with TLS, the client is told that nothing was cut off. */
  #leave(): void {
    this.#state = STATE.closed;
    this.connection.finish();
    this.#forget();
  }

  #forget(): void {
    this.#leaveTurns();
    this.#context.wheel.remove(this.#timer);
    if (this.#listener.sessions.delete(this)) this.#count(COUNTER.clientConnectionsActive, -1);
    this.#dropHeld();
  }

  /**
   * The back end switches protocols: both connections now belong to a relay of bytes. `early`: so many of them are in the
   * outbox, behind the response.
   */
  switchProtocols(backend: HttpBackend, early: number): void {
    this.finalStatus(101);
    this.sendResponse(this.#context.outbox);
    const target = this.#target!;
    const held = this.#held;
    this.#held = undefined;
    const entry = this.#entry;
    // Its line is written when the relay ends.
    this.#entry = undefined;
    if (entry !== undefined) entry.sentBytes = early;
    target.begin();
    this.#endExchange();
    this.#state = STATE.closed;
    this.#forget();
    backend.release();
    const relay = new Relay(this.#context, this.#listener, target, this.connection);
    relay.join(backend.connection, held, this.#ended, entry);
    if (held !== undefined) this.#context.headBuffers.giveBack(held.bytes);
  }
}

/** Does the head end within `bytes[start, end)`? */
function endsWithin(bytes: Buffer, start: number, end: number): boolean {
  const at = bytes.indexOf(HEAD_END, start);
  return at !== -1 && at + HEAD_END.length <= end;
}

function statusCell(status: number): number {
  switch (Math.floor(status / 100)) {
    case 1:
    case 2:
      return COUNTER.backend2xx;
    case 3:
      return COUNTER.backend3xx;
    case 4:
      return COUNTER.backend4xx;
    case 5:
      return COUNTER.backend5xx;
    default:
      return COUNTER.backendOther;
  }
}
