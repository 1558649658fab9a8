/** Sticky sessions: by a cookie of the load balancer's, and by one of the application's. */
import assert from 'node:assert/strict';
import { NAME, type Got, type Site } from '../site.ts';
import { at, type Step, type Tutorial } from '../step.ts';

const SET = `aws elb set-load-balancer-policies-of-listener --load-balancer-name ${NAME} --load-balancer-port <https> --policy-names`;
const DURATION = 'my-duration-cookie-policy';
const APPLICATION = 'my-app-cookie-policy';
const ROUNDS = 8;

/** Names and values of the cookies that were set. */
function cookiesOf({ headers }: Got): readonly string[] {
  return (headers['set-cookie'] ?? []).map((cookie) => cookie.split(';', 1)[0]!);
}

/** All of several requests with the cookies go to one instance. */
async function assertSticks(site: Site, cookies: readonly string[]): Promise<void> {
  const headers = { Cookie: cookies.join('; ') };
  const shares = await site.shares(ROUNDS, { port: 'https', headers });
  assert.equal(Object.keys(shares).length, 1);
}

async function assertNotSticky(site: Site): Promise<void> {
  const got = await site.get('/', { port: 'https' });
  assert.deepEqual(cookiesOf(got), []);
}

function described(policies: object, set: readonly string[]): Step {
  return {
    command: `aws elb describe-load-balancers --load-balancer-name ${NAME}`,
    async check(_, output) {
      const { LBCookieStickinessPolicies, AppCookieStickinessPolicies } = at(
        output,
        'LoadBalancerDescriptions.0.Policies',
      ) as Record<string, unknown>;
      assert.deepEqual({ LBCookieStickinessPolicies, AppCookieStickinessPolicies }, policies);
      assert.deepEqual(at(output, 'LoadBalancerDescriptions.0.ListenerDescriptions.1.PolicyNames'), set);
    },
  };
}

const LB_POLICY = { PolicyName: DURATION, CookieExpirationPeriod: 60 };
const APP_POLICY = { PolicyName: APPLICATION, CookieName: 'my-app-cookie' };

export const stickiness: Tutorial = {
  page: 'elb-sticky-sessions.md',
  steps: [
    {
      command: `aws elb create-lb-cookie-stickiness-policy --load-balancer-name ${NAME} --policy-name ${DURATION} --cookie-expiration-period 60`,
      check: assertNotSticky,
    },
    {
      command: `${SET} ${DURATION}`,
      async check(site) {
        const got = await site.get('/', { port: 'https' });
        const [cookie = ''] = got.headers['set-cookie'] ?? [];
        assert.match(cookie, /^AWSELB=[0-9A-F]+;PATH=\/;MAX-AGE=60$/);
        await assertSticks(site, [cookie.split(';', 1)[0]!]);
      },
    },
    described({ LBCookieStickinessPolicies: [LB_POLICY], AppCookieStickinessPolicies: [] }, [DURATION]),
    {
      command: `aws elb create-app-cookie-stickiness-policy --load-balancer-name ${NAME} --policy-name ${APPLICATION} --cookie-name my-app-cookie`,
      async check(site) {
        const [cookie = ''] = cookiesOf(await site.get('/', { port: 'https' }));
        assert.match(cookie, /^AWSELB=/);
      },
    },
    {
      command: `${SET} ${APPLICATION}`,
      async check(site) {
        await assertNotSticky(site);
        const cookies = cookiesOf(await site.get('/login', { port: 'https' }));
        assert.deepEqual(
          cookies.map((cookie) => cookie.split('=', 1)[0]),
          ['my-app-cookie', 'AWSELB', 'AWSELBCORS'].slice(0, cookies.length),
        );
        assert.ok(cookies.length > 1);
        await assertSticks(site, cookies);
      },
    },
    described({ LBCookieStickinessPolicies: [LB_POLICY], AppCookieStickinessPolicies: [APP_POLICY] }, [APPLICATION]),
    {
      command: `${SET} "[]"`,
      async check(site) {
        assert.deepEqual(cookiesOf(await site.get('/login', { port: 'https' })), ['my-app-cookie=abc']);
      },
    },
  ],
};
