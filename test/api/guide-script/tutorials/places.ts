/** Tags, zones, subnets, an internal load balancer with its security groups, and the end of it all. */
import assert from 'node:assert/strict';
import { NAME } from '../site.ts';
import { at, each, type Tutorial } from '../step.ts';

const INTERNAL = 'my-internal-loadbalancer';

export const tags: Tutorial = {
  page: 'add-remove-tags.md',
  steps: [
    {
      command: `aws elb add-tags --load-balancer-name ${NAME} --tag "Key=project,Value=lima"`,
      async check(site) {
        assert.equal((await site.get('/')).status, 200);
      },
    },
    {
      command: `aws elb describe-tags --load-balancer-name ${NAME}`,
      async check(_, output) {
        assert.deepEqual(at(output, 'TagDescriptions'), [
          { LoadBalancerName: NAME, Tags: [{ Key: 'project', Value: 'lima' }] },
        ]);
      },
    },
    {
      command: `aws elb remove-tags --load-balancer-name ${NAME} --tag project`,
      async check(site) {
        assert.equal((await site.get('/')).status, 200);
      },
    },
  ],
};

export const zones: Tutorial = {
  page: 'enable-disable-az.md',
  steps: [
    {
      command: `aws elb disable-availability-zones-for-load-balancer --load-balancer-name ${NAME} --availability-zones us-west-2b`,
      cuts: 'there is no draining of what is under way in that zone',
      async check(site, output) {
        assert.deepEqual(at(output, 'AvailabilityZones'), ['us-west-2a']);
        await site.servedBy(['i-4f8cf126', 'i-4e05f721']);
      },
    },
    {
      command: `aws elb enable-availability-zones-for-load-balancer --load-balancer-name ${NAME} --availability-zones us-west-2b`,
      async check(site, output) {
        assert.deepEqual(at(output, 'AvailabilityZones'), ['us-west-2a', 'us-west-2b']);
        await site.servedBy(['i-4f8cf126', 'i-0bb7ca62', 'i-4e05f721']);
      },
    },
  ],
};

export const subnets: Tutorial = {
  page: 'elb-manage-subnets.md',
  steps: [
    {
      command: `aws elb attach-load-balancer-to-subnets --load-balancer-name ${NAME} --subnets subnet-dea770a9`,
      async check(site, output) {
        const attached = at(output, 'Subnets');
        assert.ok(Array.isArray(attached) && attached.length === 3 && attached.includes('subnet-dea770a9'));
        // A zone without a healthy instance takes part in nothing.
        await site.servedBy(['i-4f8cf126', 'i-0bb7ca62', 'i-4e05f721']);
      },
    },
    {
      command: `aws elb detach-load-balancer-from-subnets --load-balancer-name ${NAME} --subnets subnet-dea770a9`,
      async check(site, output) {
        const left = at(output, 'Subnets');
        assert.ok(Array.isArray(left) && left.length === 2 && !left.includes('subnet-dea770a9'));
        await site.servedBy(['i-4f8cf126', 'i-0bb7ca62', 'i-4e05f721']);
      },
    },
  ],
};

export const internal: Tutorial = {
  page: 'elb-create-internal-load-balancer.md',
  steps: [
    {
      command:
        `aws elb create-load-balancer --load-balancer-name ${INTERNAL} --listeners ` +
        'Protocol=HTTP,LoadBalancerPort=<internal>,InstanceProtocol=HTTP,InstancePort=80 ' +
        '--subnets subnet-4e05f721 --scheme internal --security-groups sg-b9ffedd5',
      async check(site, output) {
        assert.match(String(at(output, 'DNSName')), /^internal-my-internal-loadbalancer-\d+\./);
        assert.equal((await site.get('/', { port: 'internal' })).status, 503);
      },
    },
    {
      command: `aws elb register-instances-with-load-balancer --load-balancer-name ${INTERNAL} --instances i-4f8cf126 i-4e05f721`,
      async check(site) {
        await site.servedBy(['i-4f8cf126', 'i-4e05f721'], { port: 'internal' });
      },
    },
    {
      command: `aws elb apply-security-groups-to-load-balancer --load-balancer-name ${INTERNAL} --security-groups sg-53fae93f`,
      async check(site, output) {
        assert.deepEqual(at(output, 'SecurityGroups'), ['sg-53fae93f']);
        // The group lets nobody in from here.
        await assert.rejects(site.get('/', { port: 'internal' }));
      },
    },
    {
      command: `aws elb delete-load-balancer --load-balancer-name ${INTERNAL}`,
      async check(site) {
        await assert.rejects(site.get('/', { port: 'internal' }), { code: 'ECONNREFUSED' });
      },
    },
  ],
};

export const end: Tutorial = {
  page: 'elb-add-or-delete-listeners.md',
  steps: [
    {
      before: (site) => site.flow.stop(),
      command: `aws elb delete-load-balancer-listeners --load-balancer-name ${NAME} --load-balancer-ports <http>`,
      async check(site) {
        await assert.rejects(site.get('/'), { code: 'ECONNREFUSED' });
        assert.equal((await site.get('/', { port: 'https' })).status, 200);
      },
    },
    {
      command: `aws elb delete-load-balancer --load-balancer-name ${NAME}`,
      async check(site) {
        for (const port of ['http', 'https', 'secure', 'tcp'] as const) {
          await assert.rejects(site.get('/', { port }), { code: 'ECONNREFUSED' });
        }
      },
    },
    {
      command: 'aws elb describe-load-balancers',
      async check(_, output) {
        assert.deepEqual(each(output, 'LoadBalancerDescriptions', 'LoadBalancerName'), []);
      },
    },
  ],
};
