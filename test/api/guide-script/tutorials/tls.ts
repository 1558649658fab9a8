/** Security policies, predefined and custom, and a new certificate. */
import assert from 'node:assert/strict';
import { NAME } from '../site.ts';
import { at, each, type Tutorial } from '../step.ts';

const POLICY = 'my-SSLNegotiation-policy';
const CUSTOM = 'my-custom-policy';
const SET = `aws elb set-load-balancer-policies-of-listener --load-balancer-name ${NAME} --load-balancer-port <https> --policy-names`;
const CIPHER = 'DHE-RSA-AES256-SHA256';

export const predefinedPolicy: Tutorial = {
  page: 'ssl-config-update.md',
  steps: [
    {
      command: 'aws elb describe-load-balancer-policies',
      async check(_, output) {
        const names = each(output, 'PolicyDescriptions', 'PolicyName');
        assert.ok(names.includes('ELBSecurityPolicy-2016-08') && names.includes('ELBSecurityPolicy-TLS-1-2-2017-01'));
        assert.equal(names.length, 11);
      },
    },
    {
      command: 'aws elb describe-load-balancer-policies --policy-names ELBSecurityPolicy-2016-08',
      async check(site, output) {
        assert.deepEqual(each(output, 'PolicyDescriptions', 'PolicyName'), ['ELBSecurityPolicy-2016-08']);
        const attributes = at(output, 'PolicyDescriptions.0.PolicyAttributeDescriptions');
        // What is negotiated by default is one of those that it lists.
        const { tls } = await site.get('/', { port: 'https' });
        const listed = { AttributeName: tls?.cipher, AttributeValue: 'true' };
        assert.ok(Array.isArray(attributes));
        assert.ok(attributes.some((one) => at(one, 'AttributeName') === listed.AttributeName));
      },
    },
    {
      command:
        `aws elb create-load-balancer-policy --load-balancer-name ${NAME} --policy-name ${POLICY} ` +
        '--policy-type-name SSLNegotiationPolicyType ' +
        '--policy-attributes AttributeName=Reference-Security-Policy,AttributeValue=ELBSecurityPolicy-TLS-1-2-2017-01',
      async check(site) {
        // It does nothing until it is set.
        const { tls } = await site.get('/', { port: 'https', tls: { maxVersion: 'TLSv1.1' } });
        assert.equal(tls?.protocol, 'TLSv1.1');
      },
    },
    {
      command: `aws elb describe-load-balancer-policies --load-balancer-name ${NAME} --policy-name ${POLICY}`,
      async check(_, output) {
        assert.deepEqual(each(output, 'PolicyDescriptions', 'PolicyTypeName'), ['SSLNegotiationPolicyType']);
        const first = at(output, 'PolicyDescriptions.0.PolicyAttributeDescriptions.0');
        assert.deepEqual(first, {
          AttributeName: 'Reference-Security-Policy',
          AttributeValue: 'ELBSecurityPolicy-TLS-1-2-2017-01',
        });
      },
    },
    {
      command: `${SET} ${POLICY}`,
      async check(site) {
        await assert.rejects(site.get('/', { port: 'https', tls: { maxVersion: 'TLSv1.1' } }));
        const { tls } = await site.get('/', { port: 'https' });
        assert.equal(tls?.protocol, 'TLSv1.2');
      },
    },
  ],
};

export const customPolicy: Tutorial = {
  page: 'ssl-config-update.md',
  steps: [
    {
      command:
        `aws elb create-load-balancer-policy --load-balancer-name ${NAME} --policy-name ${CUSTOM} ` +
        '--policy-type-name SSLNegotiationPolicyType --policy-attributes AttributeName=Protocol-TLSv1.2,AttributeValue=true ' +
        `AttributeName=Protocol-TLSv1.1,AttributeValue=true AttributeName=${CIPHER},AttributeValue=true ` +
        'AttributeName=Server-Defined-Cipher-Order,AttributeValue=true',
      async check(site) {
        const { tls } = await site.get('/', { port: 'https' });
        assert.notEqual(tls?.cipher, CIPHER);
      },
    },
    {
      command: `${SET} ${CUSTOM}`,
      async check(site) {
        const { status, tls } = await site.get('/', { port: 'https' });
        assert.deepEqual([status, tls?.cipher], [200, CIPHER]);
        const others = { ciphers: `ALL:!${CIPHER}:@SECLEVEL=0` };
        await assert.rejects(site.get('/', { port: 'https', tls: others }));
      },
    },
    {
      command: `aws elb delete-load-balancer-policy --load-balancer-name ${NAME} --policy-name ${POLICY}`,
      async check(site) {
        const { tls } = await site.get('/', { port: 'https' });
        assert.equal(tls?.cipher, CIPHER);
      },
    },
    {
      command: `aws elb describe-load-balancers --load-balancer-name ${NAME}`,
      async check(_, output) {
        const described = at(output, 'LoadBalancerDescriptions.0');
        assert.deepEqual(at(described, 'ListenerDescriptions.1.PolicyNames'), [CUSTOM]);
        assert.deepEqual(at(described, 'Policies.OtherPolicies'), ['ELBSecurityPolicy-2016-08', CUSTOM]);
      },
    },
  ],
};

const REPLACE = `aws elb set-load-balancer-listener-ssl-certificate --load-balancer-name ${NAME} --load-balancer-port <https> --ssl-certificate-id`;

export const replaceCertificate: Tutorial = {
  page: 'elb-update-ssl-cert.md',
  steps: [
    {
      command: 'aws acm request-certificate --domain-name www.example.com',
      async check(site, output) {
        site.values.set('ACM-ARN', String(at(output, 'CertificateArn')));
        const { tls } = await site.get('/', { port: 'https' });
        assert.equal(tls?.commonName, 'my-server-certificate');
      },
    },
    {
      command: `${REPLACE} <ACM-ARN>`,
      async check(site) {
        const { status, tls } = await site.get('/', { port: 'https' });
        assert.deepEqual([status, tls?.commonName], [200, 'www.example.com']);
      },
    },
    {
      command:
        'aws iam upload-server-certificate --server-certificate-name my-new-certificate ' +
        '--certificate-body <my-new-certificate.pem> --private-key <my-new-certificate.key>',
      async check(site) {
        const { tls } = await site.get('/', { port: 'https' });
        assert.equal(tls?.commonName, 'www.example.com');
      },
    },
    {
      command: 'aws iam get-server-certificate --server-certificate-name my-new-certificate',
      async check(site, output) {
        site.values.set('new-ARN', String(at(output, 'ServerCertificate.ServerCertificateMetadata.Arn')));
      },
    },
    {
      command: `${REPLACE} <new-ARN>`,
      async check(site) {
        const { status, tls } = await site.get('/', { port: 'https' });
        assert.deepEqual([status, tls?.commonName], [200, 'my-new-certificate']);
      },
    },
  ],
};
