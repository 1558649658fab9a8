import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  DescribeAccountAttributesCommand,
  DescribeAvailabilityZonesCommand,
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcAttributeCommand,
  DescribeVpcsCommand,
  EC2Client,
  paginateDescribeSubnets,
} from '@aws-sdk/client-ec2';
import type {
  AccountAttributeName,
  DescribeAvailabilityZonesCommandInput,
  DescribeSubnetsCommandInput,
  Filter,
  VpcAttributeName,
} from '@aws-sdk/client-ec2';
import {
  ApplySecurityGroupsToLoadBalancerCommand,
  CreateLoadBalancerCommand,
  DescribeLoadBalancersCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import { DEFAULT_SECURITY_GROUP_ID, DEFAULT_VPC_ID, defaultSubnetId } from '../../src/model/network.ts';
import { ApiHarness, KEY, READ_ONLY } from '../support/api.ts';

const ACCOUNT = '000000000000';
const ZONES = ['us-east-1a', 'us-east-1b', 'us-east-1c'];
const WEB = [
  { cidr: '10.0.0.0/8', fromPort: 80, toPort: 81 },
  { cidr: 'fd00::/8', fromPort: 443, toPort: 443 },
];

let harness: ApiHarness;
/** With subnets and security groups of the configuration. */
let configured: ApiHarness;
const clients: EC2Client[] = [];

function clientOf({ endpoint }: ApiHarness, region = 'us-east-1', credentials = KEY): EC2Client {
  const client = new EC2Client({ endpoint, region, credentials, maxAttempts: 1 });
  clients.push(client);
  return client;
}

function where(Name: string, ...Values: string[]): { readonly Filters: Filter[] } {
  return { Filters: [{ Name, Values }] };
}

let ec2: EC2Client;
let ec2Configured: EC2Client;

before(async () => {
  harness = await ApiHarness.start();
  const subnets = { 'subnet-web': 'us-east-1b', 'subnet-db': 'us-east-1a' };
  const securityGroups = { 'sg-web': { ingress: WEB }, 'sg-closed': { ingress: [] } };
  configured = await ApiHarness.start({ configuration: { subnets, securityGroups } });
  ec2 = clientOf(harness);
  ec2Configured = clientOf(configured);
});
after(async () => {
  for (const client of clients) client.destroy();
  await harness.stop();
  await configured.stop();
});

describe('DescribeAvailabilityZones', () => {
  it('describes the zones of the region, whole', async () => {
    const { AvailabilityZones = [] } = await ec2.send(new DescribeAvailabilityZonesCommand({}));
    assert.deepEqual(
      AvailabilityZones.map(({ ZoneName, ZoneId }) => [ZoneName, ZoneId]),
      [
        ['us-east-1a', 'use1-az1'],
        ['us-east-1b', 'use1-az2'],
        ['us-east-1c', 'use1-az3'],
      ],
    );
    assert.deepEqual(AvailabilityZones[0], {
      ZoneName: 'us-east-1a',
      ZoneId: 'use1-az1',
      OptInStatus: 'opt-in-not-required',
      Messages: [],
      RegionName: 'us-east-1',
      GroupName: 'us-east-1',
      NetworkBorderGroup: 'us-east-1',
      ZoneType: 'availability-zone',
      State: 'available',
    });
    const elsewhere = clientOf(harness, 'ap-southeast-2');
    const { AvailabilityZones: [first] = [] } = await elsewhere.send(new DescribeAvailabilityZonesCommand({}));
    assert.deepEqual([first?.ZoneName, first?.ZoneId], ['ap-southeast-2a', 'apse2-az1']);
  });

  it('by name, id and filter', async () => {
    const names = async (input: DescribeAvailabilityZonesCommandInput) => {
      const { AvailabilityZones = [] } = await ec2.send(new DescribeAvailabilityZonesCommand(input));
      return AvailabilityZones.map(({ ZoneName }) => ZoneName);
    };
    assert.deepEqual(await names({ ZoneNames: ['us-east-1c', 'us-east-1a'] }), ['us-east-1a', 'us-east-1c']);
    assert.deepEqual(await names({ ZoneIds: ['use1-az2'] }), ['us-east-1b']);
    assert.deepEqual(await names(where('state', 'available')), ZONES);
    assert.deepEqual(await names(where('zone-name', '*c', '*a')), ['us-east-1a', 'us-east-1c']);
  });

  it('InvalidParameterValue: a zone or an id that is not there', async () => {
    for (const input of [{ ZoneNames: ['mars-1a'] }, { ZoneIds: ['mars-az1'] }]) {
      const { code, status, message } = await harness.refused(() =>
        ec2.send(new DescribeAvailabilityZonesCommand(input)),
      );
      assert.deepEqual([code, status], ['InvalidParameterValue', 400]);
      assert.match(message, /^Invalid availability zone(-id)?: \[mars-/);
    }
  });
});

describe('DescribeVpcs', () => {
  it('describes the default VPC', async () => {
    const { Vpcs } = await ec2.send(new DescribeVpcsCommand(where('is-default', 'true')));
    assert.deepEqual(Vpcs, [
      {
        OwnerId: ACCOUNT,
        InstanceTenancy: 'default',
        CidrBlockAssociationSet: [
          {
            AssociationId: 'vpc-cidr-assoc-0c1a551c000000001',
            CidrBlock: '172.31.0.0/16',
            CidrBlockState: { State: 'associated' },
          },
        ],
        IsDefault: true,
        Tags: [],
        VpcId: DEFAULT_VPC_ID,
        State: 'available',
        CidrBlock: '172.31.0.0/16',
        DhcpOptionsId: 'default',
      },
    ]);
    const { Vpcs: same } = await ec2.send(new DescribeVpcsCommand(where('dhcp-options-id', 'default')));
    assert.equal(same?.length, 1);
    const { Vpcs: none } = await ec2.send(new DescribeVpcsCommand(where('tag:Name', 'prod')));
    assert.deepEqual(none, []);
  });

  it('InvalidVpcID.NotFound: another id', async () => {
    const { code, message } = await harness.refused(() => ec2.send(new DescribeVpcsCommand({ VpcIds: ['vpc-1'] })));
    assert.deepEqual([code, message], ['InvalidVpcID.NotFound', "The vpc ID 'vpc-1' does not exist"]);
  });
});

describe('DescribeVpcAttribute', () => {
  const attribute = async (Attribute: VpcAttributeName) => {
    const { $metadata: _, ...rest } = await ec2.send(
      new DescribeVpcAttributeCommand({ VpcId: DEFAULT_VPC_ID, Attribute }),
    );
    return rest;
  };

  it('describes what Terraform asks for of a VPC, one attribute at a time', async () => {
    const VpcId = DEFAULT_VPC_ID;
    assert.deepEqual(await attribute('enableDnsHostnames'), { VpcId, EnableDnsHostnames: { Value: true } });
    assert.deepEqual(await attribute('enableDnsSupport'), { VpcId, EnableDnsSupport: { Value: true } });
    const metrics = await attribute('enableNetworkAddressUsageMetrics');
    assert.deepEqual(metrics, { VpcId, EnableNetworkAddressUsageMetrics: { Value: false } });
  });

  it('InvalidVpcID.NotFound, InvalidParameterValue, MissingParameter', async () => {
    const cases = [
      [{ VpcId: 'vpc-1', Attribute: 'enableDnsSupport' }, 'InvalidVpcID.NotFound'],
      [{ VpcId: DEFAULT_VPC_ID, Attribute: 'toString' as VpcAttributeName }, 'InvalidParameterValue'],
      [{ VpcId: DEFAULT_VPC_ID, Attribute: undefined }, 'MissingParameter'],
      [{ VpcId: undefined, Attribute: 'enableDnsSupport' }, 'MissingParameter'],
    ] as const;
    for (const [input, expected] of cases) {
      const { code, status } = await harness.refused(() => ec2.send(new DescribeVpcAttributeCommand(input)));
      assert.deepEqual([code, status], [expected, 400]);
    }
  });
});

describe('DescribeSubnets', () => {
  it('describes a default subnet for each zone and those of the configuration', async () => {
    const { Subnets = [] } = await ec2Configured.send(new DescribeSubnetsCommand({}));
    assert.deepEqual(
      Subnets.map(({ SubnetId, AvailabilityZone, DefaultForAz }) => [SubnetId, AvailabilityZone, DefaultForAz]),
      [
        ...ZONES.map((zone) => [defaultSubnetId(zone), zone, true]),
        ['subnet-web', 'us-east-1b', false],
        ['subnet-db', 'us-east-1a', false],
      ],
    );
    assert.deepEqual(
      Subnets.map(({ CidrBlock }) => CidrBlock),
      ['172.31.0.0/20', '172.31.16.0/20', '172.31.32.0/20', '172.31.48.0/20', '172.31.64.0/20'],
    );
    const { SubnetArn, ...web } = Subnets[3]!;
    assert.equal(SubnetArn, `arn:aws:ec2:us-east-1:${ACCOUNT}:subnet/subnet-web`);
    assert.deepEqual(web, {
      AvailabilityZoneId: 'use1-az2',
      OwnerId: ACCOUNT,
      AssignIpv6AddressOnCreation: false,
      Ipv6CidrBlockAssociationSet: [],
      Tags: [],
      SubnetId: 'subnet-web',
      State: 'available',
      VpcId: DEFAULT_VPC_ID,
      CidrBlock: '172.31.48.0/20',
      AvailableIpAddressCount: 4091,
      AvailabilityZone: 'us-east-1b',
      DefaultForAz: false,
      MapPublicIpOnLaunch: false,
    });
  });

  it('by id and filter', async () => {
    const ids = async (input: DescribeSubnetsCommandInput) => {
      const { Subnets = [] } = await ec2Configured.send(new DescribeSubnetsCommand(input));
      return Subnets.map(({ SubnetId }) => SubnetId);
    };
    assert.deepEqual(await ids({ SubnetIds: ['subnet-db'] }), ['subnet-db']);
    assert.deepEqual(await ids(where('default-for-az', 'false')), ['subnet-web', 'subnet-db']);
    const inB = [defaultSubnetId('us-east-1b'), 'subnet-web'];
    for (const name of ['availabilityZone', 'availability-zone']) {
      assert.deepEqual(await ids(where(name, 'us-east-1b')), inB);
    }
    for (const name of ['availabilityZoneId', 'availability-zone-id']) {
      assert.deepEqual(await ids(where(name, 'use1-az2')), inB);
    }
    for (const name of ['cidr', 'cidrBlock', 'cidr-block']) {
      assert.deepEqual(await ids(where(name, '172.31.48.0/20')), ['subnet-web']);
    }
    assert.equal((await ids(where('vpc-id', DEFAULT_VPC_ID))).length, 5);
    assert.deepEqual(await ids(where('vpc-id', 'vpc-1')), []);
  });

  it('page by page', async () => {
    const subnets = Object.fromEntries(Array.from({ length: 20 }, (_, number) => [`subnet-${number}`, 'us-east-1a']));
    const big = await ApiHarness.start({ configuration: { subnets } });
    try {
      const pages: number[] = [];
      const seen = new Set<string | undefined>();
      for await (const { Subnets = [] } of paginateDescribeSubnets({ client: clientOf(big), pageSize: 10 }, {})) {
        pages.push(Subnets.length);
        for (const { SubnetId, CidrBlock } of Subnets) seen.add(SubnetId).add(CidrBlock);
      }
      assert.deepEqual(pages, [10, 10, 3]);
      assert.equal(seen.size, 46);
      assert.ok(seen.has('172.31.176.0/21'), 'more than 16 subnets are smaller');
    } finally {
      await big.stop();
    }
  });

  it('InvalidSubnetID.NotFound, InvalidParameterValue, InvalidNextToken', async () => {
    const cases: readonly (readonly [DescribeSubnetsCommandInput, string])[] = [
      [{ SubnetIds: ['subnet-1'] }, 'InvalidSubnetID.NotFound'],
      [where('colour', 'red'), 'InvalidParameterValue'],
      [{ MaxResults: 4 }, 'InvalidParameterValue'],
      [{ MaxResults: 5, NextToken: 'nonsense' }, 'InvalidNextToken'],
    ];
    for (const [input, expected] of cases) {
      const { code, status } = await harness.refused(() => ec2.send(new DescribeSubnetsCommand(input)));
      assert.deepEqual([code, status], [expected, 400]);
    }
  });
});

describe('DescribeSecurityGroups', () => {
  it('describes the default group and those of the configuration, with their rules', async () => {
    const { SecurityGroups = [] } = await ec2Configured.send(new DescribeSecurityGroupsCommand({}));
    assert.deepEqual(
      SecurityGroups.map(({ GroupId, GroupName }) => [GroupId, GroupName]),
      [
        [DEFAULT_SECURITY_GROUP_ID, 'default'],
        ['sg-web', 'sg-web'],
        ['sg-closed', 'sg-closed'],
      ],
    );
    const rule = (FromPort: number, ToPort: number, ranges: object) => {
      const common = { IpProtocol: 'tcp', FromPort, ToPort, UserIdGroupPairs: [], PrefixListIds: [] };
      return { ...common, IpRanges: [], Ipv6Ranges: [], ...ranges };
    };
    assert.deepEqual(SecurityGroups[1]?.IpPermissions, [
      rule(80, 81, { IpRanges: [{ CidrIp: '10.0.0.0/8' }] }),
      rule(443, 443, { Ipv6Ranges: [{ CidrIpv6: 'fd00::/8' }] }),
    ]);
    assert.deepEqual(SecurityGroups[2]?.IpPermissions, []);
    for (const group of SecurityGroups) {
      assert.equal(group.IpPermissionsEgress?.[0]?.IpProtocol, '-1');
      assert.deepEqual([group.OwnerId, group.VpcId], [ACCOUNT, DEFAULT_VPC_ID]);
      assert.equal(group.SecurityGroupArn, `arn:aws:ec2:us-east-1:${ACCOUNT}:security-group/${group.GroupId}`);
      assert.ok(group.Description);
    }
  });

  it('finds the source security group of a load balancer by name, VPC and owner', async () => {
    const Listeners = [{ Protocol: 'HTTP', LoadBalancerPort: 80, InstancePort: 8080 }];
    const name = { LoadBalancerName: 'web' };
    await harness.elb.send(new CreateLoadBalancerCommand({ ...name, Listeners, AvailabilityZones: ['us-east-1a'] }));
    for (const expected of [DEFAULT_SECURITY_GROUP_ID, 'sg-0123456789abcdef0']) {
      const SecurityGroups = [expected];
      await harness.elb.send(new ApplySecurityGroupsToLoadBalancerCommand({ ...name, SecurityGroups }));
      const described = await harness.elb.send(new DescribeLoadBalancersCommand({ LoadBalancerNames: ['web'] }));
      const { SourceSecurityGroup, VPCId } = described.LoadBalancerDescriptions![0]!;
      const Filters = [
        { Name: 'group-name', Values: [SourceSecurityGroup!.GroupName!] },
        { Name: 'vpc-id', Values: [VPCId!] },
        { Name: 'owner-id', Values: [SourceSecurityGroup!.OwnerAlias!] },
      ];
      const found = await ec2.send(new DescribeSecurityGroupsCommand({ Filters }));
      assert.deepEqual(
        found.SecurityGroups?.map(({ GroupId }) => GroupId),
        [expected],
      );
    }
    const { SecurityGroups: listed = [] } = await ec2.send(new DescribeSecurityGroupsCommand({}));
    assert.deepEqual(
      listed.map(({ GroupId }) => GroupId),
      [DEFAULT_SECURITY_GROUP_ID, 'sg-0123456789abcdef0'],
    );
  });

  it('finds a source security group of the EC2 endpoint here by what it is found by there', async () => {
    const identity = { name: 'web servers', vpcId: 'vpc-1', ownerId: '123456789012' };
    const securityGroups = { 'sg-ec2': { ingress: WEB, ec2: identity }, 'sg-own': { ingress: [] } };
    const known = await ApiHarness.start({ configuration: { securityGroups } });
    try {
      const Listeners = [{ Protocol: 'HTTP', LoadBalancerPort: 80, InstancePort: 8080 }];
      const where = { AvailabilityZones: ['us-east-1a'], SecurityGroups: ['sg-ec2', 'sg-own'] };
      await known.elb.send(new CreateLoadBalancerCommand({ LoadBalancerName: 'web', Listeners, ...where }));
      const described = await known.elb.send(new DescribeLoadBalancersCommand({}));
      const { SourceSecurityGroup: source, VPCId } = described.LoadBalancerDescriptions![0]!;
      assert.deepEqual({ name: source?.GroupName, vpcId: VPCId, ownerId: source?.OwnerAlias }, identity);
      const Filters = [
        { Name: 'group-name', Values: [identity.name] },
        { Name: 'vpc-id', Values: [identity.vpcId] },
        { Name: 'owner-id', Values: [identity.ownerId] },
      ];
      const { SecurityGroups: [group, ...others] = [] } = await clientOf(known).send(
        new DescribeSecurityGroupsCommand({ Filters }),
      );
      assert.deepEqual([group?.GroupId, others], ['sg-ec2', []]);
      assert.equal(group?.SecurityGroupArn, 'arn:aws:ec2:us-east-1:123456789012:security-group/sg-ec2');
    } finally {
      await known.stop();
    }
  });

  it('by id and name; a group that was made elsewhere is described without rules', async () => {
    for (const input of [{ GroupIds: ['sg-elsewhere'] }, { GroupNames: ['sg-elsewhere'] }]) {
      const { SecurityGroups: [group] = [] } = await ec2.send(new DescribeSecurityGroupsCommand(input));
      assert.deepEqual([group?.GroupId, group?.GroupName, group?.IpPermissions], ['sg-elsewhere', 'sg-elsewhere', []]);
    }
    const { SecurityGroups: [standard] = [] } = await ec2.send(
      new DescribeSecurityGroupsCommand({ GroupNames: ['default'] }),
    );
    assert.equal(standard?.GroupId, DEFAULT_SECURITY_GROUP_ID);
  });

  it('InvalidGroup.NotFound, InvalidGroupId.Malformed', async () => {
    for (const [input, code, message] of [
      [{ GroupIds: ['sg-1'] }, 'InvalidGroup.NotFound', "The security group 'sg-1' does not exist"],
      [{ GroupIds: ['web'] }, 'InvalidGroupId.Malformed', 'Invalid id: "web" (expecting "sg-...")'],
      [
        { GroupNames: ['web'] },
        'InvalidGroup.NotFound',
        `The security group 'web' does not exist in default VPC '${DEFAULT_VPC_ID}'`,
      ],
    ] as const) {
      const call = () =>
        ec2Configured.send(
          new DescribeSecurityGroupsCommand(
            'GroupIds' in input ? { GroupIds: [...input.GroupIds] } : { GroupNames: [...input.GroupNames] },
          ),
        );
      const refused = await configured.refused(call);
      assert.deepEqual([refused.code, refused.message], [code, message]);
    }
  });
});

describe('DescribeNetworkInterfaces, DescribeAccountAttributes', () => {
  it('there are no network interfaces, whatever is asked for', async () => {
    const Filters = [
      { Name: 'attachment.instance-owner-id', Values: ['amazon-elb'] },
      { Name: 'description', Values: ['ELB web'] },
    ];
    const { NetworkInterfaces } = await ec2.send(new DescribeNetworkInterfacesCommand({ Filters }));
    assert.deepEqual(NetworkInterfaces, []);
    const NetworkInterfaceIds = ['eni-1'];
    const { code } = await harness.refused(() =>
      ec2.send(new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds })),
    );
    assert.equal(code, 'InvalidNetworkInterfaceID.NotFound');
  });

  it('attributes: the platforms, the default VPC, and the limit on security groups', async () => {
    const { AccountAttributes } = await ec2.send(new DescribeAccountAttributesCommand({}));
    assert.deepEqual(AccountAttributes, [
      { AttributeName: 'supported-platforms', AttributeValues: [{ AttributeValue: 'VPC' }] },
      { AttributeName: 'default-vpc', AttributeValues: [{ AttributeValue: DEFAULT_VPC_ID }] },
      { AttributeName: 'vpc-max-security-groups-per-interface', AttributeValues: [{ AttributeValue: '5' }] },
    ]);
    const AttributeNames = ['default-vpc' as const];
    const named = await ec2.send(new DescribeAccountAttributesCommand({ AttributeNames }));
    assert.equal(named.AccountAttributes?.length, 1);
    const { code } = await harness.refused(() =>
      ec2.send(new DescribeAccountAttributesCommand({ AttributeNames: ['max-instances' as AccountAttributeName] })),
    );
    assert.equal(code, 'InvalidParameterValue');
  });
});

describe('errors of EC2', () => {
  it('InvalidAction: an action that weir has not, with those that it has', async () => {
    const { code, status, message, requestId } = await harness.refused(() =>
      ec2.send(new DescribeInstancesCommand({})),
    );
    assert.deepEqual([code, status], ['InvalidAction', 400]);
    assert.match(message, /^Could not find operation DescribeInstances .*Of ec2, weir has DescribeAccountAttributes, /);
    assert.match(requestId ?? '', /^[0-9a-f-]{36}$/);
  });

  it('FilterLimitExceeded: more than 200 values in all, or one of more than 255 characters', async () => {
    const values = (count: number): string[] => Array.from({ length: count }, (_, index) => `sg-${index}`);
    const filters = (...counts: number[]) =>
      counts.map((count) => ({ Name: 'group-id', Values: values(count) })) satisfies Filter[];
    const { SecurityGroups } = await ec2.send(new DescribeSecurityGroupsCommand({ Filters: filters(110, 90) }));
    assert.equal(SecurityGroups?.length, 90);
    for (const [Filters, message] of [
      [filters(110, 91), 'The maximum number of filter values specified on a single call is 200'],
      [where('vpc-id', 'x'.repeat(256)).Filters, 'The maximum length for a filter value is 255 characters'],
    ] as const) {
      const refused = await harness.refused(() =>
        ec2.send(new DescribeSecurityGroupsCommand({ Filters: [...Filters] })),
      );
      assert.deepEqual([refused.code, refused.status, refused.message], ['FilterLimitExceeded', 400, message]);
    }
  });

  it('come in the form of EC2 also when the signature is wrong', async () => {
    const stranger = clientOf(harness, 'us-east-1', { ...KEY, secretAccessKey: 'wrong' });
    const { code, status } = await harness.refused(() => stranger.send(new DescribeVpcsCommand({})));
    assert.deepEqual([code, status], ['SignatureDoesNotMatch', 403]);
  });

  it('DryRunOperation: what a dry run is answered', async () => {
    const { code, status } = await harness.refused(() => ec2.send(new DescribeVpcsCommand({ DryRun: true })));
    assert.deepEqual([code, status], ['DryRunOperation', 412]);
  });

  it('ValidationError: parameters of the wrong type, and lists with gaps', async () => {
    const MaxResults = 'many' as unknown as number;
    const { code, message } = await harness.refused(() => ec2.send(new DescribeVpcsCommand({ MaxResults })));
    assert.equal(code, 'ValidationError');
    assert.match(message, /'maxResults' failed to satisfy constraint: Member must be a whole number/);
  });

  it('read-only keys may ask for all of it', async () => {
    const reader = clientOf(harness, 'us-east-1', READ_ONLY);
    assert.equal((await reader.send(new DescribeVpcsCommand({}))).Vpcs?.length, 1);
  });
});
