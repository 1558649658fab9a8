import type { Instance } from '../model/load-balancer.ts';
import { countUnreached } from '../traffic/counters.ts';
import { zoneCellsOf } from '../traffic/zone-counters.ts';

/** What of a load balancer that runs says where it is counted. */
interface Counted {
  readonly counters: SharedArrayBuffer;
  readonly compiled: { readonly countedZones: readonly string[] };
  readonly instances: ReadonlyMap<string, Instance>;
}

/**
 * Counts a health check that has come to no connection, in the zone of its instance: CloudWatch's BackendConnectionErrors
 * tells of those too, so that an instance which is down shows without any traffic.
 */
export function noteUnreached(running: Counted | undefined, instanceId: string): void {
  if (running === undefined) return;
  const zone = running.instances.get(instanceId)?.zone;
  countUnreached(running.counters, zoneCellsOf(running.compiled.countedZones, zone));
}
