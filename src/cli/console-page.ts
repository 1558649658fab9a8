/** What the page at `/` shows of the load balancers: their records, and what control says of them. */
import type { PageInstance, PageListener, PageLoadBalancer } from '../console/page.ts';
import type { RunningControl } from '../control/create.ts';
import type { ListenerFailure, LoadBalancerStatus } from '../control/status.ts';
import { idOf, type LoadBalancer } from '../model/load-balancer.ts';
import { whyNotEnforceable } from '../model/ssl-policy-resolve.ts';
import { checkRows } from './instances-page.ts';

/** In the order of `records`. */
export function pageLoadBalancers(
  records: readonly LoadBalancer[],
  control: Pick<RunningControl, 'status' | 'instanceState'>,
): PageLoadBalancer[] {
  const { loadBalancers, bindFailures } = control.status();
  const running = new Map(loadBalancers.map((each) => [each.id, each]));
  return records.map((record) => {
    const id = idOf(record);
    const status = running.get(id);
    const failures = bindFailures.filter(({ loadBalancer }) => loadBalancer === id);
    return {
      name: record.name,
      account: record.accountId,
      region: record.region,
      dnsName: record.dnsName,
      address: record.address,
      listeners: pageListeners(record, status, failures),
      instances: record.instances.map(({ instanceId, zone }): PageInstance => {
        const { state, description } = control.instanceState(id, instanceId);
        const results = status?.instances.find((each) => each.instanceId === instanceId)?.results ?? [];
        return { instanceId, zone, state, description, checks: checkRows(results) };
      }),
    };
  });
}

function pageListeners(
  { listeners }: LoadBalancer,
  status: LoadBalancerStatus | undefined,
  failures: readonly ListenerFailure[],
): PageListener[] {
  return listeners.map(({ protocol, loadBalancerPort: port, instanceProtocol, instancePort }) => {
    const tls = status?.tls.find((report) => report.port === port);
    return {
      protocol,
      port,
      instanceProtocol,
      instancePort,
      failure: failures.find((failure) => failure.port === port)?.message,
      policy: tls?.policy,
      notOffered: (tls?.notOffered ?? []).map((name) => `${name}: ${whyNotEnforceable(name) ?? ''}`),
    };
  });
}
