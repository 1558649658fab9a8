/** Which targets a change of a record takes away, why, and how long what runs there may go on: pure. */
import type { LoadBalancer } from '../model/load-balancer.ts';
import { drainingTimeoutMs, isZoneEnabled } from './compile.ts';
import type { DrainReason } from './drains.ts';
import type { SlotHolder } from './slots.ts';

/** Targets taken away together. */
export interface Retired {
  readonly holders: readonly SlotHolder[];
  readonly reason: DrainReason;
  readonly timeoutMs: number;
}

/** The targets of `before` that are not in `holders`, both by their key, and the reason that `record` gives. */
export function retire(
  before: ReadonlyMap<string, SlotHolder>,
  record: LoadBalancer,
  holders: ReadonlyMap<string, SlotHolder>,
): Retired[] {
  const byReason = new Map<DrainReason, SlotHolder[]>();
  for (const [key, holder] of before) {
    if (holders.has(key)) continue;
    const reason = reasonFor(record, holder);
    byReason.set(reason, [...(byReason.get(reason) ?? []), holder]);
  }
  const timeoutMs = drainingTimeoutMs(record);
  return Array.from(byReason, ([reason, holders]) => ({ holders, reason, timeoutMs }));
}

function reasonFor(record: LoadBalancer, holder: SlotHolder): DrainReason {
  const instance = record.instances.find(({ instanceId }) => instanceId === holder.instanceId);
  if (instance === undefined) return 'deregistered';
  return isZoneEnabled(record, instance) ? 'listener-deleted' : 'zone-disabled';
}
