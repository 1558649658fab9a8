/** What a simulation of control is about: the system, and the model that it is held against. */
import type { LoadBalancer } from '../../src/model/load-balancer.ts';
import { ControlHarness } from '../support/control.ts';

export const THREADS = 2;
export const NAMES = ['a', 'b', 'c'] as const;
export const HOSTS = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'] as const;
export const ZONES = ['us-east-1a', 'us-east-1b'];
export const HEALTH_CHECK = {
  target: 'TCP:8080',
  interval: 5,
  timeout: 2,
  unhealthyThreshold: 2,
  healthyThreshold: 2,
} as const;
/** Seconds that connection draining is set to; undefined is off. */
export const DRAINING = [undefined, 1, 20] as const;

export class World {
  readonly harness: ControlHarness;
  /** By name: what the API has been told, and nothing else. */
  readonly records = new Map<string, LoadBalancer>();
  /** By address: since when an instance has answered no probe, on the monotonic clock. */
  readonly downSinceMs = new Map<string, number>();
  /** By load balancer, instance and port: since when it was seen to drain. */
  readonly drainingSinceMs = new Map<string, number>();

  constructor(seed: number) {
    this.harness = new ControlHarness(seed, THREADS);
    this.harness.threads.automatic = false;
  }

  get nowMs(): number {
    return this.harness.clock.monotonicMs();
  }

  /** The instance at `host` answers probes from now on, or does not any more. */
  flip(host: string): void {
    const { down } = this.harness;
    if (down.delete(host)) this.downSinceMs.delete(host);
    else {
      down.add(host);
      this.downSinceMs.set(host, this.nowMs);
    }
  }
}
