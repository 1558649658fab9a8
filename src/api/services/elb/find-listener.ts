/** One listener of a load balancer: found by its port, and replaced. */
import type { Listener, LoadBalancer } from '../../../model/load-balancer.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';

/** The listener on the port, or `ListenerNotFound`. */
export function findListener({ name, listeners }: LoadBalancer, port: number): Listener | ElbFault {
  const listener = listeners.find(({ loadBalancerPort }) => loadBalancerPort === port);
  return listener ?? elbFault('ListenerNotFound', `There is no listener on port ${port} for load balancer ${name}`);
}

/** The record with `listener` in the place of the one on its port. */
export function withListener(record: LoadBalancer, listener: Listener): LoadBalancer {
  const { loadBalancerPort: port } = listener;
  return {
    ...record,
    listeners: record.listeners.map((one) => (one.loadBalancerPort === port ? listener : one)),
  };
}
