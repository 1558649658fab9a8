/** Which load balancers a commit concerns: pure. */
import { usersOf } from '../model/certificate.ts';
import { idOf, type LoadBalancer, type LoadBalancerId } from '../model/load-balancer.ts';
import type { Change, View } from '../store/store.ts';
import type { RecordChange } from './reconcile.ts';

/**
 * The load balancers that `changes` are of, those that have a certificate among them, and `others`; each once, as it
 * stands in `view`, the state after the commit.
 */
export function affectedBy(changes: readonly Change[], view: View, others: readonly LoadBalancer[]): RecordChange[] {
  const ids = new Set(others.map(idOf));
  for (const { kind, key } of changes) {
    if (kind === 'load-balancer') ids.add(key as LoadBalancerId);
    if (kind !== 'certificate') continue;
    for (const user of usersOf(key, view.list('load-balancer'))) ids.add(idOf(user));
  }
  return Array.from(ids, (id): RecordChange => [id, view.get('load-balancer', id)]);
}
