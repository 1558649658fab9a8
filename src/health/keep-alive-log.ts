/** Tells the operator of an instance that ends idle connections before weir does, and how long it keeps them. */
import type { Clock } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';

/** All threads find the same: one line tells it for so long. */
const INTERVAL_MS = 3_600_000;

/** Of one instance. */
export class KeepAliveLog {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #fields: { readonly loadBalancer: string; readonly instance: string };
  #toldMs = -Infinity;

  constructor(clock: Clock, log: Log, fields: { readonly loadBalancer: string; readonly instance: string }) {
    this.#clock = clock;
    this.#log = log;
    this.#fields = fields;
  }

  /** At `instancePort` it ends connections after `idleMs`; weir would keep them for `idleTimeout` seconds. */
  record(instancePort: number, idleMs: number, idleTimeout: number): void {
    const nowMs = this.#clock.monotonicMs();
    // What was measured under another timeout may be of no harm under this one.
    if (nowMs - this.#toldMs < INTERVAL_MS || idleMs >= idleTimeout * 1000) return;
    this.#toldMs = nowMs;
    const keepAliveSeconds = Math.round(idleMs / 100) / 10;
    this.#log.warn(
      { ...this.#fields, instancePort, keepAliveSeconds, idleTimeoutSeconds: idleTimeout },
      `instance closes idle connections after ${keepAliveSeconds} s, before the idle timeout of ${idleTimeout} s: a request ` +
        'that meets the closing ends with 504; give the server a keep-alive timeout above the idle timeout',
    );
  }
}
