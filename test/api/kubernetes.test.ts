/**
 * What the AWS cloud provider of Kubernetes calls for a Service of type LoadBalancer, call by call: made, synchronised
 * again without a change (as happens every few minutes), changed, deleted.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DescribeSubnetsCommand, EC2Client } from '@aws-sdk/client-ec2';
import * as elb from '@aws-sdk/client-elastic-load-balancing';
import { DEFAULT_VPC_ID, defaultSubnetId } from '../../src/model/network.ts';
import { ApiHarness, KEY } from '../support/api.ts';

/** `a` and the UID of the Service without hyphens, 32 characters. */
const NAME = { LoadBalancerName: 'a0f1e2d3c4b5a69788796a5b4c3d2e1f' };
const PROXY_POLICY = 'k8s-proxyprotocol-enabled';
const SSL_POLICY = 'ELBSecurityPolicy-TLS-1-2-2017-01';
const TAGS = [
  { Key: 'kubernetes.io/service-name', Value: 'default/web' },
  { Key: 'kubernetes.io/cluster/lab', Value: 'owned' },
];
const ATTRIBUTES: elb.LoadBalancerAttributes = {
  AccessLog: { Enabled: false },
  ConnectionDraining: { Enabled: false },
  ConnectionSettings: { IdleTimeout: 60 },
  CrossZoneLoadBalancing: { Enabled: false },
};

/** What the cloud provider has made of the Service and the nodes. */
interface Wanted {
  readonly listeners: readonly elb.Listener[];
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
  readonly nodes: readonly string[];
  readonly proxyProtocol: boolean;
  readonly tlsPorts: readonly number[];
}

let harness: ApiHarness;
let ec2: EC2Client;
let first: Wanted;
let second: Wanted;

function tcp(LoadBalancerPort: number, InstancePort: number): elb.Listener {
  return { Protocol: 'TCP', LoadBalancerPort, InstanceProtocol: 'TCP', InstancePort };
}

before(async () => {
  harness = await ApiHarness.start();
  ec2 = new EC2Client({ endpoint: harness.endpoint, region: 'us-east-1', credentials: KEY, maxAttempts: 1 });
  const SSLCertificateId = await harness.addCertificate('web');
  const ssl = { ...tcp(443, 31443), Protocol: 'SSL', SSLCertificateId };
  const [a, b, c] = ['us-east-1a', 'us-east-1b', 'us-east-1c'].map(defaultSubnetId) as [string, string, string];
  first = {
    listeners: [tcp(80, 31080), ssl],
    subnets: [a, b],
    securityGroups: ['sg-0aaa'],
    nodes: ['10.0.0.1', '10.0.0.2'],
    proxyProtocol: true,
    tlsPorts: [443],
  };
  second = {
    listeners: [tcp(80, 32080), ssl],
    subnets: [b, c],
    securityGroups: ['sg-0aaa', 'sg-0bbb'],
    nodes: ['10.0.0.2', '10.0.0.3'],
    proxyProtocol: true,
    tlsPorts: [443],
  };
});
after(async () => {
  ec2.destroy();
  await harness.stop();
});

/** Undefined when there is none, which is told by the error alone. */
async function describeLoadBalancer(): Promise<elb.LoadBalancerDescription | undefined> {
  const command = new elb.DescribeLoadBalancersCommand({ LoadBalancerNames: [NAME.LoadBalancerName] });
  try {
    const { LoadBalancerDescriptions = [] } = await harness.elb.send(command);
    assert.equal(LoadBalancerDescriptions.length, 1);
    return LoadBalancerDescriptions[0];
  } catch (error) {
    if (error instanceof elb.AccessPointNotFoundException) return undefined;
    throw error;
  }
}

async function setBackendPolicies(InstancePort: number | undefined, PolicyNames: string[]): Promise<void> {
  const input = { ...NAME, InstancePort, PolicyNames };
  await harness.elb.send(new elb.SetLoadBalancerPoliciesForBackendServerCommand(input));
}

async function createProxyPolicy(): Promise<void> {
  const PolicyAttributes = [{ AttributeName: 'ProxyProtocol', AttributeValue: 'true' }];
  const input = { ...NAME, PolicyName: PROXY_POLICY, PolicyTypeName: 'ProxyProtocolPolicyType', PolicyAttributes };
  await harness.elb.send(new elb.CreateLoadBalancerPolicyCommand(input));
}

async function create({ listeners, subnets, securityGroups, proxyProtocol }: Wanted): Promise<void> {
  const where = { Subnets: [...subnets], SecurityGroups: [...securityGroups] };
  await harness.elb.send(
    new elb.CreateLoadBalancerCommand({ ...NAME, Listeners: [...listeners], ...where, Tags: TAGS }),
  );
  if (!proxyProtocol) return;
  await createProxyPolicy();
  for (const { InstancePort } of listeners) await setBackendPolicies(InstancePort, [PROXY_POLICY]);
}

const missing = <T>(wanted: readonly T[], from: readonly T[] = []): T[] => wanted.filter((one) => !from.includes(one));

async function syncSubnets(is: elb.LoadBalancerDescription, { subnets }: Wanted): Promise<void> {
  const removals = missing(is.Subnets ?? [], subnets);
  if (removals.length > 0)
    await harness.elb.send(new elb.DetachLoadBalancerFromSubnetsCommand({ ...NAME, Subnets: removals }));
  const additions = missing(subnets, is.Subnets);
  if (additions.length > 0)
    await harness.elb.send(new elb.AttachLoadBalancerToSubnetsCommand({ ...NAME, Subnets: additions }));
}

async function syncGroups(is: elb.LoadBalancerDescription, { securityGroups }: Wanted): Promise<void> {
  const SecurityGroups = [...securityGroups];
  if (missing(SecurityGroups, is.SecurityGroups).length + missing(is.SecurityGroups ?? [], SecurityGroups).length > 0)
    await harness.elb.send(new elb.ApplySecurityGroupsToLoadBalancerCommand({ ...NAME, SecurityGroups }));
}

async function syncListeners(is: elb.LoadBalancerDescription, { listeners }: Wanted): Promise<void> {
  const actual = is.ListenerDescriptions?.map(({ Listener }) => Listener!) ?? [];
  const isIn = (one: elb.Listener, list: readonly elb.Listener[]) =>
    list.some(
      (other) =>
        one.LoadBalancerPort === other.LoadBalancerPort &&
        one.InstancePort === other.InstancePort &&
        one.Protocol === other.Protocol &&
        one.InstanceProtocol === other.InstanceProtocol &&
        one.SSLCertificateId === other.SSLCertificateId,
    );
  const LoadBalancerPorts = actual.filter((one) => !isIn(one, listeners)).map((one) => one.LoadBalancerPort!);
  if (LoadBalancerPorts.length > 0)
    await harness.elb.send(new elb.DeleteLoadBalancerListenersCommand({ ...NAME, LoadBalancerPorts }));
  const Listeners = listeners.filter((one) => !isIn(one, actual));
  if (Listeners.length > 0) await harness.elb.send(new elb.CreateLoadBalancerListenersCommand({ ...NAME, Listeners }));
}

/** `is` was described before the listeners changed: what stood at a port that is gone is taken away by its port. */
async function syncBackendPolicies(is: elb.LoadBalancerDescription, wanted: Wanted): Promise<void> {
  const policies = wanted.proxyProtocol ? [PROXY_POLICY] : [];
  if (wanted.proxyProtocol) await createProxyPolicy();
  const found = new Map(is.BackendServerDescriptions?.map((one) => [one.InstancePort, one.PolicyNames ?? []]));
  for (const { InstancePort } of wanted.listeners) {
    const isOn = found.get(InstancePort)?.includes(PROXY_POLICY);
    found.delete(InstancePort);
    if (isOn === undefined ? wanted.proxyProtocol : isOn !== wanted.proxyProtocol)
      await setBackendPolicies(InstancePort, policies);
  }
  for (const port of found.keys()) await setBackendPolicies(port, []);
}

async function syncAttributes(): Promise<void> {
  await harness.elb.send(new elb.DescribeLoadBalancerAttributesCommand(NAME));
  // Never the same for the cloud provider, since more is described than it asks for.
  const input = { ...NAME, LoadBalancerAttributes: ATTRIBUTES };
  await harness.elb.send(new elb.ModifyLoadBalancerAttributesCommand(input));
}

async function ensureSslPolicy(ports: readonly number[]): Promise<void> {
  const name = `k8s-SSLNegotiationPolicy-${SSL_POLICY}`;
  try {
    await harness.elb.send(new elb.DescribeLoadBalancerPoliciesCommand({ ...NAME, PolicyNames: [name] }));
  } catch (error) {
    if (!(error instanceof elb.PolicyNotFoundException)) throw error;
    const PolicyAttributes = [{ AttributeName: 'Reference-Security-Policy', AttributeValue: SSL_POLICY }];
    const input = { ...NAME, PolicyName: name, PolicyTypeName: 'SSLNegotiationPolicyType', PolicyAttributes };
    await harness.elb.send(new elb.CreateLoadBalancerPolicyCommand(input));
  }
  for (const LoadBalancerPort of ports) {
    const input = { ...NAME, LoadBalancerPort, PolicyNames: [name] };
    await harness.elb.send(new elb.SetLoadBalancerPoliciesOfListenerCommand(input));
  }
}

async function ensureHealthCheck(is: elb.LoadBalancerDescription, { listeners }: Wanted): Promise<void> {
  const check = {
    Target: `TCP:${listeners[0]!.InstancePort}`,
    HealthyThreshold: 2,
    Interval: 10,
    Timeout: 5,
    UnhealthyThreshold: 6,
  };
  if (is.HealthCheck?.Target === check.Target && is.HealthCheck.Interval === check.Interval) return;
  await harness.elb.send(new elb.ConfigureHealthCheckCommand({ ...NAME, HealthCheck: check }));
}

async function ensureInstances(is: elb.LoadBalancerDescription, { nodes }: Wanted): Promise<void> {
  const actual = is.Instances?.map(({ InstanceId }) => InstanceId!) ?? [];
  const toInstances = (ids: readonly string[]) => ids.map((InstanceId) => ({ InstanceId }));
  const additions = toInstances(missing(nodes, actual));
  if (additions.length > 0)
    await harness.elb.send(new elb.RegisterInstancesWithLoadBalancerCommand({ ...NAME, Instances: additions }));
  const removals = toInstances(missing(actual, nodes));
  if (removals.length > 0)
    await harness.elb.send(new elb.DeregisterInstancesFromLoadBalancerCommand({ ...NAME, Instances: removals }));
}

/** EnsureLoadBalancer; the host name that the Service gets. */
async function ensure(wanted: Wanted): Promise<string | undefined> {
  await ec2.send(new DescribeSubnetsCommand({ Filters: [{ Name: 'vpc-id', Values: [DEFAULT_VPC_ID] }] }));
  const before = await describeLoadBalancer();
  if (before === undefined) await create(wanted);
  else {
    await syncSubnets(before, wanted);
    await syncGroups(before, wanted);
    await syncListeners(before, wanted);
    await syncBackendPolicies(before, wanted);
    await harness.elb.send(new elb.AddTagsCommand({ LoadBalancerNames: [NAME.LoadBalancerName], Tags: TAGS }));
  }
  await syncAttributes();
  const now = await describeLoadBalancer();
  await ensureSslPolicy(wanted.tlsPorts);
  await ensureHealthCheck(now!, wanted);
  await ensureInstances(now!, wanted);
  return now!.DNSName;
}

describe('the cloud provider of Kubernetes', () => {
  it('makes a load balancer of a Service', async () => {
    assert.equal(await describeLoadBalancer(), undefined);
    const dnsName = await ensure(first);
    assert.match(dnsName ?? '', /^a0f1e2d3c4b5a69788796a5b4c3d2e1f-\d+\.us-east-1\.elb\.localhost$/);
    const is = await describeLoadBalancer();
    assert.deepEqual(
      is?.ListenerDescriptions?.map(({ PolicyNames }) => PolicyNames),
      [[], [`k8s-SSLNegotiationPolicy-${SSL_POLICY}`]],
    );
    assert.deepEqual(is?.BackendServerDescriptions, [
      { InstancePort: 31080, PolicyNames: [PROXY_POLICY] },
      { InstancePort: 31443, PolicyNames: [PROXY_POLICY] },
    ]);
    assert.equal(is?.HealthCheck?.Target, 'TCP:31080');
    assert.deepEqual(is?.Instances, [{ InstanceId: '10.0.0.1' }, { InstanceId: '10.0.0.2' }]);
  });

  it('synchronises again and again without a change', async () => {
    const before = await describeLoadBalancer();
    const { revision } = harness.store.view();
    await ensure(first);
    await ensure(first);
    assert.equal(harness.store.view().revision, revision);
    assert.deepEqual(await describeLoadBalancer(), before);
  });

  it('follows a Service and nodes that have changed, and synchronises that again', async () => {
    await ensure(second);
    const is = await describeLoadBalancer();
    assert.deepEqual(is?.Subnets, second.subnets);
    assert.deepEqual(is?.AvailabilityZones, ['us-east-1b', 'us-east-1c']);
    assert.deepEqual(is?.SecurityGroups, second.securityGroups);
    assert.deepEqual(
      new Set(is?.BackendServerDescriptions?.map(({ InstancePort }) => InstancePort)),
      new Set([31443, 32080]),
    );
    assert.deepEqual(is?.Instances, [{ InstanceId: '10.0.0.2' }, { InstanceId: '10.0.0.3' }]);
    assert.equal(is?.HealthCheck?.Target, 'TCP:32080');
    const { revision } = harness.store.view();
    await ensure(second);
    assert.equal(harness.store.view().revision, revision);
  });

  it('takes proxy protocol away', async () => {
    await ensure({ ...second, proxyProtocol: false });
    assert.deepEqual((await describeLoadBalancer())?.BackendServerDescriptions, []);
  });

  it('deletes the load balancer, also when it is gone already', async () => {
    for (let time = 0; time < 2; time++) {
      await harness.elb.send(new elb.DeleteLoadBalancerCommand(NAME));
      assert.equal(await describeLoadBalancer(), undefined);
    }
  });
});
