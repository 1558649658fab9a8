/** Certificates whose end is near, or has come: told once a day in the log (docs/faults.md 44: they are served all the same). */
import type { Clock, Timer } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import { usersOf, type Certificate } from '../model/certificate.ts';
import { CERTIFICATES } from '../model/limits.ts';
import type { LoadBalancer } from '../model/load-balancer.ts';
import type { Store } from '../store/store.ts';

const DAY_MS = 86_400_000;
const CHECK_MS = 3_600_000;

export interface CertificateWatchOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

export class CertificateWatch {
  readonly #options: CertificateWatchOptions;
  /** When each certificate was told of last, on the monotonic clock; those whose end is near only. */
  #toldMs = new Map<string, number>();
  #checks: Timer | undefined;

  constructor(options: CertificateWatchOptions) {
    this.#options = options;
  }

  /** Looks now, and every hour from now on. */
  start(): void {
    this.#check();
    this.#checks = this.#options.clock.every(CHECK_MS, () => this.#check());
  }

  stop(): void {
    this.#checks?.cancel();
  }

  #check(): void {
    const { store, clock } = this.#options;
    const view = store.view();
    const loadBalancers = view.list('load-balancer');
    const nowMs = clock.monotonicMs();
    const before = this.#toldMs;
    this.#toldMs = new Map();
    for (const certificate of view.list('certificate')) {
      const leftMs = certificate.details.notAfterMs - clock.epochMs();
      if (leftMs > CERTIFICATES.warnDays * DAY_MS) continue;
      const toldMs = before.get(certificate.arn) ?? -Infinity;
      const isDue = nowMs - toldMs >= DAY_MS;
      this.#toldMs.set(certificate.arn, isDue ? nowMs : toldMs);
      if (isDue) this.#tell(certificate, leftMs, usersOf(certificate.arn, loadBalancers));
    }
  }

  #tell({ arn, details }: Certificate, leftMs: number, users: readonly LoadBalancer[]): void {
    const { log } = this.#options;
    const notAfter = new Date(details.notAfterMs).toISOString();
    const fields = { certificate: arn, notAfter, loadBalancers: users.map(({ name }) => name) };
    const days = Math.floor(leftMs / DAY_MS);
    const when = leftMs <= 0 ? 'has expired' : days === 0 ? 'expires within a day' : `expires in ${days} days`;
    if (users.length === 0) log.info(fields, `a certificate that no listener uses ${when}`);
    else log.warn(fields, `a certificate ${when}: upload another and set it on its listeners`);
  }
}
