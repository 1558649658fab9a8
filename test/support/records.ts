/** Load balancer records for tests that need one and do not care what it says. */
import { DRAINING_TIMEOUT, HEALTH_CHECK, IDLE_TIMEOUT } from '../../src/model/limits.ts';
import { idOf, type LoadBalancer } from '../../src/model/load-balancer.ts';
import { loadBalancerChange, type Change } from '../../src/store/store.ts';

/** A valid load balancer named `name`: one HTTP listener, no instances. */
export function sampleLoadBalancer(name: string, overrides: Partial<LoadBalancer> = {}): LoadBalancer {
  return {
    accountId: '000000000000',
    region: 'us-east-1',
    name,
    scheme: 'internet-facing',
    createdTimeMs: Date.UTC(2026, 0, 1),
    dnsName: `${name}-1.us-east-1.elb.localhost`,
    address: '127.0.0.1',
    vpcId: 'vpc-00000001',
    zones: ['us-east-1a'],
    subnets: [],
    securityGroups: [],
    listeners: [
      { protocol: 'HTTP', loadBalancerPort: 80, instanceProtocol: 'HTTP', instancePort: 8080, policyNames: [] },
    ],
    instances: [],
    healthCheck: {
      target: 'TCP:8080',
      interval: HEALTH_CHECK.interval.default,
      timeout: HEALTH_CHECK.timeout.default,
      unhealthyThreshold: HEALTH_CHECK.unhealthyThreshold.default,
      healthyThreshold: HEALTH_CHECK.healthyThreshold.default,
    },
    attributes: {
      crossZoneLoadBalancing: false,
      accessLog: { enabled: false, emitInterval: 60 },
      connectionDraining: { enabled: false, timeout: DRAINING_TIMEOUT.default },
      idleTimeout: IDLE_TIMEOUT.default,
      additional: {},
    },
    policies: [],
    backendServerPolicies: [],
    tags: [],
    ...overrides,
  };
}

/** The change that puts `record` under its own id. */
export function put(record: LoadBalancer): Change {
  return loadBalancerChange(idOf(record), record);
}

/** The change that removes `record`. */
export function remove(record: LoadBalancer): Change {
  return loadBalancerChange(idOf(record), undefined);
}
