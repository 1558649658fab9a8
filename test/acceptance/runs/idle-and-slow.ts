/** Very many idle connections, and very many downloads by clients that read slowly: what they cost, and whom. */
import { HTTP_PORT } from '../../../bench/addresses.ts';
import { openIdle } from '../../../bench/load/idle.ts';
import type { ClientFigures } from '../../../bench/sample.ts';
import { BUFFERS } from '../../../src/model/limits.ts';
import { errorCount, errorsText, megabytes, seconds } from '../figures.ts';
import { demandUnharmed, measureLatency, noteLatency } from '../latency.ts';
import { lastFor, until, type AcceptanceRun, type Lab } from '../lab.ts';
import { peakWhile } from '../memory.ts';
import { MARKED_BYTES, MARKED_FILES, NGINX_PORT, PATHS, startNginx, writeMarkedFiles } from '../servers.ts';
import { SlowDownloads } from '../slow-readers.ts';
import { WeirUnderTest } from '../weir.ts';

const IDLE = 10_000;
const DOWNLOADS = 1000;
const THREADS = 2;
const DOWNLOADS_PORT = HTTP_PORT + 1;
const MEASURE_SECONDS = 6;
/** What the kernel takes for its buffers in the beginning. */
const FILL_SECONDS = 8;
const HURRY_LIMIT_MS = 180_000;
/** Long enough for all to be opened and measured. */
const IDLE_TIMEOUT_S = 60;
const POOL_EMPTY_MS = (IDLE_TIMEOUT_S + 15) * 1000;
const MAX_IDLE_BYTES = 4096;
/**
 * What the engine may hold for downloads whose clients do not read: bulk buffers, large ones while there are few, and an
 * outbox each; and as much again for what the allocator and the collector keep.
 */
const MAX_DOWNLOADS_BYTES = 2 * (THREADS * BUFFERS.bulkGenerous + DOWNLOADS * (BUFFERS.bulkSmall + BUFFERS.compose));

export const idleAndSlow: AcceptanceRun = {
  name: 'idle-and-slow',
  about: `${IDLE} idle connections, then ${DOWNLOADS} slow downloads of 10 MB: memory is bounded, other clients notice nothing`,
  needs: ['nginx', 'wrk'],
  limitSeconds: 420,
  async run(lab) {
    const { folder, contents } = writeMarkedFiles(lab);
    const [files = '', small = ''] = lab.addresses.backends;
    await startNginx(lab, 'files', [files], { files: folder });
    await startNginx(lab, 'small', [small]);
    const weir = await WeirUnderTest.start(lab, { threads: THREADS });
    await create(weir, 'web', HTTP_PORT, small);
    // An nginx of their own, whose work on the downloads is not what the other clients are to feel.
    await create(weir, 'downloads', DOWNLOADS_PORT, files);
    // Warms it up as well: the memory that is compared with is that of a weir at work.
    const before = await measureLatency(lab, MEASURE_SECONDS);
    noteLatency(lab, 'before', before);
    const descriptors = weir.passingDescriptors;
    await holdIdle(lab, weir, before);
    await downloadSlowly(lab, weir, before, contents);
    await demandDescriptorsBack(lab, weir, descriptors);
    await weir.demandSoundEnd(lab);
  },
};

function create(weir: WeirUnderTest, name: string, port: number, instance: string): Promise<void> {
  return weir.create({
    name,
    listeners: [{ protocol: 'HTTP', port, instancePort: NGINX_PORT }],
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
}

async function holdIdle(lab: Lab, weir: WeirUnderTest, before: ClientFigures): Promise<void> {
  lab.say(`${IDLE} idle connections`);
  const start = weir.residentBytes;
  const idle = await openIdle(lab.addresses, PATHS.small, IDLE);
  lab.own(() => void idle.close());
  const { result: during, peakBytes } = await peakWhile(weir, () => measureLatency(lab, MEASURE_SECONDS));
  const each = (weir.residentBytes - start) / IDLE;
  const { figures } = lab;
  const held = idle.open - idle.lost();
  figures.demand('idle connections held', held, String(IDLE), held === IDLE);
  figures.note('RSS before, with them', `${megabytes(start)}, ${megabytes(peakBytes)}`);
  figures.demand('RSS per idle connection', `${(each / 1024).toFixed(2)} KB`, '<= 4 KB', each <= MAX_IDLE_BYTES);
  demandUnharmed(lab, 'with idle connections', before, during);
  await idle.close();
  figures.note('RSS after they are closed', megabytes(weir.residentBytes));
}

async function downloadSlowly(
  lab: Lab,
  weir: WeirUnderTest,
  before: ClientFigures,
  contents: readonly Buffer[],
): Promise<void> {
  lab.say(`${DOWNLOADS} downloads, slow, then as fast as they go`);
  const start = weir.residentBytes;
  const downloads = new SlowDownloads();
  lab.own(() => downloads.close());
  const plan = downloadsOf(lab, contents);
  const slow = await peakWhile(weir, async () => {
    // At first they are not slow at all: gigabytes go into the kernel's buffers, as fast as the machine can.
    const [filling] = await Promise.all([measureLatency(lab, FILL_SECONDS), downloads.open(plan)]);
    noteLatency(lab, 'while the buffers fill', filling);
    return measureLatency(lab, MEASURE_SECONDS);
  });
  const { figures } = lab;
  const each = downloads.received / DOWNLOADS;
  figures.note('slow downloads: received of 10 MB, each', megabytes(each));
  const grown = slow.peakBytes - start;
  const bound = `<= ${megabytes(MAX_DOWNLOADS_BYTES)} more`;
  const text = (peak: number) => `${megabytes(start)}, ${megabytes(peak)}`;
  figures.demand('RSS before, at most while slow', text(slow.peakBytes), bound, grown <= MAX_DOWNLOADS_BYTES);
  demandUnharmed(lab, 'with slow downloads', before, slow.result);
  const fast = await peakWhile(weir, () =>
    Promise.all([within(HURRY_LIMIT_MS, downloads.hurry()), measureLatency(lab, MEASURE_SECONDS)]),
  );
  const [faults, beside] = fast.result;
  noteLatency(lab, 'while they go as fast as they can', beside);
  const fastGrown = fast.peakBytes - start;
  figures.demand('RSS at most while fast', megabytes(fast.peakBytes), bound, fastGrown <= MAX_DOWNLOADS_BYTES);
  const whole = downloads.received === DOWNLOADS * MARKED_BYTES;
  figures.demand('downloads with a fault', errorsText(faults), 'none', errorCount(faults) === 0 && whole);
  await lastFor(MEASURE_SECONDS * 1000);
  figures.note('RSS after', megabytes(weir.residentBytes));
}

function downloadsOf(lab: Lab, contents: readonly Buffer[]) {
  return {
    host: lab.addresses.front,
    port: DOWNLOADS_PORT,
    count: DOWNLOADS,
    path: (index: number) => PATHS.marked(index % MARKED_FILES),
    content: (index: number) => contents[index % MARKED_FILES]!,
  };
}

async function within(ms: number, faults: Promise<Record<string, number>>): Promise<Record<string, number>> {
  return Promise.race([faults, lastFor(ms).then(() => ({ 'not all done in time': 1 }))]);
}

/** The last to go are connections to instances that wait in their pool, for the idle timeout. */
async function demandDescriptorsBack(lab: Lab, weir: WeirUnderTest, before: number): Promise<void> {
  lab.say('descriptors come back');
  const back = until('', POOL_EMPTY_MS, () => (weir.passingDescriptors <= before ? true : undefined)).catch(
    () => undefined,
  );
  const { afterMs } = (await back) ?? { afterMs: POOL_EMPTY_MS };
  const now = weir.passingDescriptors;
  const text = `${before}, ${now} after ${seconds(afterMs)}`;
  lab.figures.demand('descriptors before, now', text, `<= ${before}`, now <= before);
}
