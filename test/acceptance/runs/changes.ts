/** A load balancer is created, changed and removed again and again while another one works. */
import { HTTP_PORT } from '../../../bench/addresses.ts';
import { CURL_HEADERS } from '../../../bench/load/headers.ts';
import { runWrk } from '../../../bench/load/wrk.ts';
import { systemClock } from '../../../src/kit/clock.ts';
import { CHURN_CALLS, churn } from '../../support/churn.ts';
import { failuresText, SteadyLoad } from '../../support/steady-load.ts';
import { errorCount, errorsText, megabytes, seconds } from '../figures.ts';
import type { AcceptanceRun, Lab } from '../lab.ts';
import { NGINX_PORT, PATHS } from '../servers.ts';
import { startSteady } from '../steady.ts';
import type { WeirUnderTest } from '../weir.ts';

const LIVES = 50;
/** Longer than the changes take. */
const WRK = { connections: 16, seconds: 20, ratePerSecond: 1000 };
/** Of the steady load before the changes begin and after they have ended. */
const ROUNDS = 50;

export const changes: AcceptanceRun = {
  name: 'changes',
  about: `a load balancer is created, changed and removed ${LIVES} times; not one request on another fails`,
  needs: ['nginx', 'wrk'],
  limitSeconds: 180,
  async run(lab) {
    const { weir, startLoad } = await startSteady(lab, 'steady');
    const load = startLoad();
    const other = runOther(lab);
    other.catch(() => undefined);
    await load.rounds(ROUNDS);
    const before = weir.residentBytes;
    await liveAndDie(lab, weir);
    lab.figures.note('RSS before and after the changes', `${megabytes(before)}, ${megabytes(weir.residentBytes)}`);
    await load.rounds(ROUNDS);
    await load.stop();
    lab.figures.demand('calls of the API', LIVES * CHURN_CALLS, 'all succeed', true);
    demandNoFailure(lab, load);
    const wrk = await other;
    lab.figures.note(`wrk, ${WRK.connections} connections: requests`, wrk.requests);
    lab.figures.demand('wrk: errors', errorsText(wrk.errors), 'none', errorCount(wrk.errors) === 0);
    await weir.demandSoundEnd(lab);
  },
};

/** The same instances as the steady one has, so that nothing keeps the two apart but their names. */
async function liveAndDie(lab: Lab, weir: WeirUnderTest): Promise<void> {
  const startedMs = systemClock.monotonicMs();
  const ports = [HTTP_PORT + 1, HTTP_PORT + 2, HTTP_PORT + 3] as const;
  // Its own clients, whose connections it takes with it again and again.
  const clients = new SteadyLoad({ host: lab.addresses.front, httpPort: ports[0], tcpPort: ports[1], clients: 2 });
  for (let life = 0; life < LIVES; life++) {
    await churn({
      client: weir.client,
      name: 'passing',
      ports,
      instancePort: NGINX_PORT,
      instances: lab.addresses.backends,
    });
  }
  lab.figures.note('the changes took', seconds(systemClock.monotonicMs() - startedMs));
  await clients.stop();
  lab.figures.note('answers to clients of the one that is changed', clients.total);
}

function demandNoFailure(lab: Lab, load: SteadyLoad): void {
  for (const [kind, answered] of load.answered) {
    const failed = load.failures.filter((failure) => failure.kind === kind).length;
    lab.figures.demand(`${kind}: answered, failed`, `${answered}, ${failed}`, '0 failed', failed === 0 && answered > 0);
  }
  if (load.failures.length > 0) lab.say(failuresText(load.failures));
}

/** Another client, on kept-alive connections at a constant rate. */
function runOther(lab: Lab) {
  return runWrk(lab.processes, {
    url: `http://${lab.addresses.front}:${HTTP_PORT}${PATHS.small}`,
    ...WRK,
    headers: CURL_HEADERS,
    expectedBodyBytes: 1024,
    cpus: undefined,
  });
}
