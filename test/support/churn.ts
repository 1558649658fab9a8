/** The life of a load balancer in a few seconds, through the API: created, changed in every way, removed. */
import {
  AddTagsCommand,
  ConfigureHealthCheckCommand,
  CreateLoadBalancerCommand,
  CreateLoadBalancerListenersCommand,
  DeleteLoadBalancerCommand,
  DeleteLoadBalancerListenersCommand,
  DeregisterInstancesFromLoadBalancerCommand,
  ModifyLoadBalancerAttributesCommand,
  RegisterInstancesWithLoadBalancerCommand,
  type ElasticLoadBalancingClient,
} from '@aws-sdk/client-elastic-load-balancing';

export interface ChurnPlan {
  readonly client: ElasticLoadBalancingClient;
  readonly name: string;
  /** Three free ports of its address. */
  readonly ports: readonly [number, number, number];
  readonly instancePort: number;
  readonly instances: readonly string[];
}

/** Calls that {@link churn} makes. */
export const CHURN_CALLS = 12;

/** Lives one life; an error of any call is thrown. */
export async function churn({ client, name, ports, instancePort, instances }: ChurnPlan): Promise<void> {
  const lb = { LoadBalancerName: name };
  const [http, tcp, later] = ports;
  const listener = (Protocol: string, LoadBalancerPort: number) => ({
    Protocol,
    LoadBalancerPort,
    InstanceProtocol: Protocol,
    InstancePort: instancePort,
  });
  const Instances = instances.map((InstanceId) => ({ InstanceId }));
  const check = { Interval: 5, Timeout: 2, HealthyThreshold: 2, UnhealthyThreshold: 2 };
  const attributes = (drain: boolean) => ({
    CrossZoneLoadBalancing: { Enabled: drain },
    ConnectionDraining: { Enabled: drain, Timeout: 1 },
    ConnectionSettings: { IdleTimeout: drain ? 7 : 60 },
  });
  await client.send(
    new CreateLoadBalancerCommand({
      ...lb,
      AvailabilityZones: ['us-east-1a'],
      Listeners: [listener('HTTP', http), listener('TCP', tcp)],
    }),
  );
  await client.send(new RegisterInstancesWithLoadBalancerCommand({ ...lb, Instances }));
  await client.send(
    new ConfigureHealthCheckCommand({ ...lb, HealthCheck: { ...check, Target: `TCP:${instancePort}` } }),
  );
  await client.send(new ModifyLoadBalancerAttributesCommand({ ...lb, LoadBalancerAttributes: attributes(true) }));
  await client.send(new CreateLoadBalancerListenersCommand({ ...lb, Listeners: [listener('HTTP', later)] }));
  await client.send(
    new ConfigureHealthCheckCommand({ ...lb, HealthCheck: { ...check, Target: `HTTP:${instancePort}/` } }),
  );
  await client.send(new DeregisterInstancesFromLoadBalancerCommand({ ...lb, Instances: Instances.slice(0, 1) }));
  await client.send(new DeleteLoadBalancerListenersCommand({ ...lb, LoadBalancerPorts: [http] }));
  await client.send(new AddTagsCommand({ LoadBalancerNames: [name], Tags: [{ Key: 'stage', Value: 'passing' }] }));
  await client.send(new RegisterInstancesWithLoadBalancerCommand({ ...lb, Instances }));
  await client.send(new ModifyLoadBalancerAttributesCommand({ ...lb, LoadBalancerAttributes: attributes(false) }));
  await client.send(new DeleteLoadBalancerCommand(lb));
}
