/**
 * What the API may ask of the running system. The API decides on records alone; this is how a decision becomes
 * traffic, and how it learns what only the running system knows.
 */
import type { HealthDescription } from '../health/threshold-counter.ts';
import type { LoadBalancerId } from '../model/load-balancer.ts';

/** A listener that a decision would open. */
export interface WantedListener {
  readonly address: string;
  readonly port: number;
}

export interface BindRefusal {
  readonly address: string;
  readonly port: number;
  /** `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL` … */
  readonly code: string;
  readonly message: string;
}

/** What DescribeInstanceHealth says of an instance. */
export interface InstanceState extends HealthDescription {
  readonly instanceId: string;
}

/** Nobody could say now what a name stands for: another time somebody may. */
export interface Unanswered {
  readonly cause: string;
}

export interface Control {
  /** Tries to bind each port for itself, without `reusePort`, and lets go. The first refusal, or undefined. */
  tryBind(wanted: readonly WantedListener[]): Promise<BindRefusal | undefined>;
  /** Resolves when every live traffic thread serves `revision` (or after `timeoutMs`: then false). */
  applied(revision: number, timeoutMs: number): Promise<boolean>;
  /** State of one instance, registered, draining or unknown. */
  instanceState(loadBalancer: LoadBalancerId, instanceId: string): InstanceState;
  /** Instances that are deregistered and still draining. */
  drainingInstances(loadBalancer: LoadBalancerId): readonly string[];
  /** What the host of a registered instance stands for, as far as is known: nobody is asked. */
  addressOf(host: string): string | undefined;
  /** Checks and resolves a host name to an address; undefined when it has none. */
  resolveHost(host: string): Promise<string | Unanswered | undefined>;
}
