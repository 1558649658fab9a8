/** Clients that go on and on, each with one exchange after the other, chosen by chance; and what was wrong with them. */
import { messageOf } from '../../src/kit/assert.ts';
import { sleep, systemClock } from '../../src/kit/clock.ts';
import { SeededRandom } from '../../src/kit/random.ts';
import { Client, LostAtRest, WrongAnswer, type Ports } from './client.ts';
import { EXCHANGES, type Exchange } from './exchanges.ts';

export interface Failure {
  readonly exchange: string;
  readonly what: string;
  /** `monotonicMs`. */
  readonly beganMs: number;
  readonly atMs: number;
  /** An answer that no trouble of the network excuses. */
  readonly wrong: boolean;
}

export interface TrafficPlan {
  readonly host: string;
  readonly ports: Ports;
  readonly clients: number;
  readonly seed: number;
  /** Between two exchanges of one client, at most: the load leaves the machine room. */
  readonly pauseMs: number;
}

/** Longer than anything that ends at all: every socket has a time-out of its own. */
const EXCHANGE_MS = 90_000;

const TOTAL_WEIGHT = EXCHANGES.reduce((sum, { weight }) => sum + weight, 0);

export class Traffic {
  /** Exchanges that ended well, by name. */
  readonly done = new Map<string, number>();
  readonly failures: Failure[] = [];
  readonly #plan: TrafficPlan;
  #running = true;
  readonly #ended: Promise<unknown>;

  constructor(plan: TrafficPlan) {
    this.#plan = plan;
    this.#ended = Promise.all(Array.from({ length: plan.clients }, (_, index) => this.#live(index)));
  }

  get total(): number {
    return [...this.done.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Every client finishes what it has begun, and closes what it has open. */
  async stop(): Promise<void> {
    this.#running = false;
    await this.#ended;
  }

  async #live(index: number): Promise<void> {
    const { host, ports, seed, pauseMs } = this.#plan;
    const random = new SeededRandom(seed + index);
    const client = new Client(host, ports, random);
    while (this.#running) {
      await this.#exchange(client, choose(random));
      await sleep(systemClock, random.below(pauseMs));
    }
    client.close();
  }

  async #exchange(client: Client, exchange: Exchange): Promise<void> {
    const beganMs = systemClock.monotonicMs();
    try {
      await withinLimit(exchange.run(client));
      this.done.set(exchange.name, (this.done.get(exchange.name) ?? 0) + 1);
    } catch (error) {
      this.failures.push({
        exchange: exchange.name,
        what: messageOf(error),
        beganMs: error instanceof LostAtRest ? error.sinceMs : beganMs,
        atMs: systemClock.monotonicMs(),
        wrong: error instanceof WrongAnswer,
      });
    }
  }
}

/** A client of ours that waits for what never comes must not keep the soak from its end. */
async function withinLimit(exchange: Promise<void>): Promise<void> {
  const tooLong = Promise.withResolvers<never>();
  const timer = systemClock.after(EXCHANGE_MS, () =>
    tooLong.reject(new WrongAnswer(`not over after ${EXCHANGE_MS / 1000} s`)),
  );
  try {
    await Promise.race([exchange, tooLong.promise]);
  } finally {
    timer.cancel();
  }
}

function choose(random: SeededRandom): Exchange {
  let at = random.below(TOTAL_WEIGHT);
  return EXCHANGES.find(({ weight }) => (at -= weight) < 0)!;
}

/** `3 × TCP connection: closed, after 20 to 40 ms`, a line for each sort. */
export function failuresText(failures: readonly Failure[]): string {
  const sorts = Map.groupBy(failures, ({ exchange, what }) => `${exchange}: ${what}`);
  const lines = Array.from(sorts, ([sort, own]) => {
    const tookMs = own.map(({ beganMs, atMs }) => Math.round(atMs - beganMs)).toSorted((one, other) => one - other);
    return `${own.length} × ${sort}, after ${tookMs[0]} to ${tookMs.at(-1)} ms`;
  });
  return lines.join('\n');
}
