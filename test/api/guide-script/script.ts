/**
 * The user guide's tutorials, command by command, against a weir with traffic flowing: after each command the traffic
 * does what it says. Which client runs them is the caller's choice.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { wordsOf } from './command.ts';
import type { Driver, Session } from './drivers.ts';
import { REGION, Site } from './site.ts';
import type { Step, Tutorial } from './step.ts';
import { accessLogs, assertLogged, crossZone, desync, draining, idleTimeout } from './tutorials/attributes.ts';
import { backendAuthentication, proxyProtocol } from './tutorials/backend.ts';
import { addHttps, createHttp } from './tutorials/create.ts';
import { end, internal, subnets, tags, zones } from './tutorials/places.ts';
import { stickiness } from './tutorials/stickiness.ts';
import { customPolicy, predefinedPolicy, replaceCertificate } from './tutorials/tls.ts';

/** In the order in which they are run: each goes on from what the one before has left. */
export const TUTORIALS: readonly Tutorial[] = [
  createHttp,
  addHttps,
  predefinedPolicy,
  customPolicy,
  replaceCertificate,
  backendAuthentication,
  stickiness,
  proxyProtocol,
  draining,
  crossZone,
  idleTimeout,
  accessLogs,
  desync,
  tags,
  zones,
  subnets,
  internal,
  end,
];

/** What a client gets whose request was cut. */
const CUT = 'answered 504';

/** Runs all commands by the client, each as a subtest. */
export async function runScript(test: TestContext, driver: Driver): Promise<void> {
  const site = await Site.start(test);
  const session = driver.open({ endpoint: site.endpoint, region: REGION, credential: site.credential });
  test.after(() => session.close());
  let number = 0;
  for (const { page, steps } of TUTORIALS) {
    for (const step of steps) {
      number++;
      const name = `${number}. ${page}: ${step.command}`;
      // Each step stands on those before it: after one that failed, nothing more can be said.
      let failure: unknown;
      await test.test(name, async () => {
        await runStep(step, site, session).catch((error: unknown) => {
          failure = error;
          throw error;
        });
      });
      if (failure !== undefined) return;
    }
  }
  await test.test('the access log has what was asked for while it was on', () => assertLogged(site));
}

/** The command, what it does to the traffic, and that nothing else befell the traffic that flows beside it. */
async function runStep(step: Step, site: Site, session: Session): Promise<void> {
  await step.before?.(site);
  const { count, isRunning } = site.flow;
  const output = await session.run(wordsOf(step.command, site.values));
  await step.check(site, output);
  if (isRunning) {
    await site.weir.until('traffic to flow on', () => (site.flow.count > count ? true : undefined));
  }
  const failures = site.flow.failures.splice(0);
  const unexpected = failures.filter((failure) => step.cuts === undefined || failure !== CUT);
  assert.deepEqual(unexpected, []);
}
