/** Back-end authentication, and proxy protocol: policies of instance ports. */
import assert from 'node:assert/strict';
import { NAME } from '../site.ts';
import { at, each, type Tutorial } from '../step.ts';

const CREATE = `aws elb create-load-balancer-policy --load-balancer-name ${NAME}`;
const SET = `aws elb set-load-balancer-policies-for-backend-server --load-balancer-name ${NAME}`;
const BOTH = ['i-4f8cf126', 'i-0bb7ca62'] as const;

export const backendAuthentication: Tutorial = {
  page: 'elb-create-https-ssl-load-balancer.md',
  steps: [
    {
      command:
        `aws elb create-load-balancer-listeners --load-balancer-name ${NAME} --listeners ` +
        '"Protocol=HTTPS,LoadBalancerPort=<secure>,InstanceProtocol=HTTPS,InstancePort=443,SSLCertificateId=<new-ARN>"',
      async check(site) {
        await site.servedBy(BOTH, { port: 'secure' });
        const { answered } = await site.get('/', { port: 'secure' });
        assert.equal(answered?.secure, true);
      },
    },
    {
      command: `${CREATE} --policy-name my-PublicKey-policy --policy-type-name PublicKeyPolicyType --policy-attributes AttributeName=PublicKey,AttributeValue=<key-of-i-4f8cf126>`,
      async check(site) {
        await site.servedBy(BOTH, { port: 'secure' });
      },
    },
    {
      command: `${CREATE} --policy-name my-authentication-policy --policy-type-name BackendServerAuthenticationPolicyType --policy-attributes AttributeName=PublicKeyPolicyName,AttributeValue=my-PublicKey-policy`,
      async check(site) {
        await site.servedBy(BOTH, { port: 'secure' });
      },
    },
    {
      command: `${SET} --instance-port 443 --policy-names my-authentication-policy`,
      cuts: 'an instance that is not authenticated is unhealthy, and there is no draining',
      async check(site) {
        // The other instance has another key: what goes to port 443 goes past it.
        await site.servedBy(['i-4f8cf126'], { port: 'secure' });
      },
    },
    {
      command: `aws elb describe-load-balancer-policies --load-balancer-name ${NAME}`,
      async check(_, output) {
        const names = each(output, 'PolicyDescriptions', 'PolicyName');
        assert.ok(names.includes('my-PublicKey-policy') && names.includes('my-authentication-policy'));
      },
    },
    {
      command: `aws elb describe-load-balancer-policies --load-balancer-name ${NAME} --policy-names my-authentication-policy`,
      async check(_, output) {
        assert.deepEqual(at(output, 'PolicyDescriptions.0.PolicyAttributeDescriptions'), [
          { AttributeName: 'PublicKeyPolicyName', AttributeValue: 'my-PublicKey-policy' },
        ]);
      },
    },
    {
      command: `${SET} --instance-port 443 --policy-names "[]"`,
      async check(site) {
        await site.inService(...BOTH);
        await site.servedBy(BOTH, { port: 'secure' });
      },
    },
  ],
};

const PROXY_POLICY = 'my-ProxyProtocol-policy';

export const proxyProtocol: Tutorial = {
  page: 'enable-proxy-protocol.md',
  steps: [
    {
      command: 'aws elb describe-load-balancer-policy-types',
      async check(_, output) {
        const names = each(output, 'PolicyTypeDescriptions', 'PolicyTypeName');
        assert.equal(names.length, 6);
        const proxy = at(output, `PolicyTypeDescriptions.${names.indexOf('ProxyProtocolPolicyType')}`);
        assert.deepEqual(at(proxy, 'PolicyAttributeTypeDescriptions'), [
          { AttributeName: 'ProxyProtocol', AttributeType: 'Boolean', Cardinality: 'ONE' },
        ]);
      },
    },
    {
      command:
        `aws elb create-load-balancer-listeners --load-balancer-name ${NAME} --listeners ` +
        '"Protocol=TCP,LoadBalancerPort=<tcp>,InstanceProtocol=TCP,InstancePort=80"',
      async check(site) {
        const { status, answered } = await site.get('/', { port: 'tcp' });
        assert.deepEqual(
          [status, answered?.proxyLine, answered?.headers['x-forwarded-for']],
          [200, undefined, undefined],
        );
      },
    },
    {
      command: `${CREATE} --policy-name ${PROXY_POLICY} --policy-type-name ProxyProtocolPolicyType --policy-attributes AttributeName=ProxyProtocol,AttributeValue=true`,
      async check(site) {
        const { answered } = await site.get('/', { port: 'tcp' });
        assert.equal(answered?.proxyLine, undefined);
      },
    },
    {
      command: `${SET} --instance-port 80 --policy-names ${PROXY_POLICY}`,
      async check(site) {
        const { status, answered } = await site.get('/', { port: 'tcp' });
        assert.equal(status, 200);
        assert.match(
          String(answered?.proxyLine),
          new RegExp(`^PROXY TCP4 127\\.0\\.0\\.1 127\\.0\\.0\\.1 \\d+ ${site.port('tcp')}$`),
        );
      },
    },
    {
      command: `aws elb describe-load-balancers --load-balancer-name ${NAME}`,
      async check(_, output) {
        assert.deepEqual(at(output, 'LoadBalancerDescriptions.0.BackendServerDescriptions'), [
          { InstancePort: 80, PolicyNames: [PROXY_POLICY] },
        ]);
      },
    },
    {
      command: `${SET} --instance-port 80 --policy-names "[]"`,
      async check(site) {
        const { status, answered } = await site.get('/', { port: 'tcp' });
        assert.deepEqual([status, answered?.proxyLine], [200, undefined]);
      },
    },
  ],
};
