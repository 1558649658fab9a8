/**
 * What a traffic thread is told: compiled load balancers (plain data that survives structured clone) and the
 * messages around them. Control sends, threads apply; a thread compares what it has with what it is sent, listener
 * by listener, and never cuts a connection of a listener that did not change.
 */
import type { Network } from '../kit/ip.ts';
import type { DesyncMitigationMode, LoadBalancerId, Protocol } from '../model/load-balancer.ts';
import type { TlsVersion } from '../model/ssl-policy-resolve.ts';
import type { Stickiness } from '../model/stickiness-policy.ts';

/** One back-end target: (load balancer, instance, instance port). Health and counts live in its slot of the target table. */
export interface CompiledTarget {
  /** Global number in the target table (traffic/target-table.ts); stable while the registration lives. */
  readonly slot: number;
  readonly instanceId: string;
  /** An IP address: names are resolved by control. */
  readonly host: string;
  readonly port: number;
  readonly zone: string;
}

/** What an HTTPS or SSL listener serves: options of a secure context (node:tls), resolved from its policy. */
export interface CompiledTls {
  /** Tells two of these apart: changes with anything below. */
  readonly key: string;
  /** PEM, the chain behind the certificate. */
  readonly certificate: string;
  /** PEM. */
  readonly privateKey: string;
  readonly ciphers: string;
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  readonly honorCipherOrder: boolean;
  readonly secureOptions: number;
  /**
   * 48 bytes, the same on every thread, and of this certificate and policy alone: a ticket made under others does not
   * bring their parameters back.
   */
  readonly ticketKey: Uint8Array;
}

/** Sticky sessions of an HTTP or HTTPS listener. */
export type CompiledStickiness = Stickiness & {
  /** Of traffic/stickiness-seal.ts: the first one makes new cookies, all are honoured. At least one. */
  readonly keys: readonly Uint8Array[];
};

export interface CompiledListener {
  readonly protocol: Protocol;
  /** What to bind. */
  readonly address: string;
  readonly port: number;
  readonly instanceProtocol: Protocol;
  readonly instancePort: number;
  /** On HTTPS and SSL listeners. */
  readonly tls?: CompiledTls;
  /**
   * Back-end server authentication (instance protocol HTTPS or SSL): SubjectPublicKeyInfo in base64 of DER, one of which an
   * instance must have. Undefined: any certificate is accepted.
   */
  readonly backendPublicKeys?: readonly string[];
  /** Security groups: whose connections are accepted; others are closed at once. Undefined: everybody's. */
  readonly ingress?: readonly Network[];
  /** Layer 4: a proxy protocol line goes ahead of the client's bytes. */
  readonly proxyProtocol: boolean;
  /** Undefined: every request is routed on its own. */
  readonly stickiness?: CompiledStickiness;
  readonly targets: readonly CompiledTarget[];
}

export interface CompiledLoadBalancer {
  readonly id: LoadBalancerId;
  readonly name: string;
  readonly zones: readonly string[];
  /** Zones in the order in which {@link counters} have them; grows, and never changes otherwise. */
  readonly countedZones: readonly string[];
  readonly crossZone: boolean;
  readonly idleTimeoutMs: number;
  readonly desyncMitigationMode: DesyncMitigationMode;
  /** Extension attributes. */
  readonly upgrade: boolean;
  /** Every request gets an X-Amzn-Trace-Id. */
  readonly traceId?: boolean;
  /** The number that marks its lines in the access log (observe/access-logs.ts). Undefined: none are written. */
  readonly accessLog?: number;
  /** Infinity when there is no cap. */
  readonly maxConnectionsPerTarget: number;
  readonly preconnect: boolean;
  /** How long an instance that comes into service takes to its full share of requests; 0: it has that at once. */
  readonly slowStartMs: number;
  /**
   * How long requests and connections go on after their listener (or the load balancer) was removed: ConnectionDraining's
   * timeout, 0 when it is off. Threads keep this time themselves, by the value that was in force before the removal;
   * targets that are taken away are cut by control.
   */
  readonly drainingTimeoutMs: number;
  /** One open listener per load balancer port. */
  readonly listeners: readonly CompiledListener[];
  /** Counters of this load balancer, all threads (traffic/counters.ts). */
  readonly counters: SharedArrayBuffer;
}

/** Control → traffic thread. */
export type ControlMessage =
  /**
   * Each is answered with one `applied`, in order. Removals come before upserts: they may give up a port that one asks
   * for. A listener that is not bound is tried again whenever its load balancer is upserted.
   */
  | {
      readonly type: 'apply';
      /** Of the store; several messages may carry the same one. */
      readonly revision: number;
      /** Pages of the target table that the thread has not been sent yet. */
      readonly targetPages: readonly { readonly page: number; readonly buffer: SharedArrayBuffer }[];
      readonly upserts: readonly CompiledLoadBalancer[];
      readonly removals: readonly LoadBalancerId[];
    }
  /** End at once every request and connection on these targets (deregistered or unhealthy, draining off, or drain over). */
  | { readonly type: 'cut'; readonly slots: readonly number[] }
  /** Stop accepting, finish what is in flight, then say `stopped`. At the deadline the rest is cut. */
  | { readonly type: 'stop'; readonly timeoutMs: number };

/** What a thread has found out about a target. */
export type TargetReport =
  /** Its certificate has none of the public keys that it should have: the connection was not used. */
  | { readonly type: 'publicKeyRefused'; readonly slot: number }
  /** A client was to be served there, and no handshake came about, by what the target has said. */
  | { readonly type: 'tlsFailed'; readonly slot: number }
  /** It ends connections that have waited for so long, sooner than the idle timeout does. */
  | { readonly type: 'shortKeepAlive'; readonly slot: number; readonly idleMs: number };

/** Traffic thread → control. */
export type ThreadMessage =
  /** The thread runs: from now on its heartbeat is watched. */
  | { readonly type: 'ready' }
  | {
      readonly type: 'applied';
      readonly revision: number;
      /** All listeners of the thread that are not bound, whichever message brought them; the others serve. */
      readonly failures: readonly { readonly address: string; readonly port: number; readonly message: string }[];
    }
  | TargetReport
  | { readonly type: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly message: string }
  | { readonly type: 'stopped' };

/** What a traffic thread starts with (`workerData`). */
export interface ThreadSettings {
  /** 0-based; the row of this thread in all shared tables. A replacement takes its predecessor's. */
  readonly thread: number;
  readonly threads: number;
  readonly transport: 'auto' | 'handle' | 'net';
  /** A row for each thread, and one behind them for control (traffic/counters.ts, THREAD_COUNTER). */
  readonly threadCounters: SharedArrayBuffer;
  /** Where its access log goes (traffic/log-ring.ts). Undefined: nowhere. */
  readonly logRing?: SharedArrayBuffer;
}
