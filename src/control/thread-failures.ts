/**
 * Listeners that passed the gate and still could not be bound by a thread (a port taken in between, no descriptor left):
 * told once, and tried again until they are up.
 */
import type { Clock, Timer } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import type { LoadBalancerId } from '../model/load-balancer.ts';
import type { ListenerFailure } from './status.ts';
import type { SeatFailure } from './thread-seat.ts';

const RETRY_MS = 5000;

export interface ThreadFailuresOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly ownerOf: (failure: SeatFailure) => LoadBalancerId | undefined;
  /** Has threads try the listeners of these load balancers again. */
  readonly retry: (ids: ReadonlySet<LoadBalancerId>) => void;
}

export class ThreadFailures {
  readonly #options: ThreadFailuresOptions;
  #current = new Map<string, ListenerFailure>();
  #retries: Timer | undefined;

  constructor(options: ThreadFailuresOptions) {
    this.#options = options;
  }

  start(): void {
    this.#retries = this.#options.clock.every(RETRY_MS, () => {
      const ids = [...this.#current.values()].flatMap(({ loadBalancer }) => loadBalancer ?? []);
      if (ids.length > 0) this.#options.retry(new Set(ids));
    });
  }

  stop(): void {
    this.#retries?.cancel();
  }

  get current(): readonly ListenerFailure[] {
    return [...this.#current.values()];
  }

  /** `failures`: all that there are now. */
  update(failures: readonly SeatFailure[]): void {
    const { log, ownerOf } = this.#options;
    const before = this.#current;
    this.#current = new Map();
    for (const failure of failures) {
      const { address, port, message } = failure;
      const key = `${address} ${port}`;
      const loadBalancer = ownerOf(failure);
      this.#current.set(key, { loadBalancer, address, port, message });
      if (before.get(key)?.message !== message) {
        log.error({ loadBalancer, address, port }, `listener is down: ${message}; trying again every 5 s`);
      }
    }
    for (const [key, { loadBalancer, address, port }] of before) {
      if (!this.#current.has(key)) log.info({ loadBalancer, address, port }, 'listener is not failing any more');
    }
  }
}
