import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import {
  CreateLoadBalancerCommand,
  DeleteLoadBalancerCommand,
  DescribeLoadBalancersCommand,
  paginateDescribeLoadBalancers,
} from '@aws-sdk/client-elastic-load-balancing';
import type { CreateLoadBalancerCommandInput, Listener } from '@aws-sdk/client-elastic-load-balancing';
import { DEFAULT_SECURITY_GROUP_ID, DEFAULT_VPC_ID, defaultSubnetId } from '../../src/model/network.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { ApiHarness, OTHER_ACCOUNT } from '../support/api.ts';
import type { Refused } from '../support/api.ts';

const HTTP: Listener = { Protocol: 'HTTP', LoadBalancerPort: 80, InstanceProtocol: 'HTTP', InstancePort: 8080 };
const TCP: Listener = { Protocol: 'TCP', LoadBalancerPort: 6379, InstancePort: 6379 };

let harness: ApiHarness;
let count = 0;
/** A name that no test has used. */
let name = '';

function create(more: Partial<CreateLoadBalancerCommandInput> = {}, client = harness.elb) {
  const input = { LoadBalancerName: name, Listeners: [HTTP], AvailabilityZones: ['us-east-1a'], ...more };
  return client.send(new CreateLoadBalancerCommand(input));
}

function refused(more: Partial<CreateLoadBalancerCommandInput>): Promise<Refused> {
  return harness.refused(() => create(more));
}

async function describeOne(LoadBalancerName = name) {
  const output = await harness.elb.send(new DescribeLoadBalancersCommand({ LoadBalancerNames: [LoadBalancerName] }));
  return output.LoadBalancerDescriptions![0]!;
}

before(async () => {
  const configuration = {
    subnets: { 'subnet-1': 'us-east-1a', 'subnet-2': 'us-east-1a', 'subnet-3': 'us-east-1b' },
    securityGroups: { 'sg-web': { ingress: [] } },
    limits: { loadBalancers: 100, listeners: 3, instances: 5 },
  };
  harness = await ApiHarness.start({ configuration });
});
after(() => harness.stop());
beforeEach(() => {
  name = `lb-${++count}`;
});

describe('CreateLoadBalancer', () => {
  it('makes a load balancer that is described with everything AWS describes', async () => {
    const { DNSName } = await create({
      Listeners: [HTTP, { ...TCP, Protocol: 'tcp' }],
      AvailabilityZones: ['us-east-1b', 'us-east-1a'],
      Tags: [{ Key: 'team', Value: 'web' }],
    });
    assert.match(DNSName!, new RegExp(`^${name}-[0-9]{10}\\.us-east-1\\.elb\\.localhost$`));
    const { CreatedTime, CanonicalHostedZoneNameID, ...described } = await describeOne();
    assert.ok(Math.abs(CreatedTime!.getTime() - systemClock.epochMs()) < 60_000);
    assert.match(CanonicalHostedZoneNameID!, /^Z[A-Z0-9]{13}$/);
    assert.deepEqual(described, {
      LoadBalancerName: name,
      DNSName,
      CanonicalHostedZoneName: DNSName,
      ListenerDescriptions: [
        { Listener: HTTP, PolicyNames: [] },
        { Listener: { ...TCP, InstanceProtocol: 'TCP' }, PolicyNames: [] },
      ],
      Policies: { AppCookieStickinessPolicies: [], LBCookieStickinessPolicies: [], OtherPolicies: [] },
      BackendServerDescriptions: [],
      AvailabilityZones: ['us-east-1b', 'us-east-1a'],
      Subnets: ['us-east-1b', 'us-east-1a'].map(defaultSubnetId),
      VPCId: DEFAULT_VPC_ID,
      Instances: [],
      HealthCheck: { Target: 'TCP:8080', Interval: 30, Timeout: 5, UnhealthyThreshold: 2, HealthyThreshold: 10 },
      SourceSecurityGroup: { OwnerAlias: '000000000000', GroupName: 'default' },
      SecurityGroups: [DEFAULT_SECURITY_GROUP_ID],
      Scheme: 'internet-facing',
    });
  });

  it('places by subnets, security groups and scheme', async () => {
    const { DNSName } = await create({
      AvailabilityZones: [],
      Subnets: ['subnet-3', 'subnet-1'],
      SecurityGroups: ['sg-web'],
      Scheme: 'internal',
    });
    assert.ok(DNSName!.startsWith(`internal-${name}-`));
    const described = await describeOne();
    assert.deepEqual(described.Subnets, ['subnet-3', 'subnet-1']);
    assert.deepEqual(described.AvailabilityZones, ['us-east-1b', 'us-east-1a']);
    assert.deepEqual(described.SecurityGroups, ['sg-web']);
    assert.deepEqual(described.SourceSecurityGroup, { OwnerAlias: '000000000000', GroupName: 'sg-web' });
    assert.equal(described.Scheme, 'internal');
    assert.match(harness.record(name).address, /^127\.42\.0\./);
  });

  it('succeeds again with the same parameters, in any order and letter case, and changes nothing', async () => {
    const zones = ['us-east-1a', 'us-east-1b'];
    const first = await create({ Listeners: [HTTP, TCP], AvailabilityZones: zones });
    const { revision } = harness.store.view();
    const again = await create({
      LoadBalancerName: name.toUpperCase(),
      Listeners: [TCP, { ...HTTP, Protocol: 'http' }],
      AvailabilityZones: zones.toReversed(),
    });
    assert.equal(again.DNSName, first.DNSName);
    assert.equal(harness.store.view().revision, revision);
  });

  it('DuplicateLoadBalancerName: the same name with any other parameter', async () => {
    await create();
    for (const more of [
      { Listeners: [{ ...HTTP, InstancePort: 81 }] },
      { Listeners: [HTTP, TCP] },
      { AvailabilityZones: ['us-east-1b'] },
      { Scheme: 'internal' },
      { SecurityGroups: ['sg-web'] },
      { Tags: [{ Key: 'a', Value: 'b' }] },
    ]) {
      const { code, status, message, type, requestId } = await refused(more);
      assert.deepEqual([code, status, type], ['DuplicateLoadBalancerName', 400, 'Sender']);
      assert.equal(
        message,
        `Load Balancer named '${name}' already exists and it is configured with different parameters.`,
      );
      assert.match(requestId!, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
    const Tags = [{ Key: 'a', Value: 'b' }];
    await create({ LoadBalancerName: `${name}-t`, Tags });
    const other = await refused({ LoadBalancerName: `${name}-t`, Tags: [{ Key: 'a', Value: 'c' }] });
    assert.equal(other.code, 'DuplicateLoadBalancerName');
  });

  it('ValidationError: a name that is empty, too long, or has other characters than letters, digits and inner hyphens', async () => {
    const cases = { '': 'empty', a_b: 'letters', é: 'letters', '-a': 'begin', 'a-': 'end', ['a'.repeat(33)]: '32' };
    for (const [LoadBalancerName, expected] of Object.entries(cases)) {
      const { code, message } = await refused({ LoadBalancerName });
      assert.equal(code, 'ValidationError');
      assert.match(message, new RegExp(`^LoadBalancer name .*${expected}`), LoadBalancerName);
    }
    await create({ LoadBalancerName: 'a'.repeat(32) });
  });

  it('ValidationError: no listener, zones and subnets both or neither, an unknown zone', async () => {
    const cases: readonly (readonly [Partial<CreateLoadBalancerCommandInput>, string])[] = [
      [{ Listeners: [] }, 'At least one listener must be specified'],
      [{ AvailabilityZones: [] }, 'Either AvailabilityZones or SubnetIds must be specified'],
      [{ Subnets: ['subnet-1'] }, 'Only one of SubnetIds or AvailabilityZones may be specified'],
      [
        { AvailabilityZones: ['eu-west-1a'] },
        "Invalid Availability Zone: 'eu-west-1a'. The zones are us-east-1a, us-east-1b, us-east-1c.",
      ],
    ];
    for (const [more, expected] of cases) {
      const { code, message } = await refused(more);
      assert.deepEqual([code, message], ['ValidationError', expected]);
    }
  });

  it('ValidationError: required members that are missing, all named at once', async () => {
    const call = () => harness.elb.send(new CreateLoadBalancerCommand({} as CreateLoadBalancerCommandInput));
    const { code, message } = await harness.refused(call);
    assert.equal(code, 'ValidationError');
    assert.match(message, /^2 validation errors detected: .*'loadBalancerName'.*'listeners'/);
  });

  it('SubnetNotFound: a subnet that is neither configured nor a default one', async () => {
    const { code, message } = await refused({ AvailabilityZones: [], Subnets: ['subnet-9'] });
    assert.deepEqual([code, message], ['SubnetNotFound', "The subnet ID 'subnet-9' does not exist"]);
  });

  it('InvalidConfigurationRequest: two subnets of one zone', async () => {
    const { code, status, message } = await refused({ AvailabilityZones: [], Subnets: ['subnet-1', 'subnet-2'] });
    assert.deepEqual([code, status], ['InvalidConfigurationRequest', 409]);
    assert.match(message, /subnet-1 and subnet-2 are in us-east-1a/);
  });

  it('InvalidSecurityGroup: a group that is not configured', async () => {
    const { code, message } = await refused({ SecurityGroups: ['sg-other'] });
    assert.deepEqual([code, message], ['InvalidSecurityGroup', "The security group 'sg-other' does not exist"]);
  });

  it('InvalidScheme: neither internet-facing nor internal', async () => {
    assert.equal((await refused({ Scheme: 'public' })).code, 'InvalidScheme');
  });

  it('InvalidConfigurationRequest: more listeners than the limit', async () => {
    const Listeners = [1, 2, 3, 4].map((port) => ({ ...TCP, LoadBalancerPort: port }));
    const { code, message } = await refused({ Listeners });
    assert.deepEqual(
      [code, message],
      [
        'InvalidConfigurationRequest',
        'A load balancer can have at most 3 listeners (limits.listeners in the configuration).',
      ],
    );
  });

  it('TooManyTags, DuplicateTagKeys, ValidationError: tags of a new load balancer are checked like any', async () => {
    const tags = Array.from({ length: 51 }, (_, index) => ({ Key: `k${index}`, Value: '' }));
    assert.equal((await refused({ Tags: tags })).code, 'TooManyTags');
    assert.equal((await refused({ Tags: [{ Key: 'a' }, { Key: 'a', Value: 'b' }] })).code, 'DuplicateTagKeys');
    assert.equal((await refused({ Tags: [{ Key: 'aws:x', Value: 'b' }] })).code, 'ValidationError');
  });
});

describe('accounts and regions', () => {
  it('each have their own load balancers', async () => {
    await create();
    const elsewhere = harness.client(undefined, 'eu-central-1');
    const somebodyElse = harness.client(OTHER_ACCOUNT);
    const { DNSName } = await create({ AvailabilityZones: ['eu-central-1c'] }, elsewhere);
    assert.match(DNSName!, /\.eu-central-1\.elb\.localhost$/);
    await create({ Listeners: [TCP] }, somebodyElse);
    for (const client of [elsewhere, somebodyElse]) {
      const all = await client.send(new DescribeLoadBalancersCommand({}));
      assert.deepEqual(
        all.LoadBalancerDescriptions!.map(({ LoadBalancerName }) => LoadBalancerName),
        [name],
      );
    }
    assert.equal((await describeOne()).SourceSecurityGroup!.OwnerAlias, '000000000000');
    assert.equal(harness.record(name, '111111111111').listeners[0]!.protocol, 'TCP');
  });
});

describe('DescribeLoadBalancers', () => {
  it('LoadBalancerNotFound: any name that does not exist', async () => {
    await create();
    const call = () => harness.elb.send(new DescribeLoadBalancersCommand({ LoadBalancerNames: [name, 'absent'] }));
    const { code, status, message } = await harness.refused(call);
    assert.deepEqual(
      [code, status, message],
      ['LoadBalancerNotFound', 400, "There is no ACTIVE Load Balancer named 'absent'"],
    );
  });

  it('answers in pages of any size, by name, while load balancers come and go', async () => {
    const client = harness.client(undefined, 'ap-south-1');
    const names = ['Page-a', 'page-B', 'page-c', 'page-d', 'page-e'];
    for (const LoadBalancerName of names.toReversed()) {
      await create({ LoadBalancerName, AvailabilityZones: ['ap-south-1a'] }, client);
    }
    for (const pageSize of [1, 2, 4, 5, 400]) {
      const seen: string[] = [];
      for await (const page of paginateDescribeLoadBalancers({ client }, { PageSize: pageSize })) {
        assert.ok(page.LoadBalancerDescriptions!.length <= pageSize);
        seen.push(...page.LoadBalancerDescriptions!.map(({ LoadBalancerName }) => LoadBalancerName!));
      }
      assert.deepEqual(seen, names);
    }
    const first = await client.send(new DescribeLoadBalancersCommand({ PageSize: 2 }));
    await client.send(new DeleteLoadBalancerCommand({ LoadBalancerName: 'page-B' }));
    const second = await client.send(new DescribeLoadBalancersCommand({ PageSize: 2, Marker: first.NextMarker }));
    assert.deepEqual(
      second.LoadBalancerDescriptions!.map(({ LoadBalancerName }) => LoadBalancerName),
      ['page-c', 'page-d'],
    );
  });

  it('ValidationError: a page size out of range, a marker that is none', async () => {
    for (const [input, expected] of [
      [{ PageSize: 0 }, /'0' at 'pageSize'.*greater than or equal to 1/],
      [{ PageSize: 401 }, /'401' at 'pageSize'.*less than or equal to 400/],
      [{ Marker: 'x' }, /Invalid Marker 'x'/],
    ] as const) {
      const { code, message } = await harness.refused(() => harness.elb.send(new DescribeLoadBalancersCommand(input)));
      assert.equal(code, 'ValidationError');
      assert.match(message, expected);
    }
  });
});

describe('DeleteLoadBalancer', () => {
  it('deletes, in any letter case, and succeeds for one that is not there', async () => {
    await create();
    await harness.elb.send(new DeleteLoadBalancerCommand({ LoadBalancerName: name.toUpperCase() }));
    await assert.rejects(describeOne(), { Code: 'LoadBalancerNotFound' });
    const { revision } = harness.store.view();
    await harness.elb.send(new DeleteLoadBalancerCommand({ LoadBalancerName: name }));
    assert.equal(harness.store.view().revision, revision);
  });
});

describe('TooManyLoadBalancers', () => {
  it('is the answer beyond the limit of an account in a region, but not to the same load balancer again', async () => {
    const small = await ApiHarness.start({
      configuration: { limits: { loadBalancers: 2, listeners: 100, instances: 1000 } },
    });
    try {
      const make = (LoadBalancerName: string, region = 'us-east-1') =>
        create({ LoadBalancerName, AvailabilityZones: [`${region}a`] }, small.client(undefined, region));
      await make('a');
      await make('b');
      await make('a');
      await make('c', 'us-west-2');
      const { code, message } = await small.refused(() => make('c'));
      assert.equal(code, 'TooManyLoadBalancers');
      assert.match(message, /account 000000000000: at most 2 load balancers/);
    } finally {
      await small.stop();
    }
  });
});

describe('the platform ec2-classic', () => {
  it('has zones only, and the source security group of AWS', async () => {
    const classic = await ApiHarness.start({ configuration: { platform: 'ec2-classic' } });
    try {
      await create({}, classic.elb);
      const { LoadBalancerDescriptions } = await classic.elb.send(new DescribeLoadBalancersCommand({}));
      const described = LoadBalancerDescriptions![0]!;
      assert.equal(described.VPCId, undefined);
      assert.deepEqual([described.Subnets, described.SecurityGroups], [[], []]);
      assert.deepEqual(described.SourceSecurityGroup, { OwnerAlias: 'amazon-elb', GroupName: 'amazon-elb-sg' });
      for (const [more, expected] of [
        [{ AvailabilityZones: [], Subnets: ['subnet-1'] }, 'InvalidConfigurationRequest'],
        [{ SecurityGroups: ['sg-1'] }, 'InvalidConfigurationRequest'],
        [{ Scheme: 'internal' }, 'InvalidScheme'],
        [{ Scheme: 'x' }, 'InvalidScheme'],
        [{ AvailabilityZones: ['x'] }, 'ValidationError'],
      ] as const) {
        const { code } = await classic.refused(() =>
          create({ LoadBalancerName: 'other', ...more } as never, classic.elb),
        );
        assert.equal(code, expected);
      }
    } finally {
      await classic.stop();
    }
  });
});
