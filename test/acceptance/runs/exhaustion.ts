/** Everything that there is only so much of: descriptors, memory, connections a second, CPU; and who takes it all. */
import { HTTP_PORT } from '../../../bench/addresses.ts';
import { issue } from '../../support/issued.ts';
import { clientHello } from '../../support/tls.ts';
import {
  amplification,
  ATTACK_SECONDS,
  attackTable,
  demandBounds,
  endure,
  HTTPS_PORT,
  type Attacked,
  type Endured,
  type Stage,
} from '../attack.ts';
import { attacks, UNFINISHED } from '../attacks.ts';
import { endureFewDescriptors } from '../few-descriptors.ts';
import { HaproxyUnderTest } from '../haproxy.ts';
import type { AcceptanceRun, Lab } from '../lab.ts';
import { measureLatency } from '../latency.ts';
import { servedFirst, setApart } from '../pinning.ts';
import { NGINX_PORT, PATHS, startNginx } from '../servers.ts';
import { WeirUnderTest } from '../weir.ts';

/** For all threads and control each: little more than they need for themselves. */
const HEAP_MB = 128;
const IDLE_TIMEOUT_S = 60;
const MAX_AMPLIFICATION = 100;
const DESCRIPTORS = 256;
const CROWD_ON_DESCRIPTORS = 600;
const THREADS_ON_DESCRIPTORS = 2;

export const exhaustion: AcceptanceRun = {
  name: 'exhaustion',
  about: `${DESCRIPTORS} descriptors, a small heap, 10000 slow clients, heads of 64 KB, a storm of connections: bounded, and nobody else notices`,
  needs: ['nginx', 'wrk', 'taskset', 'chrt'],
  limitSeconds: 1200,
  async run(lab) {
    const { peer: cpus } = setApart(lab);
    const starter = servedFirst(lab);
    const [instance = ''] = lab.addresses.backends;
    await startNginx(lab, 'one', [instance], { starter });
    await endureAttacks(lab, { instance, cpus, starter });
    const threads = THREADS_ON_DESCRIPTORS;
    const weir = await WeirUnderTest.start(lab, { name: 'few', threads, maxDescriptors: DESCRIPTORS, cpus });
    await create(weir, instance);
    const plan = { weir, instance, threads, descriptors: DESCRIPTORS, clients: CROWD_ON_DESCRIPTORS };
    await endureFewDescriptors(lab, { ...plan, first: UNFINISHED });
  },
};

/** The same attacks on HAProxy: what others notice of them there. It demands nothing of it but that it lives. */
export const exhaustionOfHaproxy: AcceptanceRun = {
  name: 'exhaustion-of-haproxy',
  about: 'the same attacks on HAProxy, to see what others notice of them there',
  needs: ['nginx', 'haproxy', 'wrk', 'taskset', 'chrt'],
  limitSeconds: 1200,
  async run(lab) {
    const { peer: cpus } = setApart(lab);
    const starter = servedFirst(lab);
    const [instance = ''] = lab.addresses.backends;
    await startNginx(lab, 'one', [instance], { starter });
    const haproxy = await HaproxyUnderTest.start(lab, { instance, httpsPort: HTTPS_PORT, cpus });
    await measureLatency(lab, ATTACK_SECONDS);
    const all: Endured[] = [];
    const stage = { attacked: haproxy, starter };
    for (const attack of attacks(await clientHello())) all.push(await endure(lab, stage, attack));
    lab.figures.attach(attackTable(all));
    lab.figures.demand('it runs', String(haproxy.running), 'true', haproxy.running);
  },
};

async function create(weir: WeirUnderTest, instance: string): Promise<void> {
  const certificate = await weir.importCertificate(issue({ key: 'rsa-2048' }));
  await weir.create({
    name: 'web',
    listeners: [
      { protocol: 'HTTP', port: HTTP_PORT, instancePort: NGINX_PORT },
      { protocol: 'HTTPS', port: HTTPS_PORT, instancePort: NGINX_PORT, certificate },
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

interface Exhaustion extends Pick<Stage, 'starter'> {
  readonly instance: string;
  readonly cpus: readonly number[] | undefined;
}

async function endureAttacks(lab: Lab, { instance, cpus, starter }: Exhaustion): Promise<void> {
  const nodeFlags = [`--max-old-space-size=${HEAP_MB}`];
  const weir = await WeirUnderTest.start(lab, { threads: cpus?.length ?? 2, nodeFlags, cpus });
  await create(weir, instance);
  // The first requests are what a weir learns to be fast with.
  await measureLatency(lab, ATTACK_SECONDS);
  const all: Endured[] = [];
  const stage = { attacked: attackedOf(weir), starter };
  for (const attack of attacks(await clientHello())) {
    const endured = await endure(lab, stage, attack);
    all.push(endured);
    demandBounds(lab, endured);
  }
  lab.figures.attach(attackTable(all));
  const most = Math.max(...all.map((endured) => amplification(endured) ?? 0));
  const bound = `< ${MAX_AMPLIFICATION}`;
  lab.figures.demand('worst amplification', most.toFixed(1), bound, most < MAX_AMPLIFICATION);
  const restarts = await weir.metric('weir_thread_restarts_total');
  lab.figures.demand(`threads lost, with a heap of ${HEAP_MB} MB`, restarts, '0', restarts === 0);
  await weir.demandSoundEnd(lab);
}

function attackedOf(weir: WeirUnderTest): Attacked {
  return {
    get residentBytes() {
      return weir.residentBytes;
    },
    get cpuSeconds() {
      return weir.cpuSeconds;
    },
    accepted: () => weir.metric('weir_client_connections_total{load_balancer="web"}'),
    connected: () => weir.metric('weir_client_connections{load_balancer="web"}'),
  };
}
