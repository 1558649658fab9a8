import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import {
  CreateLoadBalancerCommand,
  CreateLoadBalancerListenersCommand,
  DescribeLoadBalancerPoliciesCommand,
  DescribeLoadBalancersCommand,
  SetLoadBalancerListenerSSLCertificateCommand,
  SetLoadBalancerPoliciesOfListenerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import type { Listener } from '@aws-sdk/client-elastic-load-balancing';
import { acmArnPrefix } from '../../src/model/certificate.ts';
import { certificateChange } from '../../src/store/store.ts';
import { ApiHarness } from '../support/api.ts';

const DEFAULT = 'ELBSecurityPolicy-2016-08';
const HTTP: Listener = { Protocol: 'HTTP', LoadBalancerPort: 80, InstanceProtocol: 'HTTP', InstancePort: 8080 };

let harness: ApiHarness;
let count = 0;
let name = '';
let web = '';
let other = '';

function https(overrides: Partial<Listener> = {}): Listener {
  return { ...HTTP, Protocol: 'HTTPS', LoadBalancerPort: 443, SSLCertificateId: web, ...overrides };
}

function create(...Listeners: Listener[]) {
  const input = { LoadBalancerName: name, Listeners, AvailabilityZones: ['us-east-1a'] };
  return harness.elb.send(new CreateLoadBalancerCommand(input));
}

function add(...Listeners: Listener[]) {
  return harness.elb.send(new CreateLoadBalancerListenersCommand({ LoadBalancerName: name, Listeners }));
}

function setCertificate(SSLCertificateId: string, LoadBalancerPort = 443) {
  const input = { LoadBalancerName: name, LoadBalancerPort, SSLCertificateId };
  return harness.elb.send(new SetLoadBalancerListenerSSLCertificateCommand(input));
}

async function described() {
  const command = new DescribeLoadBalancersCommand({ LoadBalancerNames: [name] });
  return (await harness.elb.send(command)).LoadBalancerDescriptions![0]!;
}

before(async () => {
  harness = await ApiHarness.start({ configuration: { limits: { loadBalancers: 100, listeners: 9, instances: 9 } } });
  web = await harness.addCertificate('web');
  other = await harness.addCertificate('other');
});
after(() => harness.stop());
beforeEach(() => {
  name = `tls-${++count}`;
});

describe('HTTPS and SSL listeners', () => {
  it('come in every pair, and are described with their certificate', async () => {
    const pairs: Listener[] = [
      https(),
      https({ LoadBalancerPort: 444, InstanceProtocol: 'HTTPS', InstancePort: 8443 }),
      https({ LoadBalancerPort: 445, Protocol: 'SSL', InstanceProtocol: 'TCP', InstancePort: 9000 }),
      https({ LoadBalancerPort: 446, Protocol: 'SSL', InstanceProtocol: 'SSL', InstancePort: 9443 }),
      { ...HTTP, LoadBalancerPort: 81, InstanceProtocol: 'HTTPS', InstancePort: 8443 },
      { ...HTTP, LoadBalancerPort: 82, Protocol: 'TCP', InstanceProtocol: 'SSL', InstancePort: 9443 },
    ];
    await create(...pairs);
    const { ListenerDescriptions = [] } = await described();
    assert.deepEqual(
      ListenerDescriptions.map(({ Listener }) => Listener),
      pairs,
    );
  });

  it('have the default policy, which the load balancer gets with the first of them', async () => {
    await create(HTTP);
    assert.deepEqual((await described()).Policies?.OtherPolicies, []);
    await add(https(), https({ LoadBalancerPort: 444 }));
    await add(https({ LoadBalancerPort: 445 }));
    const { ListenerDescriptions = [], Policies } = await described();
    assert.deepEqual(
      ListenerDescriptions.map(({ PolicyNames }) => PolicyNames),
      [[], [DEFAULT], [DEFAULT], [DEFAULT]],
    );
    assert.deepEqual(Policies?.OtherPolicies, [DEFAULT]);
    const command = new DescribeLoadBalancerPoliciesCommand({ LoadBalancerName: name });
    const { PolicyDescriptions: [policy] = [] } = await harness.elb.send(command);
    assert.equal(policy?.PolicyTypeName, 'SSLNegotiationPolicyType');
    const [reference, ...rest] = policy?.PolicyAttributeDescriptions ?? [];
    assert.deepEqual(reference, { AttributeName: 'Reference-Security-Policy', AttributeValue: DEFAULT });
    assert.equal(rest.length, 94);
  });

  it('keep the policy that was set when the same listener comes again', async () => {
    await create(HTTP, https());
    const none = { LoadBalancerName: name, LoadBalancerPort: 443, PolicyNames: [] };
    await harness.elb.send(new SetLoadBalancerPoliciesOfListenerCommand(none));
    const { revision } = harness.store.view();
    await add(https());
    await create(HTTP, https());
    assert.equal(harness.store.view().revision, revision);
    assert.deepEqual((await described()).ListenerDescriptions?.[1]?.PolicyNames, []);
  });

  it('DuplicateListener: the same port with another certificate', async () => {
    await create(https());
    assert.equal((await harness.refused(() => add(https({ SSLCertificateId: other })))).code, 'DuplicateListener');
  });

  it('take an ACM certificate, in its region only', async () => {
    const arn = `${acmArnPrefix('000000000000', 'us-east-1')}9d1a0b9e-4c6f-4d5e-9a55-1f2e3d4c5b6a`;
    const iam = harness.store.view().get('certificate', web)!;
    const acm = { ...iam, kind: 'acm', arn, region: 'us-east-1', origin: 'imported', importedTimeMs: 0 } as const;
    await harness.store.commit(harness.store.view().revision, [certificateChange(arn, acm)]);
    await create(https({ SSLCertificateId: arn }));
    const elsewhere = harness.client(undefined, 'eu-west-1');
    const refused = await harness.refused(() =>
      elsewhere.send(
        new CreateLoadBalancerCommand({
          LoadBalancerName: name,
          Listeners: [https({ SSLCertificateId: arn })],
          AvailabilityZones: ['eu-west-1a'],
        }),
      ),
    );
    assert.equal(refused.code, 'CertificateNotFound');
    // IAM certificates are the same in every region.
    await elsewhere.send(
      new CreateLoadBalancerCommand({
        LoadBalancerName: name,
        Listeners: [https()],
        AvailabilityZones: ['eu-west-1a'],
      }),
    );
  });
});

describe('SetLoadBalancerListenerSSLCertificate', () => {
  beforeEach(() => create(HTTP, https()));

  it('replaces the certificate, keeps everything else, and changes nothing for the same again', async () => {
    await setCertificate(other);
    const [, listener] = harness.record(name).listeners;
    assert.equal(listener?.sslCertificateId, other);
    assert.deepEqual(listener?.policyNames, [DEFAULT]);
    const { revision } = harness.store.view();
    await setCertificate(other);
    assert.equal(harness.store.view().revision, revision);
  });

  it('CertificateNotFound: a certificate that is not there', async () => {
    const { code, status, message } = await harness.refused(() => setCertificate(`${web}-gone`));
    assert.deepEqual([code, status], ['CertificateNotFound', 400]);
    assert.equal(message, `Server Certificate not found for the key: ${web}-gone`);
  });

  it('ListenerNotFound: a port without a listener', async () => {
    const { code, status, message } = await harness.refused(() => setCertificate(web, 444));
    assert.deepEqual([code, status], ['ListenerNotFound', 400]);
    assert.equal(message, `There is no listener on port 444 for load balancer ${name}`);
  });

  it('InvalidConfigurationRequest: a listener without encryption', async () => {
    const { code, status, message } = await harness.refused(() => setCertificate(web, 80));
    assert.deepEqual([code, status], ['InvalidConfigurationRequest', 409]);
    assert.match(message, /HTTP listener on port 80 cannot have a SSLCertificateId: only HTTPS and SSL/);
  });

  it('LoadBalancerNotFound: no load balancer of that name', async () => {
    name = 'absent';
    assert.equal((await harness.refused(() => setCertificate(web))).code, 'LoadBalancerNotFound');
  });
});
