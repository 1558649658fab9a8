/**
 * X-Amzn-Trace-Id (extension attribute `weir.http.requestid`), as an Application Load Balancer makes it: a request gets a
 * `Root`, one that has a `Root` already gets a `Self` in front of it, and whatever else the field says is kept.
 */
import type { Clock } from '../kit/clock.ts';
import type { Random } from '../kit/random.ts';

const NAME = 'X-Amzn-Trace-Id: ';
const UNIQUE_BYTES = 12;
/** Ids for which chance is fetched at once. */
const BATCH = 256;

export class TraceIds {
  readonly #clock: Clock;
  readonly #random: Random;
  #chance: Buffer = Buffer.alloc(0);
  #used = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** The line that a request gets whose own fields of the name said `value`, if it had any. */
  line(value: string): string {
    const id = this.#next();
    if (value === '') return `${NAME}Root=${id}\r\n`;
    const fields = value
      .split(';')
      .map((field) => field.trim())
      .filter((field) => field !== '' && !/^self=/i.test(field));
    const own = fields.some((field) => /^root=/i.test(field)) ? 'Self' : 'Root';
    return `${NAME}${[`${own}=${id}`, ...fields].join(';')}\r\n`;
  }

  /** `1-67891233-abcdef012345678912345678`: version, seconds since 1970, 96 bits of chance. */
  #next(): string {
    const seconds = Math.floor(this.#clock.epochMs() / 1000);
    if (this.#used === this.#chance.length) {
      this.#chance = this.#random.bytes(UNIQUE_BYTES * BATCH);
      this.#used = 0;
    }
    const unique = this.#chance.toString('hex', this.#used, this.#used + UNIQUE_BYTES);
    this.#used += UNIQUE_BYTES;
    return `1-${seconds.toString(16).padStart(8, '0')}-${unique}`;
  }
}
