/** One probe of one instance: TCP connect, TLS handshake, or HTTP GET on either. What goes wrong is the result. */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { messageOf } from '../kit/assert.ts';
import type { Clock, Timer } from '../kit/clock.ts';
import { hostOf } from '../kit/ip.ts';
import { isTls, layerOf } from '../model/load-balancer.ts';
import { publicKeyOf } from '../model/public-key.ts';
import { backendContext } from '../transport/backend-context.ts';
import type { HealthCheckTarget } from './health-check-target.ts';
import { ProbeResponse, type Verdict } from './probe-response.ts';
import { PUBLIC_KEY_REFUSED_CAUSE, type KeyVerdict, type ProbeResult } from './threshold-counter.ts';

/** A health check target on one instance. */
export interface ProbeTarget extends HealthCheckTarget {
  /** IP address. */
  readonly address: string;
  /** The real port on the instance. */
  readonly port: number;
  readonly timeoutMs: number;
  /** SSL and HTTPS: the public key that `port` must show, where one is asked for. */
  readonly keyCheck?: KeyCheck;
  /** Keys to be looked at after a good probe, each in a handshake of its own: of ports where one was refused. */
  readonly otherKeyChecks?: readonly KeyCheck[];
}

/** That there is TLS at a port of an instance, and which keys it may show there (back-end server authentication). */
export interface KeyCheck {
  readonly instancePort: number;
  /** The real port on the instance. */
  readonly port: number;
  /** SubjectPublicKeyInfo in base64 of DER; undefined: any will do. */
  readonly publicKeys: readonly string[] | undefined;
}

/** What cannot be probed, and counts as failed: a name that has no address. */
export interface Unprobeable {
  readonly problem: string;
}

/**
 * Starts a probe. `done` is called once, later, never after the returned function was called, which ends the probe
 * without a result. Neither throws.
 */
export type Probe = (target: ProbeTarget | Unprobeable, done: (result: ProbeResult) => void) => () => void;

/** Probes over real sockets. `otherKeyChecks` are not theirs to make (key-checks.ts). */
export function createProbe(clock: Clock): Probe {
  return (target, done) => {
    if ('problem' in target) {
      const result = { good: false, cause: target.problem, elapsedMs: 0, inconclusive: false };
      const timer = clock.after(0, () => done(result));
      return () => timer.cancel();
    }
    const attempt = new Attempt(target, clock, done);
    attempt.start();
    return () => attempt.abandon();
  };
}

/** Local conditions, which say nothing about the instance. */
const OUR_TROUBLE: Readonly<Record<string, string>> = {
  EMFILE: 'weir has no free file descriptor',
  ENFILE: 'the machine has no free file descriptor',
  ENOBUFS: 'the machine has no buffer space',
  ENOMEM: 'the machine has no memory',
  EADDRNOTAVAIL: 'the machine has no free local port',
};

const CAUSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  ETIMEDOUT: 'timeout while connecting',
  EHOSTUNREACH: 'host unreachable',
  EHOSTDOWN: 'host unreachable',
  ENETUNREACH: 'network unreachable',
};

class Attempt {
  readonly #target: ProbeTarget;
  readonly #clock: Clock;
  readonly #done: (result: ProbeResult) => void;
  readonly #startedMs: number;
  readonly #tls: boolean;
  #socket: Socket | undefined;
  #timer: Timer | undefined;
  #stage: 'while connecting' | 'in the TLS handshake' | 'waiting for the response' = 'while connecting';
  #finished = false;
  #keyVerdict: KeyVerdict | undefined;

  constructor(target: ProbeTarget, clock: Clock, done: (result: ProbeResult) => void) {
    this.#target = target;
    this.#clock = clock;
    this.#done = done;
    this.#startedMs = clock.monotonicMs();
    this.#tls = isTls(target.protocol);
  }

  start(): void {
    this.#timer = this.#clock.after(this.#target.timeoutMs, () =>
      this.#finish({ good: false, cause: `timeout ${this.#stage}` }),
    );
    const { address: host, port, keyCheck } = this.#target;
    const to = { host, port };
    const asksForKey = keyCheck?.publicKeys !== undefined;
    const socket = this.#tls
      ? connectTls({ ...to, rejectUnauthorized: false, secureContext: backendContext(asksForKey) })
      : connectTcp({ ...to, noDelay: true });
    this.#socket = socket;
    if (this.#tls) socket.once('connect', () => (this.#stage = 'in the TLS handshake'));
    socket.once(this.#tls ? 'secureConnect' : 'connect', () => this.#onConnect(socket));
    // Stays for good: an error that follows a verdict concerns nobody.
    socket.on('error', (error) => this.#onError(error));
    socket.once('close', () => this.#finish({ good: false, cause: 'connection closed' }));
  }

  /** Ends without a result. */
  abandon(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#timer?.cancel();
    this.#socket?.destroy();
  }

  #onConnect(socket: Socket): void {
    if (this.#finished) return;
    if (!this.#hasRightKey(socket)) {
      this.#finish({ good: false, cause: PUBLIC_KEY_REFUSED_CAUSE });
      return;
    }
    this.#stage = 'waiting for the response';
    if (layerOf(this.#target.protocol) === 4) {
      this.#finish({ good: true, cause: this.#tls ? 'TLS handshake completed' : 'connected' });
      return;
    }
    const response = new ProbeResponse();
    socket.on('data', (bytes: Buffer) => {
      const verdict = this.#finished ? undefined : response.feed(bytes);
      if (verdict !== undefined) this.#finish(verdict);
    });
    socket.once('end', () => this.#finish(response.end()));
    socket.write(requestHead(this.#target), 'latin1');
  }

  #hasRightKey(socket: Socket): boolean {
    const { keyCheck } = this.#target;
    if (keyCheck === undefined) return true;
    const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
    const key = certificate === undefined ? undefined : publicKeyOf(certificate)?.toString('base64');
    const accepted = keyCheck.publicKeys?.includes(key ?? '') ?? true;
    this.#keyVerdict = { instancePort: keyCheck.instancePort, accepted };
    return accepted;
  }

  #onError(error: Error): void {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const ours = OUR_TROUBLE[code];
    if (ours !== undefined) this.#finish({ good: false, cause: ours }, true);
    else
      this.#finish({ good: false, cause: CAUSES[code] ?? tlsCause(error, code), noTls: code.startsWith('ERR_SSL_') });
  }

  #finish(verdict: Verdict & Pick<ProbeResult, 'noTls'>, inconclusive = false): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#timer?.cancel();
    // A handshake that went well ends with close_notify; whatever else is open is of no use to either side.
    if (verdict.good) this.#socket?.destroySoon();
    else this.#socket?.destroy();
    const elapsedMs = this.#clock.monotonicMs() - this.#startedMs;
    const publicKeys = this.#keyVerdict === undefined ? {} : { publicKeys: [this.#keyVerdict] };
    const isUnreached = !inconclusive && this.#stage !== 'waiting for the response';
    const unreached = isUnreached ? { unreached: true } : {};
    this.#done({ ...verdict, elapsedMs, inconclusive, ...publicKeys, ...unreached });
  }
}

/** `Host` carries address and port, as AWS sends it: the check is of the instance, not of a site. */
function requestHead(target: ProbeTarget): string {
  return (
    `GET ${target.path} HTTP/1.1\r\nHost: ${hostOf(target.address)}:${target.port}\r\nUser-Agent: ELB-HealthChecker/1.0\r\n` +
    `Accept: */*\r\nConnection: close\r\n\r\n`
  );
}

/** OpenSSL's reason without its prefix (`ssl/tls alert …`, `tlsv1 alert …`): `TLS alert: handshake failure`, `TLS: wrong version number`. */
function tlsCause(error: Error, code: string): string {
  const reason = (error as Error & { reason?: unknown }).reason;
  if (typeof reason !== 'string') return code === '' ? messageOf(error) : code;
  const alert = /^\S+ alert (?<name>.*)$/.exec(reason)?.groups?.['name'];
  return alert === undefined ? `TLS: ${reason}` : `TLS alert: ${alert}`;
}
