/** Everything that there is only so much of: descriptors, memory, connections a second; and who takes it all. */
import { HTTP_PORT } from '../../../bench/addresses.ts';
import type { ClientFigures } from '../../../bench/sample.ts';
import { systemClock } from '../../../src/kit/clock.ts';
import { issue } from '../../support/issued.ts';
import { Crowd, storm, type CrowdPlan } from '../crowd.ts';
import { errorCount, errorsText, megabytes, milliseconds } from '../figures.ts';
import { measureLatency } from '../latency.ts';
import { lastFor, until, type AcceptanceRun, type Lab } from '../lab.ts';
import { peakWhile } from '../memory.ts';
import { NGINX_PORT, PATHS, startNginx } from '../servers.ts';
import { WeirUnderTest } from '../weir.ts';

const THREADS = 2;
const HTTPS_PORT = HTTP_PORT + 363;
/** For all threads and control each: little more than they need for themselves. */
const HEAP_MB = 128;
const MEASURE_SECONDS = 6;
const IDLE_TIMEOUT_S = 60;
const RECOVERY_MS = 15_000;
const MAX_AMPLIFICATION = 100;
/** "Under twice its normal value", where that is more than what two turns of a scheduler cost. */
const P99 = { factor: 2, orPlusUs: 10_000 } as const;
const STORM_MS = (MEASURE_SECONDS + 2) * 1000;

const DESCRIPTORS = 256;
const CROWD_ON_DESCRIPTORS = 600;
const SPIN_MS = 4000;
/** Of one CPU: what a weir that waits takes, with room for its health checks and for those who ask it. */
const MAX_IDLE_CPU = 0.3;

const UNFINISHED = Buffer.from('GET / HTTP/1.1\r\nHost: www.example.test\r\nX-Slow: ');

interface Kind extends Pick<CrowdPlan, 'count' | 'first' | 'drip'> {
  readonly name: string;
  readonly secure?: boolean;
}

const KINDS: readonly Kind[] = [
  { name: 'slow heads', count: 10_000, first: UNFINISHED, drip: { bytes: Buffer.from('x'), everyMs: 5000 } },
  { name: 'silent clients', count: 5000, first: Buffer.alloc(0) },
  {
    name: 'heads of 64 KB',
    count: 1000,
    first: Buffer.concat([
      UNFINISHED,
      ...Array.from({ length: 6 }, (_, n) => Buffer.from(`${'x'.repeat(10_000)}\r\nX-${n}: `)),
    ]),
  },
  // The beginning of a handshake: what a record is announced with.
  { name: 'handshakes that are not gone on with', count: 2000, first: Buffer.from('1603010200', 'hex'), secure: true },
];

export const exhaustion: AcceptanceRun = {
  name: 'exhaustion',
  about: `${DESCRIPTORS} descriptors, a small heap, 10000 slow clients, heads of 64 KB, a storm of connections: bounded, and nobody else notices`,
  needs: ['nginx', 'wrk'],
  limitSeconds: 420,
  async run(lab) {
    const [instance = ''] = lab.addresses.backends;
    await startNginx(lab, 'one', [instance]);
    await crowds(lab, instance);
    await descriptors(lab, instance);
  },
};

async function create(weir: WeirUnderTest, instance: string): Promise<void> {
  const SSLCertificateId = await weir.importCertificate(issue());
  await weir.create({
    name: 'web',
    listeners: [
      { protocol: 'HTTP', port: HTTP_PORT, instancePort: NGINX_PORT },
      { protocol: 'HTTPS', port: HTTPS_PORT, instancePort: NGINX_PORT, certificate: SSLCertificateId },
    ],
    instances: [instance],
    healthCheck: {
      Target: `HTTP:${NGINX_PORT}${PATHS.health}`,
      Interval: 5,
      Timeout: 4,
      HealthyThreshold: 2,
      UnhealthyThreshold: 10,
    },
    idleTimeoutSeconds: IDLE_TIMEOUT_S,
  });
}

async function crowds(lab: Lab, instance: string): Promise<void> {
  const nodeFlags = [`--max-old-space-size=${HEAP_MB}`];
  const weir = await WeirUnderTest.start(lab, { threads: THREADS, nodeFlags });
  await create(weir, instance);
  const before = await measureLatency(lab, MEASURE_SECONDS);
  lab.figures.note('alone: p50, p99', `${milliseconds(before.p50Us)}, ${milliseconds(before.p99Us)}`);
  const worst: number[] = [];
  for (const kind of KINDS) worst.push(await endure(lab, weir, kind, before));
  await weather(lab, weir, before);
  const most = Math.max(...worst);
  const bound = `< ${MAX_AMPLIFICATION}`;
  lab.figures.demand('worst amplification', most.toFixed(1), bound, most < MAX_AMPLIFICATION);
  const restarts = await weir.metric('weir_thread_restarts_total');
  lab.figures.demand(`threads lost, with a heap of ${HEAP_MB} MB`, restarts, '0', restarts === 0);
  await weir.demandSoundEnd(lab);
}

/** Bytes that weir holds for each byte that such a crowd has sent over the network. */
async function endure(lab: Lab, weir: WeirUnderTest, kind: Kind, before: ClientFigures): Promise<number> {
  lab.say(`${kind.count} × ${kind.name}`);
  const { front: host, sources } = lab.addresses;
  const crowd = new Crowd({ ...kind, host, port: kind.secure === true ? HTTPS_PORT : HTTP_PORT, sources });
  lab.own(() => crowd.disperse());
  const start = weir.residentBytes;
  const { result: during, peakBytes } = await peakWhile(weir, async () => {
    await crowd.gather();
    return measureLatency(lab, MEASURE_SECONDS);
  });
  const held = Math.max(0, peakBytes - start);
  const amplification = held / crowd.wireBytes;
  const { figures } = lab;
  figures.demand(`${kind.name}: clients, refused`, `${kind.count}, ${crowd.refused}`, '0 refused', crowd.refused === 0);
  figures.note(`${kind.name}: held for each`, `${(held / kind.count / 1024).toFixed(1)} KB`);
  const sent = `${(crowd.wireBytes / kind.count).toFixed(0)} B sent by each, ${(crowd.payloadBytes / kind.count).toFixed(0)} B of them payload`;
  figures.note(`${kind.name}: held per byte sent`, `${amplification.toFixed(1)} (${sent})`);
  demandP99(lab, kind.name, before, during);
  crowd.disperse();
  await untilGone(weir);
  return amplification;
}

async function weather(lab: Lab, weir: WeirUnderTest, before: ClientFigures): Promise<void> {
  lab.say('a storm of connections');
  const { front: host, sources } = lab.addresses;
  const start = weir.residentBytes;
  const { result, peakBytes } = await peakWhile(weir, () =>
    Promise.all([storm({ host, port: HTTP_PORT, sources }, STORM_MS), measureLatency(lab, MEASURE_SECONDS)]),
  );
  const [opened, during] = result;
  lab.figures.note('storm: connections a second', Math.round((opened / STORM_MS) * 1000));
  lab.figures.note('storm: RSS before, at most', `${megabytes(start)}, ${megabytes(peakBytes)}`);
  demandP99(lab, 'storm', before, during);
  await untilGone(weir);
}

function demandP99({ figures }: Lab, what: string, before: ClientFigures, during: ClientFigures): void {
  const most = Math.max(before.p99Us * P99.factor, before.p99Us + P99.orPlusUs);
  const text = `${milliseconds(during.p50Us)}, ${milliseconds(during.p99Us)}`;
  figures.demand(`${what}: others' p50, p99`, text, `p99 <= ${milliseconds(most)}`, during.p99Us <= most);
  const errors = errorCount(during.errors);
  figures.demand(`${what}: others' errors`, errorsText(during.errors), 'none', errors === 0);
}

function untilGone(weir: WeirUnderTest): Promise<unknown> {
  const few = async () => ((await weir.metric('weir_client_connections{load_balancer="web"}')) < 20 ? true : undefined);
  return until('the clients are gone', RECOVERY_MS, few);
}

/** More clients than there are descriptors: they wait or are turned away, everything else goes on. */
async function descriptors(lab: Lab, instance: string): Promise<void> {
  lab.say(`${CROWD_ON_DESCRIPTORS} clients on ${DESCRIPTORS} descriptors`);
  const weir = await WeirUnderTest.start(lab, { name: 'few', threads: THREADS, maxDescriptors: DESCRIPTORS });
  await create(weir, instance);
  const { front: host, sources } = lab.addresses;
  const plan = { host, port: HTTP_PORT, sources, count: CROWD_ON_DESCRIPTORS, first: UNFINISHED };
  const crowd = new Crowd(plan);
  lab.own(() => crowd.disperse());
  await crowd.gather();
  const { figures } = lab;
  const used = weir.descriptors;
  figures.demand('few descriptors: open', used, `<= ${DESCRIPTORS}`, used <= DESCRIPTORS);
  const [cpuBefore, startMs] = [weir.cpuSeconds, systemClock.monotonicMs()];
  await lastFor(SPIN_MS);
  const cpu = ((weir.cpuSeconds - cpuBefore) * 1000) / (systemClock.monotonicMs() - startMs);
  figures.demand('few descriptors: CPU', cpu.toFixed(2), `<= ${MAX_IDLE_CPU}`, cpu <= MAX_IDLE_CPU);
  const health = (await fetch(`${weir.endpoint}/-/health`)).status;
  figures.demand('few descriptors: /-/health', health, '200', health === 200);
  const state = await weir.state('web', instance);
  figures.demand('few descriptors: the instance by the API', String(state), 'InService', state === 'InService');
  const text = await (await fetch(`${weir.endpoint}/metrics`)).text();
  const turnedAway = [...text.matchAll(/^weir_accept_errors_total\{.*\} (\d+)$/gm)].reduce(
    (sum, [, n]) => sum + Number(n),
    0,
  );
  figures.demand('few descriptors: turned away, by the metric', turnedAway, '> 0', turnedAway > 0);
  const told = weir.errors.filter((line) => line.includes('could not be accepted')).length;
  figures.demand('few descriptors: lines in the log', told, `1 to ${THREADS}`, told >= 1 && told <= THREADS);
  crowd.disperse();
  const ask = async () => {
    const answer = await fetch(`http://${host}:${HTTP_PORT}${PATHS.small}`).catch(() => undefined);
    return answer?.status === 200 ? true : undefined;
  };
  const { afterMs } = await until('it serves again', RECOVERY_MS, ask);
  figures.note('few descriptors: serves again after', `${Math.round(afterMs)} ms`);
  await weir.demandSoundEnd(lab, THREADS);
}
