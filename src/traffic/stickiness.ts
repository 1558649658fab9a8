/**
 * Sticky sessions of one listener in one thread. The values of all its instances are made once; a
 * request's cookie is looked up among them. So a request costs no cryptography, and a forged cookie less than a good one.
 */
import { ascii, HEX_VALUE } from '../kit/bytes.ts';
import { attributesOf, CookiePairs } from '../wire/cookies.ts';
import type { RequestHead } from '../wire/request-head.ts';
import type { ResponseHead } from '../wire/response-head.ts';
import type { HttpTarget } from './http-backend.ts';
import type { CompiledListener, CompiledStickiness } from './snapshot.ts';
import { sealCookie } from './stickiness-seal.ts';

const COOKIE = 'AWSELB';
/** The same for requests from other sites, which browsers send no other cookies with. */
const CORS_COOKIE = 'AWSELBCORS';
const COOKIE_NAME = ascii(COOKIE);
const CORS_COOKIE_NAME = ascii(CORS_COOKIE);

/** Instances that are gone and whose sessions are still told from forged ones, the latest to go. */
const MAX_DEPARTED = 1024;
/** Hex digits that a value is looked up by: 28 bits. */
const HASHED_DIGITS = 7;

/** Reused for every request of the thread. */
const pairs = new CookiePairs();

/** What sessions are bound to: an instance, here or gone. */
export class StickyInstance {
  readonly instanceId: string;
  /** Undefined when the instance is gone. */
  target: HttpTarget | undefined;
  /** By key; the first one is set. */
  readonly values: readonly string[];
  /** The lines of Set-Cookie for duration-based sessions. */
  readonly durationLines: string;

  constructor(instanceId: string, values: readonly string[], durationLines: string) {
    this.instanceId = instanceId;
    this.values = values;
    this.durationLines = durationLines;
  }
}

/** A value among others with the same beginning, which is one in hundreds of millions. */
interface Known {
  readonly bytes: Buffer;
  readonly instance: StickyInstance;
  readonly next: Known | undefined;
}

export class StickySessions {
  readonly #loadBalancer: string;
  readonly #instancePort: number;
  readonly #stickiness: CompiledStickiness;
  readonly #applicationCookie: Buffer | undefined;
  /** Those that are here, and behind them in the order of their going those that are gone. */
  readonly #instances = new Map<string, StickyInstance>();
  #departed = 0;
  readonly #known = new Map<number, Known>();

  constructor(loadBalancer: string, instancePort: number, stickiness: CompiledStickiness) {
    this.#loadBalancer = loadBalancer;
    this.#instancePort = instancePort;
    this.#stickiness = stickiness;
    this.#applicationCookie = stickiness.kind === 'application' ? ascii(stickiness.cookieName) : undefined;
  }

  /** Whether this one serves the listener as it is now compiled. */
  serves({ instancePort, stickiness }: CompiledListener): boolean {
    return instancePort === this.#instancePort && isSame(stickiness, this.#stickiness);
  }

  /** The listener has these targets now. */
  update(targets: readonly HttpTarget[]): void {
    const here = new Set(targets.map(({ instanceId }) => instanceId));
    for (const [id, instance] of this.#instances) {
      if (instance.target === undefined || here.has(id)) continue;
      instance.target = undefined;
      this.#departed++;
      this.#instances.delete(id);
      this.#instances.set(id, instance);
    }
    for (const target of targets) this.#arrive(target);
    if (this.#departed > MAX_DEPARTED) this.#forgetOldest();
  }

  #arrive(target: HttpTarget): void {
    const known = this.#instances.get(target.instanceId);
    const instance = known ?? this.#make(target.instanceId);
    if (known !== undefined && known.target === undefined) this.#departed--;
    instance.target = target;
  }

  #make(instanceId: string): StickyInstance {
    const binding = { loadBalancer: this.#loadBalancer, instancePort: this.#instancePort, instanceId };
    const values = this.#stickiness.keys.map((key) => sealCookie(key, binding));
    const instance = new StickyInstance(instanceId, values, durationLines(values[0]!, this.#stickiness));
    this.#instances.set(instanceId, instance);
    this.#remember(instance);
    return instance;
  }

  #remember(instance: StickyInstance): void {
    for (const value of instance.values) {
      const bytes = ascii(value);
      const hash = hashOf(bytes, 0);
      this.#known.set(hash, { bytes, instance, next: this.#known.get(hash) });
    }
  }

  #forgetOldest(): void {
    for (const [id, { target }] of this.#instances) {
      if (this.#departed <= MAX_DEPARTED) break;
      if (target !== undefined) continue;
      this.#instances.delete(id);
      this.#departed--;
    }
    this.#known.clear();
    for (const instance of this.#instances.values()) this.#remember(instance);
  }

  /**
   * What the request's session is bound to: the first good `AWSELB`, or `AWSELBCORS` where there is no `AWSELB` at all.
   * Application-controlled sessions need the application's cookie beside it. A client may send two, the one with the path of
   * the application's cookie first: of an instance that cannot serve any more, and of the one that has taken its place.
   */
  find(bytes: Buffer, head: RequestHead): StickyInstance | undefined {
    const { cookies } = head;
    let found: StickyInstance | undefined;
    let foundByCors: StickyInstance | undefined;
    let given = false;
    let inSession = this.#applicationCookie === undefined;
    for (let i = 0; i < cookies.count; i++) {
      pairs.begin(bytes, cookies.start(i), cookies.end(i));
      while (pairs.next()) {
        if (pairs.isNamed(COOKIE_NAME)) {
          given = true;
          if (!canServe(found)) found = this.#look(bytes, pairs.valueStart, pairs.valueEnd) ?? found;
        } else if (pairs.isNamed(CORS_COOKIE_NAME)) {
          if (!canServe(foundByCors)) foundByCors = this.#look(bytes, pairs.valueStart, pairs.valueEnd) ?? foundByCors;
        }
        // The application's cookie may bear any name.
        if (!inSession && pairs.isNamed(this.#applicationCookie!)) inSession = true;
      }
    }
    if (!inSession) return undefined;
    return given ? found : foundByCors;
  }

  #look(bytes: Buffer, start: number, end: number): StickyInstance | undefined {
    if (end - start < HASHED_DIGITS) return undefined;
    let known = this.#known.get(hashOf(bytes, start));
    while (known !== undefined && !isValue(bytes, start, end, known.bytes)) known = known.next;
    return known?.instance;
  }

  /**
   * The lines that a response from `served` gets, for a request whose session was bound to `bound`; empty: none. Where the
   * bound instance cannot serve, the session is bound to the new one.
   */
  lines(bytes: Buffer, head: ResponseHead, served: HttpTarget, bound: StickyInstance | undefined): string {
    const instance = this.#instances.get(served.instanceId);
    if (instance?.target !== served) return '';
    const moved = bound !== instance;
    if (this.#applicationCookie === undefined) return moved ? instance.durationLines : '';
    const { setCookies } = head;
    let attributes: string | undefined;
    // Of several the last is what a client keeps.
    for (let i = 0; i < setCookies.count; i++) {
      attributes = attributesOf(bytes, setCookies.start(i), setCookies.end(i), this.#applicationCookie) ?? attributes;
    }
    if (attributes === undefined && bound !== undefined && moved) attributes = ';PATH=/';
    return attributes === undefined ? '' : `Set-Cookie: ${COOKIE}=${instance.values[0]!}${attributes}\r\n`;
  }
}

function canServe(instance: StickyInstance | undefined): boolean {
  return instance?.target?.inService === true;
}

function durationLines(value: string, stickiness: CompiledStickiness): string {
  if (stickiness.kind !== 'duration') return '';
  const { periodSeconds } = stickiness;
  const rest = `=${value};PATH=/${periodSeconds === undefined ? '' : `;MAX-AGE=${periodSeconds}`}`;
  return `Set-Cookie: ${COOKIE}${rest}\r\nSet-Cookie: ${CORS_COOKIE}${rest};SECURE;SAMESITE=None\r\n`;
}

/** Of the first digits; what is no digit counts as one, and is found out by the comparison. */
function hashOf(bytes: Buffer, start: number): number {
  let hash = 0;
  for (let at = start; at < start + HASHED_DIGITS; at++) hash = (hash << 4) | (HEX_VALUE[bytes[at]!]! & 15);
  return hash;
}

/** Takes as long whether the first digit differs or the last: nobody finds a value digit by digit. */
function isValue(bytes: Buffer, start: number, end: number, value: Buffer): boolean {
  if (end - start !== value.length) return false;
  let differs = 0;
  for (let i = 0; i < value.length; i++) differs |= bytes[start + i]! ^ value[i]!;
  return differs === 0;
}

function isSame(a: CompiledStickiness | undefined, b: CompiledStickiness): boolean {
  if (a === undefined || a.keys.length !== b.keys.length) return false;
  if (!a.keys.every((key, i) => Buffer.compare(key, b.keys[i]!) === 0)) return false;
  if (a.kind === 'duration') return b.kind === 'duration' && a.periodSeconds === b.periodSeconds;
  return b.kind === 'application' && a.cookieName === b.cookieName;
}
