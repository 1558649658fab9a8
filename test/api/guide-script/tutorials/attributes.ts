/** Draining, cross-zone load balancing, the idle timeout, access logs, desync mitigation: attributes of the load balancer. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NAME, type Site } from '../site.ts';
import { at, each, type Step, type Tutorial } from '../step.ts';

const MODIFY = `aws elb modify-load-balancer-attributes --load-balancer-name ${NAME} --load-balancer-attributes`;
const DEREGISTER = `aws elb deregister-instances-from-load-balancer --load-balancer-name ${NAME} --instances`;
const REGISTER = `aws elb register-instances-with-load-balancer --load-balancer-name ${NAME} --instances`;
const BOTH = ['i-4f8cf126', 'i-0bb7ca62'] as const;

const registerAgain: Step = {
  command: `${REGISTER} i-4f8cf126`,
  async check(site) {
    await site.inService(...BOTH);
    await site.servedBy(BOTH);
  },
};

export const draining: Tutorial = {
  page: 'config-conn-drain.md',
  steps: [
    {
      command: `${MODIFY} "{\\"ConnectionDraining\\":{\\"Enabled\\":true,\\"Timeout\\":300}}"`,
      async check(site, output) {
        assert.deepEqual(at(output, 'LoadBalancerAttributes.ConnectionDraining'), { Enabled: true, Timeout: 300 });
        await site.servedBy(BOTH);
      },
    },
    {
      before: (site) => site.hold('i-4f8cf126'),
      command: `${DEREGISTER} i-4f8cf126`,
      async check(site, output) {
        assert.deepEqual(each(output, 'Instances', 'InstanceId'), ['i-0bb7ca62']);
        await site.servedBy(['i-0bb7ca62']);
        assert.equal(await site.health('i-4f8cf126'), 'InService: Instance deregistration currently in progress.');
        // What was under way is answered to its end.
        site.instance('i-4f8cf126').release();
        const got = await site.held.pop();
        assert.ok(!(got instanceof Error) && got?.status === 200);
        const gone = 'OutOfService: Instance is not currently registered with the LoadBalancer.';
        await site.weir.until(gone, async () => ((await site.health('i-4f8cf126')) === gone ? true : undefined));
      },
    },
    registerAgain,
    {
      command: `${MODIFY} "{\\"ConnectionDraining\\":{\\"Enabled\\":false}}"`,
      async check(site, output) {
        assert.equal(at(output, 'LoadBalancerAttributes.ConnectionDraining.Enabled'), false);
        await site.servedBy(BOTH);
      },
    },
    {
      before: (site) => site.hold('i-4f8cf126'),
      command: `${DEREGISTER} i-4f8cf126`,
      cuts: 'there is no draining any more',
      async check(site) {
        // What was under way is cut.
        const got = await site.held.pop();
        assert.ok(got instanceof Error || (got?.status ?? 0) >= 500);
        await site.servedBy(['i-0bb7ca62']);
      },
    },
    registerAgain,
  ],
};

const REQUESTS = 60;

export const crossZone: Tutorial = {
  page: 'enable-disable-crosszone-lb.md',
  steps: [
    {
      command: `${REGISTER} i-4e05f721`,
      async check(site, output) {
        assert.equal(each(output, 'Instances', 'InstanceId').length, 3);
        await site.inService('i-4e05f721');
        // Two instances in the first zone, one in the second, and each zone has half of the connections.
        const { 'i-0bb7ca62': alone = 0 } = await site.shares(REQUESTS);
        assert.ok(alone >= REQUESTS * 0.45 && alone <= REQUESTS * 0.55, `${alone} of ${REQUESTS}`);
      },
    },
    {
      command: `${MODIFY} "{\\"CrossZoneLoadBalancing\\":{\\"Enabled\\":true}}"`,
      async check(site, output) {
        assert.deepEqual(at(output, 'LoadBalancerAttributes.CrossZoneLoadBalancing'), { Enabled: true });
        const { 'i-0bb7ca62': alone = 0 } = await site.shares(REQUESTS);
        assert.ok(alone >= REQUESTS * 0.22 && alone <= REQUESTS * 0.44, `${alone} of ${REQUESTS}`);
      },
    },
    {
      command: `aws elb describe-load-balancer-attributes --load-balancer-name ${NAME}`,
      async check(site, output) {
        assert.deepEqual(at(output, 'LoadBalancerAttributes.CrossZoneLoadBalancing'), { Enabled: true });
        await site.servedBy(['i-4f8cf126', 'i-0bb7ca62', 'i-4e05f721']);
      },
    },
    {
      command: `${MODIFY} "{\\"CrossZoneLoadBalancing\\":{\\"Enabled\\":false}}"`,
      async check(site) {
        const { 'i-0bb7ca62': alone = 0 } = await site.shares(REQUESTS);
        assert.ok(alone >= REQUESTS * 0.45 && alone <= REQUESTS * 0.55, `${alone} of ${REQUESTS}`);
      },
    },
  ],
};

export const idleTimeout: Tutorial = {
  page: 'config-idle-timeout.md',
  steps: [
    {
      // The guide says 30: a short one is over sooner, and shows the same.
      command: `${MODIFY} "{\\"ConnectionSettings\\":{\\"IdleTimeout\\":1}}"`,
      cuts: 'on a busy machine an instance may need longer',
      async check(site, output) {
        assert.equal(at(output, 'LoadBalancerAttributes.ConnectionSettings.IdleTimeout'), 1);
        assert.equal((await site.get('/held')).status, 504);
      },
    },
    {
      before: async (site) => {
        for (const instance of site.instances.values()) instance.release();
      },
      command: `${MODIFY} "{\\"ConnectionSettings\\":{\\"IdleTimeout\\":30}}"`,
      cuts: 'until it is in force',
      async check(site, output) {
        assert.equal(at(output, 'LoadBalancerAttributes.ConnectionSettings.IdleTimeout'), 30);
        await site.hold('i-0bb7ca62');
        const held = site.held.pop()!;
        // Longer than the timeout before.
        await site.lastFor(1500);
        site.instance('i-0bb7ca62').release();
        const got = await held;
        assert.ok(!(got instanceof Error) && got.status === 200);
      },
    },
  ],
};

/** In the data directory, which stands for S3 where none is configured. */
const BUCKET_FOLDER = 'access-logs/my-loadbalancer-logs/my-app/AWSLogs/000000000000';
const ACCESS_LOG = { Enabled: true, S3BucketName: 'my-loadbalancer-logs', EmitInterval: 60, S3BucketPrefix: 'my-app' };

export const accessLogs: Tutorial = {
  page: 'enable-access-logs.md',
  steps: [
    {
      command: `${MODIFY} <access-log.json>`,
      async check(site, output) {
        assert.deepEqual(at(output, 'LoadBalancerAttributes.AccessLog'), ACCESS_LOG);
        const file = `${BUCKET_FOLDER}/ELBAccessLogTestFile`;
        await site.weir.until(file, () => existsSync(join(site.weir.dataDir, file)));
        assert.equal((await site.get('/?while-logs-are-on')).status, 200);
      },
    },
    {
      command: `aws elb describe-load-balancer-attributes --load-balancer-name ${NAME}`,
      async check(_, output) {
        assert.deepEqual(at(output, 'LoadBalancerAttributes.AccessLog'), ACCESS_LOG);
      },
    },
    {
      command: `${MODIFY} <no-access-log.json>`,
      async check(site, output) {
        assert.equal(at(output, 'LoadBalancerAttributes.AccessLog.Enabled'), false);
        assert.equal((await site.get('/?when-logs-are-off')).status, 200);
      },
    },
  ],
};

/** What was logged meanwhile. Files are delivered at the end of their hour, or when weir stops: here it does. */
export async function assertLogged(site: Site): Promise<void> {
  site.weir.child.kill('SIGTERM');
  assert.equal((await site.weir.exited).code, 0);
  const files = globSync(`${BUCKET_FOLDER}/elasticloadbalancing/us-west-2/*/*/*/*.log`, { cwd: site.weir.dataDir });
  const lines = files.flatMap((file) => readFileSync(join(site.weir.dataDir, file), 'utf8').split('\n'));
  const requests = lines.filter((line) => line.includes('logs-are-'));
  const url = `http://127.0.0.1:${site.port('http')}/?while-logs-are-on`;
  const logged = new RegExp(
    `Z ${NAME} 127\\.0\\.0\\.1:\\d+ 127\\.0\\.0\\.1:\\d+ .* 200 200 .* "GET ${RegExp.escape(url)} HTTP/1.1" `,
  );
  assert.equal(requests.length, 1);
  assert.match(requests[0]!, logged);
}

/** Acceptable to the classifier, and to defensive mode. */
const ODD = { 'Content-Length': '0' };

export const desync: Tutorial = {
  page: 'config-desync-mitigation-mode.md',
  steps: [
    {
      before: async (site) => assert.equal((await site.get('/', { headers: ODD })).status, 200),
      command: `${MODIFY} <strictest.json>`,
      async check(site) {
        assert.equal((await site.get('/', { headers: ODD })).status, 400);
        assert.equal((await site.get('/')).status, 200);
      },
    },
    {
      command: `${MODIFY} <defensive.json>`,
      async check(site) {
        assert.equal((await site.get('/', { headers: ODD })).status, 200);
      },
    },
  ],
};
