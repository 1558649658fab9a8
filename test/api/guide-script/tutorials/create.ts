/** From nothing to a load balancer with HTTP and HTTPS. */
import assert from 'node:assert/strict';
import { NAME, type Site } from '../site.ts';
import { at, each, type Tutorial } from '../step.ts';

/** Nobody is registered: the load balancer answers by itself. */
async function assertNobodyServes(site: Site): Promise<void> {
  assert.equal((await site.get('/')).status, 503);
}

const BOTH = ['i-0bb7ca62', 'i-4f8cf126'] as const;

export const createHttp: Tutorial = {
  page: 'elb-create-https-ssl-load-balancer.md',
  steps: [
    {
      command:
        `aws elb create-load-balancer --load-balancer-name ${NAME} --listeners ` +
        '"Protocol=http,LoadBalancerPort=<http>,InstanceProtocol=http,InstancePort=80" --availability-zones us-west-2a us-west-2b',
      async check(site, output) {
        assert.match(String(at(output, 'DNSName')), /^my-loadbalancer-\d+\.us-west-2\.elb\.localhost$/);
        await assertNobodyServes(site);
      },
    },
    {
      command: `aws elb describe-load-balancers --load-balancer-name ${NAME}`,
      async check(site, output) {
        const described = at(output, 'LoadBalancerDescriptions.0');
        assert.deepEqual(at(described, 'AvailabilityZones'), ['us-west-2a', 'us-west-2b']);
        assert.deepEqual(each(described, 'ListenerDescriptions', 'Listener'), [
          { Protocol: 'HTTP', LoadBalancerPort: site.port('http'), InstanceProtocol: 'HTTP', InstancePort: 80 },
        ]);
        await assertNobodyServes(site);
      },
    },
    {
      command: `aws elb configure-health-check --load-balancer-name ${NAME} --health-check Target=HTTP:80/ping,Interval=30,UnhealthyThreshold=2,HealthyThreshold=2,Timeout=3`,
      async check(site, output) {
        const check = { Target: 'HTTP:80/ping', Interval: 30, UnhealthyThreshold: 2, HealthyThreshold: 2, Timeout: 3 };
        assert.deepEqual(at(output, 'HealthCheck'), check);
        await assertNobodyServes(site);
      },
    },
    {
      command: `aws elb register-instances-with-load-balancer --load-balancer-name ${NAME} --instances i-4f8cf126 i-0bb7ca62`,
      async check(site, output) {
        assert.deepEqual(new Set(each(output, 'Instances', 'InstanceId')), new Set(BOTH));
        await site.inService(...BOTH);
        await site.servedBy(BOTH);
        for (const id of BOTH)
          assert.deepEqual(new Set(site.instance(id).pingedBy), new Set(['ELB-HealthChecker/1.0']));
        site.flow.start(site.port('http'));
      },
    },
    {
      command: `aws elb describe-instance-health --load-balancer-name ${NAME} --instances i-4f8cf126 i-0bb7ca62`,
      async check(site, output) {
        assert.deepEqual(each(output, 'InstanceStates', 'State'), ['InService', 'InService']);
        const { answered } = await site.get('/', { headers: { 'X-Forwarded-For': '198.51.100.1' } });
        assert.equal(answered?.headers['x-forwarded-for'], '198.51.100.1, 127.0.0.1');
        assert.equal(answered.headers['x-forwarded-port'], String(site.port('http')));
      },
    },
  ],
};

export const addHttps: Tutorial = {
  page: 'elb-add-or-delete-listeners.md',
  steps: [
    {
      command:
        'aws iam upload-server-certificate --server-certificate-name my-server-certificate ' +
        '--certificate-body <my-server-certificate.pem> --private-key <my-server-certificate.key>',
      async check(site, output) {
        const arn = at(output, 'ServerCertificateMetadata.Arn');
        assert.equal(arn, 'arn:aws:iam::000000000000:server-certificate/my-server-certificate');
        await assert.rejects(site.get('/', { port: 'https' }), { code: 'ECONNREFUSED' });
      },
    },
    {
      command: 'aws iam get-server-certificate --server-certificate-name my-server-certificate',
      async check(site, output) {
        site.values.set('ARN', String(at(output, 'ServerCertificate.ServerCertificateMetadata.Arn')));
        assert.match(String(at(output, 'ServerCertificate.CertificateBody')), /^-----BEGIN CERTIFICATE-----/);
      },
    },
    {
      command:
        `aws elb create-load-balancer-listeners --load-balancer-name ${NAME} --listeners ` +
        '"Protocol=HTTPS,LoadBalancerPort=<https>,InstanceProtocol=HTTP,InstancePort=80,SSLCertificateId=<ARN>"',
      async check(site) {
        const { status, answered, tls } = await site.get('/', { port: 'https' });
        assert.deepEqual([status, answered?.secure], [200, false]);
        assert.equal(answered?.headers['x-forwarded-proto'], 'https');
        assert.deepEqual([tls?.commonName, tls?.protocol], ['my-server-certificate', 'TLSv1.2']);
      },
    },
    {
      command: `aws elb describe-load-balancers --load-balancer-name ${NAME}`,
      async check(site, output) {
        const listener = at(output, 'LoadBalancerDescriptions.0.ListenerDescriptions.1');
        assert.deepEqual(at(listener, 'PolicyNames'), ['ELBSecurityPolicy-2016-08']);
        assert.equal(at(listener, 'Listener.SSLCertificateId'), site.values.get('ARN'));
        // What that policy has, and TLS 1.2 policies have not.
        const { tls } = await site.get('/', { port: 'https', tls: { maxVersion: 'TLSv1' } });
        assert.equal(tls?.protocol, 'TLSv1');
      },
    },
  ],
};
