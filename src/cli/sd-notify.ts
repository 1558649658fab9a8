/**
 * Tells a service manager how far we are (sd_notify(3)), when it asks for it by NOTIFY_SOCKET. That socket is a Unix
 * datagram one, which Node cannot open, so the messages go through systemd's own tool, systemd-notify(1); a unit of
 * ours therefore says `NotifyAccess=all`.
 */
import { spawn } from 'node:child_process';
import { messageOf } from '../kit/assert.ts';
import { sleep, type Clock } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import type { Environment } from './configuration.ts';

export type Assignment = `${string}=${string}`;

export interface Notifier {
  /** Sends `READY=1` and the like, after what was sent before; returns at once. */
  notify(...assignments: readonly Assignment[]): void;
}

/** How long a message waits for the one before it, which is sent long before systemd-notify(1) itself ends. */
const ORDER_MS = 250;

/** systemd-notify(1) gives up waiting for a barrier after five seconds: what it fails with sooner is no barrier. */
const BARRIER_MS = 4000;
const NOT_TOLD = 'NOTIFY_SOCKET is set, but systemd-notify cannot be run, or failed: the service manager was not told';

/** A notifier for the manager that `environment` names; one that does nothing where it names none. */
export function createNotifier(environment: Environment, clock: Clock, log: Log): Notifier {
  if (!environment['NOTIFY_SOCKET']) return { notify: () => undefined };
  let last = Promise.resolve();
  const send = (assignments: readonly Assignment[]) =>
    new Promise<void>((resolve) => {
      const beganMs = clock.monotonicMs();
      const child = spawn('systemd-notify', assignments, { stdio: 'ignore', env: environment });
      // Nobody waits for it: it ends by itself, with an error seconds later where the manager knows no barriers.
      child.unref();
      child.once('exit', (code) => {
        if (code !== 0 && clock.monotonicMs() - beganMs < BARRIER_MS) log.warn({ assignments, code }, NOT_TOLD);
        resolve();
      });
      child.once('error', (error) => {
        log.warn({ assignments, cause: messageOf(error) }, NOT_TOLD);
        resolve();
      });
    });
  return {
    notify: (...assignments) => {
      last = last.then(() => Promise.race([send(assignments), sleep(clock, ORDER_MS)]));
    },
  };
}

/** `RELOADING=1` with the time that Type=notify-reload wants beside it: CLOCK_MONOTONIC, which Node's clock is on Linux. */
export function reloading(monotonicNs: bigint): Assignment[] {
  return ['RELOADING=1', `MONOTONIC_USEC=${monotonicNs / 1000n}`];
}
