/** A back end's end of one connection: answers requests well, or as badly as it is allowed to. */
import type { Random } from '../../src/kit/random.ts';
import type { FakeConnection } from '../support/fake-connection.ts';
import { FORWARDED_LIMITS } from '../support/reference-forwarding.ts';
import { readRequests } from '../support/reference-reader.ts';
import { pick, seldom } from './choices.ts';
import { told, type Actor } from './engine-actors.ts';
import { goodResponse, oddResponse, switching } from './engine-messages.ts';
import type { World } from './engine-world.ts';

type After = 'keep' | 'end' | 'close' | 'reset' | 'silent';

/** What is done about one request. */
interface Plan {
  /** How much of the request must be there first. */
  readonly when: 'whole' | 'head' | 'byte';
  readonly make: (method: string) => { readonly text: string; readonly after: After };
  /** It breaks off there. */
  readonly share: number;
  text: string | undefined;
  sent: number;
  after: After;
}

interface Request {
  readonly method: string;
  readonly upgrade: boolean;
  /** Undefined while it is not whole. */
  readonly size: number | undefined;
}

export class ScriptedBackend implements Actor {
  readonly connection: FakeConnection;
  readonly name: string;
  readonly #world: World;
  /** Where the current request begins in what was received. */
  #requestAt = 0;
  #plan: Plan | undefined;
  /** How much there was when the request was looked at last, and what was found. */
  #seen = -1;
  #request: Request | undefined;
  #over = false;

  constructor(world: World, connection: FakeConnection, name: string) {
    this.#world = world;
    this.connection = connection;
    this.name = name;
  }

  act(random: Random): boolean {
    const { peer } = this.connection;
    if (this.#over || peer.gone || this.connection.closed) return false;
    if (this.#plan === undefined) {
      if (peer.received.length === this.#requestAt) return this.#idle(random);
      this.#plan = this.#makePlan(random);
    }
    return this.#follow(this.#plan, random);
  }

  /** What is there of the current request. */
  get #current(): Request | undefined {
    const { received } = this.connection.peer;
    if (received.length === this.#seen) return this.#request;
    this.#seen = received.length;
    const text = received.slice(this.#requestAt);
    const headEnd = text.indexOf('\r\n\r\n');
    if (headEnd === -1) return (this.#request = undefined);
    const { sizes } = readRequests(text, 'monitor', FORWARDED_LIMITS);
    const upgrade = text.slice(0, headEnd).includes('\r\nConnection: upgrade\r\n');
    return (this.#request = { method: text.slice(0, text.indexOf(' ')), upgrade, size: sizes[0] });
  }

  #makePlan(random: Random): Plan {
    const mark = this.#world.nextMark();
    const plan = { text: undefined, sent: 0, share: 1 } as const;
    if (this.#world.faults.backends && seldom(random, 2)) {
      const after = pick<After>(random, ['keep', 'keep', 'end', 'close', 'reset', 'silent']);
      const kind = pick(random, ['good', 'good', 'odd', 'odd', 'none', 'switch']);
      const make = (method: string): { text: string; after: After } => {
        if (kind === 'none') return { text: '', after: after === 'keep' ? 'end' : after };
        if (kind === 'switch') return { text: switching(random, mark), after };
        const text = kind === 'odd' ? oddResponse(random, method, mark) : goodResponse(random, method, mark).text;
        return { text, after };
      };
      const share = seldom(random, 3) ? random.below(100) / 100 : 1;
      const when = pick(random, ['whole', 'whole', 'head', 'byte'] as const);
      return { ...plan, when, share, after: 'keep', make };
    }
    const make = (method: string): { text: string; after: After } => {
      if (this.#current?.upgrade === true && seldom(random, 2)) {
        return { text: switching(random, mark), after: pick(random, ['silent', 'end']) };
      }
      const { text, untilClose } = goodResponse(random, method, mark);
      return { text, after: untilClose ? 'end' : 'keep' };
    };
    return { ...plan, when: 'whole', after: 'keep', make };
  }

  #follow(plan: Plan, random: Random): boolean {
    if (plan.text === undefined) {
      const request = this.#current;
      const ready = plan.when === 'byte' || (plan.when === 'head' ? request : request?.size) !== undefined;
      if (!ready) return false;
      const { text, after } = plan.make(request?.method ?? 'GET');
      plan.text = text.slice(0, Math.floor(text.length * plan.share));
      plan.after = after;
    }
    if (plan.sent === plan.text.length) return this.#afterwards(plan, random);
    const rest = plan.text.length - plan.sent;
    const count = seldom(random, 3) ? 1 + random.below(rest) : rest;
    const bytes = plan.text.slice(plan.sent, plan.sent + count);
    plan.sent += count;
    this.#world.note(() => `${this.name} sends ${told(bytes)}`);
    this.connection.peer.send(bytes);
    return true;
  }

  #afterwards(plan: Plan, random: Random): boolean {
    if (plan.after === 'keep') {
      const size = this.#current?.size;
      if (size === undefined) return false;
      this.#requestAt += size;
      this.#plan = undefined;
      this.#seen = -1;
      return true;
    }
    this.#over = true;
    this.#do(plan.after, random);
    return true;
  }

  #do(after: After, random: Random): void {
    const { peer } = this.connection;
    this.#world.note(() => `${this.name}: ${after}`);
    if (after === 'end') peer.end();
    else if (after === 'close') peer.close();
    else if (after === 'reset') peer.reset(seldom(random, 2));
  }

  /** Nobody asks for anything: now and then that is not borne. */
  #idle(random: Random): boolean {
    if (!this.#world.faults.backends || !seldom(random, 20)) return false;
    if (seldom(random, 4)) {
      const junk = `HTTP/1.1 200 OK\r\nX-Mark: ${this.#world.nextMark()}\r\nContent-Length: 0\r\n\r\n`;
      this.#world.note(() => `${this.name} sends, unasked, ${told(junk)}`);
      this.connection.peer.send(junk);
      return true;
    }
    this.#over = true;
    this.#do(pick<After>(random, ['end', 'close', 'reset']), random);
    return true;
  }
}
