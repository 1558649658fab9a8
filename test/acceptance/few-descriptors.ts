/** More clients than there are descriptors: they wait or are turned away, everything else goes on. */
import { HTTP_PORT } from '../../bench/addresses.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { Flood } from './flood.ts';
import { lastFor, until, type Lab } from './lab.ts';
import { PATHS } from './servers.ts';
import type { WeirUnderTest } from './weir.ts';

const SPIN_MS = 4000;
/** Of one CPU: what a weir that waits takes, with room for its health checks and for those who ask it. */
const MAX_IDLE_CPU = 0.3;
const RECOVERY_MS = 15_000;

export interface FewDescriptors {
  readonly weir: WeirUnderTest;
  readonly instance: string;
  readonly descriptors: number;
  readonly clients: number;
  readonly threads: number;
  /** What each of them sends, and does not go on with. */
  readonly first: Buffer;
}

/** Sends the clients and demands that the rest of weir goes on, and that all is well when they have gone. */
export async function endureFewDescriptors(lab: Lab, plan: FewDescriptors): Promise<void> {
  const { weir, clients, first, threads } = plan;
  lab.say(`${clients} clients on ${plan.descriptors} descriptors`);
  const { front: host, sources } = lab.addresses;
  const crowd = { host, port: HTTP_PORT, sources, count: clients, ratePerSecond: 1000 };
  const flood = await Flood.start(lab, { ...crowd, first: first.toString('base64') });
  await flood.gathered();
  await demandQuiet(lab, plan);
  const text = await (await fetch(`${weir.endpoint}/metrics`)).text();
  const turnedAway = [...text.matchAll(/^weir_accept_errors_total\{.*\} (\d+)$/gm)].reduce(
    (sum, [, n]) => sum + Number(n),
    0,
  );
  const { figures } = lab;
  figures.demand('few descriptors: turned away, by the metric', turnedAway, '> 0', turnedAway > 0);
  const told = weir.errors.filter((line) => line.includes('could not be accepted')).length;
  figures.demand('few descriptors: lines in the log', told, `1 to ${threads}`, told >= 1 && told <= threads);
  await flood.end();
  const ask = async () => {
    const answer = await fetch(`http://${host}:${HTTP_PORT}${PATHS.small}`).catch(() => undefined);
    return answer?.status === 200 ? true : undefined;
  };
  const { afterMs } = await until('it serves again', RECOVERY_MS, ask);
  figures.note('few descriptors: serves again after', `${Math.round(afterMs)} ms`);
  await weir.demandSoundEnd(lab, threads);
}

/** The clients are there: nothing spins, and the API and the health checks have what they need. */
async function demandQuiet({ figures }: Lab, { weir, instance, descriptors }: FewDescriptors): Promise<void> {
  const used = weir.descriptors;
  figures.demand('few descriptors: open', used, `<= ${descriptors}`, used <= descriptors);
  const [cpuBefore, startMs] = [weir.cpuSeconds, systemClock.monotonicMs()];
  await lastFor(SPIN_MS);
  const cpu = ((weir.cpuSeconds - cpuBefore) * 1000) / (systemClock.monotonicMs() - startMs);
  figures.demand('few descriptors: CPU', cpu.toFixed(2), `<= ${MAX_IDLE_CPU}`, cpu <= MAX_IDLE_CPU);
  const health = (await fetch(`${weir.endpoint}/-/health`)).status;
  figures.demand('few descriptors: /-/health', health, '200', health === 200);
  const state = await weir.state('web', instance);
  figures.demand('few descriptors: the instance by the API', String(state), 'InService', state === 'InService');
}
