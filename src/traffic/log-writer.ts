/** Writes access log lines into the ring of the thread. */
import { assert } from '../kit/assert.ts';
import { SPACE } from '../kit/bytes.ts';
import type { Clock } from '../kit/clock.ts';
import { putDash, putNumber, putSeconds, TIMESTAMP_LENGTH, TimestampWriter } from '../wire/log-line.ts';
import { RequestWriter } from '../wire/log-request.ts';
import { Phrase, PHRASE_SLACK, putPhrase, putView } from '../wire/phrase.ts';
import type { LogEntry, LoggedTarget } from './log-entry.ts';
import { LogRingWriter } from './log-ring.ts';

/** All of a line but the client and the tail: a timestamp, an address and a port, numbers, and the spaces between. */
const FIXED_ROOM = 320;
const MAX_NUMBER = 17;
const MAX_ADDRESS = '0000:0000:0000:0000:0000:ffff:255.255.255.255'.length + ':65535'.length;
assert(
  FIXED_ROOM >= TIMESTAMP_LENGTH + MAX_ADDRESS + 3 * (MAX_NUMBER + 7) + 4 * MAX_NUMBER + 16 + PHRASE_SLACK,
  'a line has room',
);

const NOT_DISPATCHED = new Phrase('- -1 -1 -1');
const NO_STATUS = new Phrase(' - -');

export class LogWriter {
  readonly #clock: Clock;
  readonly #ring: LogRingWriter;
  readonly #timestamps = new TimestampWriter();
  /** For the entries of this thread. */
  readonly requests = new RequestWriter();
  /** Wall time less monotonic time, and whole seconds of wall time, as of the last {@link tick}. */
  #offsetMs = 0;
  #second = 0;

  constructor(clock: Clock, ring: SharedArrayBuffer) {
    this.#clock = clock;
    this.#ring = new LogRingWriter(ring);
    this.tick();
  }

  /**
   * The line of an HTTP exchange that is over. `status`: what the client got, 0 if it got nothing; `fromBackend`: that
   * came from the instance.
   */
  http(entry: LogEntry, status: number, fromBackend: boolean): void {
    const start = this.#reserve(entry);
    if (start < 0) return;
    const { view } = this.#ring;
    // An answer that could not be read is still one: the line names who gave it.
    let at = fromBackend || status === 502 ? this.#dispatched(entry, start) : this.#undispatched(entry, start);
    view.setUint8(at++, SPACE);
    at = status === 0 ? putDash(view, at) : putNumber(view, at, status);
    view.setUint8(at++, SPACE);
    at = putNumber(view, at, fromBackend ? status : 0);
    this.#finish(entry, start, at);
  }

  /** The line of a TCP connection that is over. */
  tcp(entry: LogEntry): void {
    const start = this.#reserve(entry);
    if (start < 0) return;
    const { view } = this.#ring;
    const { receivedMs, sentMs, dialledMs, connectedMs, answeredMs, relayedMs } = entry;
    // Of a connection that never came up there is no target, and nothing has happened.
    let at = this.#target(entry.target, this.#begin(entry, start));
    at = putBetween(view, at, receivedMs, sentMs);
    at = putBetween(view, at, dialledMs, connectedMs);
    at = putBetween(view, at, answeredMs, relayedMs);
    at = putPhrase(view, at, NO_STATUS);
    this.#finish(entry, start, at);
  }

  /** Hands over what was written, and looks at the clock. To be called at least every {@link TICK_MS}. */
  tick(): void {
    this.#ring.flush();
    const epochMs = this.#clock.epochMs();
    this.#offsetMs = epochMs - this.#clock.monotonicMs();
    this.#second = Math.floor(epochMs / 1000);
  }

  /** Writes what all lines begin with; returns the offset behind it, -1 where there is no room. */
  #reserve(entry: LogEntry): number {
    entry.end();
    // A request that is refused as it comes.
    if (entry.receivedMs < 0) entry.receivedMs = this.#clock.monotonicMs();
    return this.#ring.reserve(entry.ordinal, this.#second, FIXED_ROOM + entry.client.length + entry.tailLength);
  }

  #begin(entry: LogEntry, start: number): number {
    const at = this.#timestamps.put(this.#ring.view, start, entry.receivedMs + this.#offsetMs);
    return putPhrase(this.#ring.view, at, entry.client);
  }

  #dispatched(entry: LogEntry, start: number): number {
    const { view } = this.#ring;
    const { target, receivedMs, sentMs, answeredMs, relayedMs } = entry;
    let at = this.#target(target, this.#begin(entry, start));
    at = putBetween(view, at, receivedMs, sentMs);
    at = putBetween(view, at, sentMs, answeredMs);
    return putBetween(view, at, answeredMs, relayedMs);
  }

  #target(target: LoggedTarget | undefined, at: number): number {
    return target === undefined ? putDash(this.#ring.view, at) : putPhrase(this.#ring.view, at, target.logName);
  }

  #undispatched(entry: LogEntry, start: number): number {
    return putPhrase(this.#ring.view, this.#begin(entry, start), NOT_DISPATCHED);
  }

  #finish(entry: LogEntry, start: number, end: number): void {
    const { view } = this.#ring;
    let at = end;
    view.setUint8(at++, SPACE);
    at = putNumber(view, at, entry.receivedBytes);
    view.setUint8(at++, SPACE);
    at = putNumber(view, at, entry.sentBytes);
    view.setUint8(at++, SPACE);
    at = putView(view, at, entry.tail, entry.tailLength);
    this.#ring.commit(at - start);
    entry.trim();
  }
}

/** A space and the time between two moments, -1 where one of them never came. */
function putBetween(out: DataView, at: number, fromMs: number, toMs: number): number {
  out.setUint8(at, SPACE);
  return putSeconds(out, at + 1, fromMs < 0 || toMs < 0 ? -1 : Math.max(0, toMs - fromMs));
}
