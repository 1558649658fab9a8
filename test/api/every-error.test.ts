/**
 * A walk over the AWS models' errors: each is provoked by a client, and comes with its code and status. One that no
 * call can provoke here stands below by name, with the reason.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import * as acm from '@aws-sdk/client-acm';
import * as elb from '@aws-sdk/client-elastic-load-balancing';
import * as iam from '@aws-sdk/client-iam';
import type { ServiceModel } from '../../src/api/codec/model.ts';
import { acmModel } from '../../src/api/services/acm/model.ts';
import { elbModel } from '../../src/api/services/elb/model.ts';
import { iamModel } from '../../src/api/services/iam/model.ts';
import { Ec2Directory } from '../../src/control/ec2-directory.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { acmArnPrefix, iamCertificateArn } from '../../src/model/certificate.ts';
import { CERTIFICATES, POLICIES } from '../../src/model/limits.ts';
import { certificateChange } from '../../src/store/store.ts';
import { ApiHarness, KEY, OTHER_ACCOUNT, type Refused } from '../support/api.ts';
import { Ec2Server, errorXml } from '../support/ec2-server.ts';
import { issue, sampleCertificate } from '../support/issued.ts';

const NAME = { LoadBalancerName: 'web' };
const HTTP = { Protocol: 'HTTP', LoadBalancerPort: 80, InstancePort: 8080 };
const ZONES = { AvailabilityZones: ['us-east-1a'] };
const MISSING_ARN = 'arn:aws:acm:us-east-1:000000000000:certificate/00000000-0000-4000-8000-000000000000';

const leaf = issue();
const other = issue();

/** Errors that no call can provoke, and why. */
const NOT_HERE: Readonly<Record<string, string>> = {
  OperationNotPermitted:
    'AWS forbids what its own services have made (a load balancer of Elastic Beanstalk, an account that may not have ' +
    'Classic Load Balancers any more): here nobody but the caller owns anything. A read-only key gets AccessDenied.',
};

let harness: ApiHarness;
let iamClient: iam.IAMClient;
let acmClient: acm.ACMClient;
/** Of an account whose quotas are used up. */
let fullIam: iam.IAMClient;
let fullAcm: acm.ACMClient;

/** By code: the call that is refused with it. */
type Cases = Readonly<Record<string, (test: TestContext) => Promise<Refused>>>;

/** Any command: what the client takes is one class of many. */
function refusedElb(command: object): Promise<Refused> {
  return harness.refused(() => harness.elb.send(command as elb.DescribeLoadBalancersCommand));
}

function refusedCreate(more: Partial<elb.CreateLoadBalancerCommandInput>): Promise<Refused> {
  const input = { LoadBalancerName: 'new', Listeners: [HTTP], ...ZONES, ...more };
  return refusedElb(new elb.CreateLoadBalancerCommand(input));
}

function refusedPolicy(PolicyName: string, PolicyTypeName = 'ProxyProtocolPolicyType'): Promise<Refused> {
  const PolicyAttributes = [{ AttributeName: 'ProxyProtocol', AttributeValue: 'true' }];
  const input = { ...NAME, PolicyName, PolicyTypeName, PolicyAttributes };
  return refusedElb(new elb.CreateLoadBalancerPolicyCommand(input));
}

function modify(Key: string, Value: string): elb.ModifyLoadBalancerAttributesCommand {
  const LoadBalancerAttributes = { AdditionalAttributes: [{ Key, Value }] };
  return new elb.ModifyLoadBalancerAttributesCommand({ ...NAME, LoadBalancerAttributes });
}

/** An API that asks an EC2 endpoint, which has had enough of it. */
async function throttled(test: TestContext): Promise<Refused> {
  const server = await Ec2Server.start(test);
  server.misbehave = (response) => void response.writeHead(503).end(errorXml('RequestLimitExceeded', 'Slow down.'));
  const silent = (): void => undefined;
  const ec2 = new Ec2Directory({
    clock: systemClock,
    log: { debug: silent, info: silent, warn: silent, error: silent },
    endpoint: () => ({ url: server.url, region: 'us-east-1' }),
    key: () => KEY,
    registered: () => [],
    onNetwork: silent,
    onRefresh: silent,
  });
  const asking = await ApiHarness.start({ ec2 });
  test.after(async () => {
    ec2.stop();
    await asking.stop();
  });
  const input = { LoadBalancerName: 'new', Listeners: [HTTP], ...ZONES };
  return asking.refused(() => asking.elb.send(new elb.CreateLoadBalancerCommand(input)));
}

const ELB: Cases = {
  LoadBalancerNotFound: () => refusedElb(new elb.DescribeLoadBalancersCommand({ LoadBalancerNames: ['absent'] })),
  CertificateNotFound: () =>
    refusedCreate({ Listeners: [{ ...HTTP, Protocol: 'HTTPS', SSLCertificateId: MISSING_ARN }] }),
  DependencyThrottle: throttled,
  DuplicateLoadBalancerName: () => refusedCreate({ ...NAME, Scheme: 'internal' }),
  DuplicateListener: () =>
    refusedElb(new elb.CreateLoadBalancerListenersCommand({ ...NAME, Listeners: [{ ...HTTP, InstancePort: 81 }] })),
  DuplicatePolicyName: async () => {
    const sticky = { ...NAME, PolicyName: 'sticky', CookieExpirationPeriod: 60 };
    await harness.elb.send(new elb.CreateLBCookieStickinessPolicyCommand(sticky));
    return refusedPolicy('sticky');
  },
  DuplicateTagKeys: () => refusedCreate({ Tags: [{ Key: 'a' }, { Key: 'a' }] }),
  InvalidConfigurationRequest: () => refusedCreate({ Listeners: [{ ...HTTP, InstanceProtocol: 'TCP' }] }),
  InvalidInstance: () => {
    const input = { ...NAME, Instances: [{ InstanceId: 'i-absent' }] };
    return refusedElb(new elb.RegisterInstancesWithLoadBalancerCommand(input));
  },
  InvalidScheme: () => refusedCreate({ Scheme: 'hidden' }),
  InvalidSecurityGroup: () => refusedCreate({ SecurityGroups: ['group'] }),
  InvalidSubnet: () => refusedCreate({ AvailabilityZones: [], Subnets: ['net'] }),
  ListenerNotFound: () => {
    const input = { ...NAME, LoadBalancerPort: 81, PolicyNames: [] };
    return refusedElb(new elb.SetLoadBalancerPoliciesOfListenerCommand(input));
  },
  LoadBalancerAttributeNotFound: () => refusedElb(modify('elb.http.unheard-of', 'true')),
  PolicyNotFound: () => refusedElb(new elb.DescribeLoadBalancerPoliciesCommand({ ...NAME, PolicyNames: ['absent'] })),
  PolicyTypeNotFound: () => refusedPolicy('odd', 'OddPolicyType'),
  SubnetNotFound: () => refusedCreate({ AvailabilityZones: [], Subnets: ['subnet-absent'] }),
  TooManyLoadBalancers: async (test) => {
    const limits = { loadBalancers: 1, listeners: 100, instances: 1000 };
    const small = await ApiHarness.start({ configuration: { limits } });
    test.after(() => small.stop());
    const make = (LoadBalancerName: string) =>
      small.elb.send(new elb.CreateLoadBalancerCommand({ LoadBalancerName, Listeners: [HTTP], ...ZONES }));
    await make('only');
    return small.refused(() => make('second'));
  },
  TooManyPolicies: async () => {
    for (let number = 0; number < POLICIES.maxCount - 1; number++) {
      const input = { ...NAME, PolicyName: `app-${number}`, CookieName: 'id' };
      await harness.elb.send(new elb.CreateAppCookieStickinessPolicyCommand(input));
    }
    return refusedPolicy('last');
  },
  TooManyTags: () => refusedCreate({ Tags: Array.from({ length: 51 }, (_, index) => ({ Key: `key-${index}` })) }),
  UnsupportedProtocol: () => refusedCreate({ Listeners: [{ ...HTTP, Protocol: 'UDP' }] }),
};

function upload(more: Partial<iam.UploadServerCertificateCommandInput> = {}, by = iamClient) {
  const { certificate: CertificateBody, privateKey: PrivateKey } = leaf;
  const input = { ServerCertificateName: 'other', CertificateBody, PrivateKey, ...more };
  return by.send(new iam.UploadServerCertificateCommand(input));
}

const refusedUpload = (more: Partial<iam.UploadServerCertificateCommandInput>): Promise<Refused> =>
  harness.refused(() => upload(more));

/** A listener that has the certificate. */
async function use(sslCertificateId: string, loadBalancerPort: number): Promise<void> {
  const listener = {
    ...HTTP,
    Protocol: 'HTTPS',
    LoadBalancerPort: loadBalancerPort,
    SSLCertificateId: sslCertificateId,
  };
  await harness.elb.send(new elb.CreateLoadBalancerListenersCommand({ ...NAME, Listeners: [listener] }));
}

const IAM: Cases = {
  DeleteConflict: async () => {
    await use(await harness.addCertificate('used'), 443);
    const input = { ServerCertificateName: 'used' };
    return harness.refused(() => iamClient.send(new iam.DeleteServerCertificateCommand(input)));
  },
  EntityAlreadyExists: async () => {
    await upload({ ServerCertificateName: 'twice' });
    return refusedUpload({ ServerCertificateName: 'twice' });
  },
  InvalidInput: () => refusedUpload({ Tags: [{ Key: 'aws:a', Value: 'b' }] }),
  KeyPairMismatch: () => refusedUpload({ PrivateKey: other.privateKey }),
  LimitExceeded: async () => {
    const { maxCount } = CERTIFICATES.iam;
    await fill(maxCount, (number) => {
      const name = `filler-${number}`;
      const { accountId } = OTHER_ACCOUNT;
      return sampleCertificate(name, { accountId, arn: iamCertificateArn(accountId, 'us-east-1', '/', name) });
    });
    return harness.refused(() => upload({}, fullIam));
  },
  MalformedCertificate: () => refusedUpload({ CertificateBody: 'no certificate' }),
  NoSuchEntity: () => {
    const input = { ServerCertificateName: 'absent' };
    return harness.refused(() => iamClient.send(new iam.GetServerCertificateCommand(input)));
  },
};

type Filler = NonNullable<Parameters<typeof certificateChange>[1]>;

async function fill(count: number, make: (number: number) => Filler): Promise<void> {
  const changes = Array.from({ length: count }, (_, number) => {
    const record = make(number);
    return certificateChange(record.arn, record);
  });
  const { outcome } = await harness.store.commit(harness.store.view().revision, changes);
  assert.equal(outcome, 'committed');
}

async function importOne(more: Partial<acm.ImportCertificateCommandInput> = {}, by = acmClient): Promise<string> {
  const [Certificate, PrivateKey] = [Buffer.from(leaf.certificate), Buffer.from(leaf.privateKey)];
  const input = { Certificate, PrivateKey, ...more };
  return (await by.send(new acm.ImportCertificateCommand(input))).CertificateArn!;
}

const refusedImport = (more: Partial<acm.ImportCertificateCommandInput>): Promise<Refused> =>
  harness.refused(() => importOne(more));

const ACM: Cases = {
  InvalidTagException: () => refusedImport({ Tags: [{ Key: 'aws:a' }] }),
  LimitExceededException: async () => {
    const { accountId } = OTHER_ACCOUNT;
    await fill(CERTIFICATES.acm.maxCount, (number) => {
      const id = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
      const { kind, name, path, ...common } = sampleCertificate('filler', { accountId });
      assert.deepEqual([kind, name, path], ['iam', 'filler', '/']);
      const arn = `${acmArnPrefix(accountId, 'us-east-1')}${id}`;
      return { ...common, kind: 'acm', id, arn, region: 'us-east-1', importedTimeMs: 0 };
    });
    const CertificateArn = `${acmArnPrefix(accountId, 'us-east-1')}00000000-0000-4000-8000-000000000000`;
    assert.equal(await importOne({ CertificateArn }, fullAcm), CertificateArn, 'a replacement is not one more');
    return harness.refused(() => importOne({}, fullAcm));
  },
  ResourceInUseException: async () => {
    const CertificateArn = await importOne();
    await use(CertificateArn, 444);
    return harness.refused(() => acmClient.send(new acm.DeleteCertificateCommand({ CertificateArn })));
  },
  ResourceNotFoundException: () => refusedImport({ CertificateArn: MISSING_ARN }),
  TooManyTagsException: () =>
    refusedImport({ Tags: Array.from({ length: 51 }, (_, index) => ({ Key: `key-${index}` })) }),
  ValidationException: () => refusedImport({ Certificate: Buffer.from('no certificate') }),
};

before(async () => {
  harness = await ApiHarness.start();
  const options = { endpoint: harness.endpoint, region: 'us-east-1', credentials: KEY, maxAttempts: 1 };
  iamClient = new iam.IAMClient(options);
  acmClient = new acm.ACMClient(options);
  fullIam = new iam.IAMClient({ ...options, credentials: OTHER_ACCOUNT });
  fullAcm = new acm.ACMClient({ ...options, credentials: OTHER_ACCOUNT });
  await harness.elb.send(new elb.CreateLoadBalancerCommand({ ...NAME, Listeners: [HTTP], ...ZONES }));
});
after(async () => {
  for (const client of [iamClient, acmClient, fullIam, fullAcm]) client.destroy();
  await harness.stop();
});

const SERVICES: readonly (readonly [string, ServiceModel, Cases])[] = [
  ['ELB', elbModel, ELB],
  ['IAM', iamModel, IAM],
  ['ACM', acmModel, ACM],
];

for (const [service, { errors }, cases] of SERVICES) {
  describe(`the errors of ${service}`, () => {
    // Clients know the exception of ACM's JSON protocol by its name, the others by their code.
    const codes = Object.entries(errors).map(([name, { code, status }]) => {
      return [service === 'ACM' ? name : code, status] as const;
    });

    it('each have a call that is refused with it, or a reason why there is none', () => {
      const here = codes.map(([code]) => code).filter((code) => !Object.hasOwn(NOT_HERE, code));
      assert.deepEqual(Object.keys(cases).toSorted(), here.toSorted());
    });

    for (const [code, status] of codes) {
      if (!Object.hasOwn(cases, code)) continue;
      it(code, async (test) => {
        const refused = await cases[code]!(test);
        assert.deepEqual([refused.code, refused.status], [code, status]);
        assert.match(refused.message, /\S/);
        assert.match(refused.requestId ?? '', /^[0-9a-f-]{36}$/);
      });
    }
  });
}
