/** DescribeLoadBalancers. */
import type { Configuration, SecurityGroupIdentity } from '../../../model/configuration.ts';
import { securityGroupIdentity } from '../../../model/network.ts';
import type { Listener, LoadBalancer, Policy } from '../../../model/load-balancer.ts';
import { Fault } from '../../fault.ts';
import { describeHealthCheck } from './health-check.ts';
import { describeInstances } from './instances.ts';
import type { ElbFault } from './model.ts';
import { answer, find, ownLoadBalancers } from './operation.ts';
import type { CallContext, Decision, Handler } from './operation.ts';
import { paginate } from './paging.ts';
import type * as shapes from './shapes.ts';

/** The hosted zone of all names of weir, in AWS's form: not one of AWS's, where they do not resolve. */
const HOSTED_ZONE_ID = 'Z0C1A551CWEIR0';

function describeListener(listener: Listener): shapes.ListenerDescription {
  const { sslCertificateId } = listener;
  return {
    Listener: {
      Protocol: listener.protocol,
      LoadBalancerPort: listener.loadBalancerPort,
      InstanceProtocol: listener.instanceProtocol,
      InstancePort: listener.instancePort,
      ...(sslCertificateId === undefined ? {} : { SSLCertificateId: sslCertificateId }),
    },
    PolicyNames: listener.policyNames,
  };
}

function attributeOf(policy: Policy, name: string): string | undefined {
  return policy.attributes.find((attribute) => attribute.name === name)?.value;
}

/** Stickiness policies with their one attribute, all others by name. */
function describePolicies(policies: readonly Policy[]): shapes.Policies {
  const ofType = (type: string): readonly Policy[] => policies.filter(({ policyTypeName }) => policyTypeName === type);
  const [app, lb] = [ofType('AppCookieStickinessPolicyType'), ofType('LBCookieStickinessPolicyType')];
  return {
    AppCookieStickinessPolicies: app.map((policy) => {
      return { PolicyName: policy.policyName, CookieName: attributeOf(policy, 'CookieName') ?? '' };
    }),
    LBCookieStickinessPolicies: lb.map((policy) => {
      const period = attributeOf(policy, 'CookieExpirationPeriod');
      return {
        PolicyName: policy.policyName,
        ...(period === undefined ? {} : { CookieExpirationPeriod: Number(period) }),
      };
    }),
    OtherPolicies: policies
      .filter((policy) => !app.includes(policy) && !lb.includes(policy))
      .map(({ policyName }) => policyName),
  };
}

/** The group that instances let the load balancer in by; EC2-Classic has one that belongs to AWS. */
function describeSourceGroup(group: SecurityGroupIdentity | undefined): shapes.SourceSecurityGroup {
  if (group === undefined) return { OwnerAlias: 'amazon-elb', GroupName: 'amazon-elb-sg' };
  return { OwnerAlias: group.ownerId, GroupName: group.name };
}

function describeLoadBalancer(
  record: LoadBalancer,
  configuration: Pick<Configuration, 'securityGroups'>,
): shapes.LoadBalancerDescription {
  const [first] = record.securityGroups;
  const group = first === undefined ? undefined : securityGroupIdentity(configuration, first, record.accountId);
  return {
    LoadBalancerName: record.name,
    DNSName: record.dnsName,
    CanonicalHostedZoneName: record.dnsName,
    CanonicalHostedZoneNameID: HOSTED_ZONE_ID,
    ListenerDescriptions: record.listeners.map(describeListener),
    Policies: describePolicies(record.policies),
    BackendServerDescriptions: record.backendServerPolicies.map(({ instancePort, policyNames }) => {
      return { InstancePort: instancePort, PolicyNames: policyNames };
    }),
    AvailabilityZones: record.zones,
    Subnets: record.subnets,
    // Tools look for the source security group in this VPC.
    ...(record.vpcId === '' ? {} : { VPCId: group?.vpcId ?? record.vpcId }),
    Instances: describeInstances(record),
    HealthCheck: describeHealthCheck(record.healthCheck),
    SourceSecurityGroup: describeSourceGroup(group),
    SecurityGroups: record.securityGroups,
    CreatedTime: new Date(record.createdTimeMs),
    Scheme: record.scheme,
  };
}

/** Those named, or all; by name either way, so that markers hold. */
function describeLoadBalancers(
  input: shapes.DescribeAccessPointsInput,
  context: CallContext,
): Decision<shapes.DescribeAccessPointsOutput> | ElbFault {
  let records = ownLoadBalancers(context);
  const names = input.LoadBalancerNames ?? [];
  if (names.length > 0) {
    const named = new Set<LoadBalancer>();
    for (const name of names) {
      const record = find(context, name);
      if (record instanceof Fault) return record;
      named.add(record);
    }
    records = records.filter((record) => named.has(record));
  }
  const page = paginate(records, ({ name }) => name.toLowerCase(), input);
  if (page instanceof Fault) return page;
  return answer({
    LoadBalancerDescriptions: page.items.map((record) => describeLoadBalancer(record, context.configuration)),
    ...(page.nextMarker === undefined ? {} : { NextMarker: page.nextMarker }),
  });
}

export const describeHandlers = {
  DescribeLoadBalancers: { mutates: false, decide: describeLoadBalancers },
} satisfies { DescribeLoadBalancers: Handler<'DescribeLoadBalancers'> };
