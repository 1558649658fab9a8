/** Clients that send or read as slowly as they can, by the thousand (slowhttptest): what they cost, and whom. */
import { HTTP_PORT } from '../../../bench/addresses.ts';
import type { ManagedProcess } from '../../../bench/processes.ts';
import type { ClientFigures } from '../../../bench/sample.ts';
import { BUFFERS, HTTP_HEAD } from '../../../src/model/limits.ts';
import { megabytes, seconds } from '../figures.ts';
import { demandUnharmed, measureLatency, noteLatency } from '../latency.ts';
import { lastFor, until, type AcceptanceRun, type Lab } from '../lab.ts';
import { peakWhile } from '../memory.ts';
import { NGINX_PORT, PATHS, startNginx, writeMarkedFiles } from '../servers.ts';
import { WeirUnderTest } from '../weir.ts';

const CONNECTIONS = 1000;
const THREADS = 2;
const OPENED_PER_SECOND = 250;
const OPEN_MS = (CONNECTIONS / OPENED_PER_SECOND) * 1000;
const MEASURE_SECONDS = 8;
/** Past the opening and the measuring; within the test's own length. */
const IDLE_TIMEOUT_S = 15;
const TEST_SECONDS = 28;
const SLOWHTTPTEST_GRACE_MS = 10_000;
const RECOVERY_MS = (IDLE_TIMEOUT_S + 15) * 1000;

const OPEN_NOW = 'weir_client_connections{load_balancer="web"}';
const REFUSED = 'weir_error_responses_total{load_balancer="web",code="4xx"}';

interface Slowness {
  readonly name: string;
  readonly args: readonly string[];
  readonly path: string;
  /** More memory than before that they may take, all together. */
  readonly maxBytes: number;
  /** Weir is to cut them at the idle timeout: a head must be whole by then; a body must only go on. */
  readonly cut: boolean;
}

const HELD_BYTES = CONNECTIONS * (HTTP_HEAD.maxBytes + BUFFERS.compose);
const BULK_BYTES = 2 * (THREADS * BUFFERS.bulkGenerous + CONNECTIONS * (BUFFERS.bulkSmall + BUFFERS.compose));

const KINDS: readonly Slowness[] = [
  { name: 'slow headers', args: ['-H', '-i', '2', '-x', '24'], path: PATHS.small, maxBytes: HELD_BYTES, cut: true },
  {
    name: 'slow body',
    args: ['-B', '-i', '2', '-x', '10', '-s', '8192'],
    path: PATHS.upload,
    maxBytes: HELD_BYTES,
    cut: false,
  },
  {
    name: 'slow read',
    args: ['-X', '-n', '2', '-w', '512', '-y', '1024', '-z', '32'],
    path: PATHS.marked(0),
    maxBytes: BULK_BYTES,
    cut: false,
  },
];

export const slowClients: AcceptanceRun = {
  name: 'slow-clients',
  about: `${CONNECTIONS} slow headers, bodies and readers at once: bounded memory, other clients notice nothing, all is given back`,
  needs: ['nginx', 'wrk', 'slowhttptest'],
  limitSeconds: 300,
  async run(lab) {
    const { folder } = writeMarkedFiles(lab);
    const [instance = ''] = lab.addresses.backends;
    await startNginx(lab, 'one', [instance], { files: folder });
    const weir = await WeirUnderTest.start(lab, { threads: THREADS });
    await weir.create({
      name: 'web',
      listeners: [{ protocol: 'HTTP', port: HTTP_PORT, instancePort: NGINX_PORT }],
      instances: [instance],
      healthCheck: {
        Target: `HTTP:${NGINX_PORT}${PATHS.health}`,
        Interval: 5,
        Timeout: 2,
        HealthyThreshold: 2,
        UnhealthyThreshold: 10,
      },
      idleTimeoutSeconds: IDLE_TIMEOUT_S,
    });
    const before = await measureLatency(lab, MEASURE_SECONDS);
    noteLatency(lab, 'without slow clients', before);
    const descriptors = weir.passingDescriptors;
    for (const kind of KINDS) await endure(lab, weir, kind, before, descriptors);
    await weir.demandSoundEnd(lab);
  },
};

async function endure(
  lab: Lab,
  weir: WeirUnderTest,
  kind: Slowness,
  before: ClientFigures,
  descriptors: number,
): Promise<void> {
  lab.say(`${CONNECTIONS} × ${kind.name}`);
  const start = weir.residentBytes;
  const refused = await weir.metric(REFUSED);
  const attack = await lab.processes.start({
    name: 'slowhttptest',
    file: 'slowhttptest',
    args: [...kind.args, '-c', String(CONNECTIONS), '-r', String(OPENED_PER_SECOND), '-l', String(TEST_SECONDS)].concat(
      ['-u', `http://${lab.addresses.front}:${HTTP_PORT}${kind.path}`],
    ),
  });
  let open = 0;
  const { result: during, peakBytes } = await peakWhile(weir, async () => {
    await lastFor(OPEN_MS);
    const [seen] = await Promise.all([
      measureLatency(lab, MEASURE_SECONDS),
      lastFor((MEASURE_SECONDS * 1000) / 2).then(async () => (open = await weir.metric(OPEN_NOW))),
    ]);
    return seen;
  });
  const { figures } = lab;
  figures.demand(`${kind.name}: connections open`, open, `>= ${CONNECTIONS}`, open >= CONNECTIONS);
  const bound = `<= ${megabytes(kind.maxBytes)} more`;
  const holds = peakBytes - start <= kind.maxBytes;
  figures.demand(`${kind.name}: RSS before, at most`, `${megabytes(start)}, ${megabytes(peakBytes)}`, bound, holds);
  demandUnharmed(lab, `with ${kind.name}`, before, during);
  await demandEnd(lab, weir, kind, attack, refused, descriptors);
}

/** What becomes of them: cut, or there until they go of themselves; then nothing is left of them. */
async function demandEnd(
  lab: Lab,
  weir: WeirUnderTest,
  { name, cut }: Slowness,
  attack: ManagedProcess,
  refused: number,
  descriptors: number,
): Promise<void> {
  await Promise.race([attack.exited, lastFor(TEST_SECONDS * 1000 + SLOWHTTPTEST_GRACE_MS)]);
  await attack.stop();
  const { figures } = lab;
  // Those who hang up in the middle of a body are counted with them.
  const timedOut = (await weir.metric(REFUSED)) - refused;
  const all = `>= ${CONNECTIONS} (at ${IDLE_TIMEOUT_S} s)`;
  if (cut) figures.demand(`${name}: answered 408`, timedOut, all, timedOut >= CONNECTIONS);
  const verdict = verdictOf(attack.stdout);
  figures.demand(`${name}: slowhttptest finds the service`, verdict, 'YES', verdict === 'YES');
  const given = until('', RECOVERY_MS, () => (weir.passingDescriptors <= descriptors ? true : undefined));
  const { afterMs } = await given.catch(() => ({ afterMs: RECOVERY_MS }));
  const now = weir.passingDescriptors;
  const text = `${descriptors}, ${now} after ${seconds(afterMs)}`;
  figures.demand(`${name}: descriptors before, now`, text, `<= ${descriptors}`, now <= descriptors);
  figures.note(`${name}: RSS afterwards`, megabytes(weir.residentBytes));
}

/** What slowhttptest says of the service in the end. It paints its screen again and again. */
function verdictOf(output: string): string {
  return [...output.matchAll(/service available:[^A-Z]*(YES|NO)/g)].at(-1)?.[1] ?? 'not said';
}
