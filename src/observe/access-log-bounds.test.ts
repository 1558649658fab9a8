/** What access logs take at most: files that are open at once, and what is known of load balancers that are gone. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { writeLine } from '../../test/support/log-ring.ts';
import { sampleLoadBalancer } from '../../test/support/records.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { FakeClock } from '../kit/clock.ts';
import { silentLog } from '../kit/log.ts';
import { SeededRandom } from '../kit/random.ts';
import { ACCESS_LOG } from '../model/limits.ts';
import { LogRingWriter } from '../traffic/log-ring.ts';
import { systemFiles, type LogFiles } from './access-log-files.ts';
import { folderStore } from './access-log-folder.ts';
import { AccessLogs, type AccessLogsOptions } from './access-logs.ts';

class Lab {
  readonly clock = new FakeClock(Date.UTC(2026, 4, 1, 10, 2));
  readonly logs: AccessLogs;
  /** Files open now, and the most that there have been. */
  open = 0;
  mostOpen = 0;
  readonly #folder: string;
  readonly #writer: LogRingWriter;

  constructor(test: TestContext, more: Partial<AccessLogsOptions> = {}) {
    const root = temporaryDirectory(test);
    this.#folder = join(root, 'delivered');
    mkdirSync(this.#folder);
    const { clock } = this;
    const files = this.#countOpen();
    const store = folderStore(this.#folder, files);
    const options = { clock, random: new SeededRandom(1), log: silentLog, threads: 1, files, store };
    this.logs = new AccessLogs({ ...options, spool: join(root, 'spool'), ...more });
    this.#writer = new LogRingWriter(this.logs.rings[0]!);
  }

  #countOpen(): LogFiles {
    return {
      ...systemFiles,
      open: async (path) => {
        const file = await systemFiles.open(path);
        this.mostOpen = Math.max(this.mostOpen, ++this.open);
        const close = () => file.close().finally(() => this.open--);
        return { ...file, close };
      },
    };
  }

  ordinalOf(name: string, emitInterval: 5 | 60 = 5): number {
    const { attributes } = sampleLoadBalancer(name);
    const accessLog = { enabled: true, s3BucketName: 'bucket', emitInterval };
    return this.logs.ordinalOf(sampleLoadBalancer(name, { attributes: { ...attributes, accessLog } }))!;
  }

  async write(ordinals: readonly number[], line: string): Promise<void> {
    const second = Math.floor(this.clock.epochMs() / 1000);
    for (const ordinal of ordinals) assert.ok(writeLine(this.#writer, ordinal, second, `${line}\n`));
    this.#writer.flush();
    await this.logs.poll();
  }

  async delivered(): Promise<string[]> {
    await this.logs.stop();
    const found = readdirSync(this.#folder, { recursive: true, encoding: 'utf8' });
    return found.filter((path) => path.endsWith('.log')).map((path) => readFileSync(join(this.#folder, path), 'utf8'));
  }
}

it('so many files and one are open at most, however many load balancers write at once', async (t) => {
  const lab = new Lab(t);
  const ordinals = Array.from({ length: ACCESS_LOG.maxOpenFiles + 10 }, (_, index) => lab.ordinalOf(`lb-${index}`));
  for (const line of ['one', 'two']) {
    await lab.write(ordinals, line);
    assert.equal(lab.open, ACCESS_LOG.maxOpenFiles);
  }
  assert.equal(lab.mostOpen, ACCESS_LOG.maxOpenFiles + 1);
  const delivered = await lab.delivered();
  assert.deepEqual([delivered.length, new Set(delivered), lab.open], [ordinals.length, new Set(['one\ntwo\n']), 0]);
});

it('of thousands of load balancers that are gone the first are forgotten, but for what is still to be delivered', async (t) => {
  const lab = new Lab(t);
  const [lasting, quiet] = [lab.ordinalOf('lasting'), lab.ordinalOf('quiet')];
  const writing = lab.ordinalOf('web');
  await lab.write([lasting, writing], 'in time');
  // Each takes the place of the one before.
  const gone = Array.from({ length: 4100 }, (_, index) => lab.ordinalOf('web', index % 2 === 0 ? 60 : 5));
  await lab.write([lasting, quiet, writing, gone[0]!, gone.at(-2)!], 'late');
  assert.equal(lab.logs.metrics().dropped.undelivered, 1);
  assert.deepEqual((await lab.delivered()).toSorted(), ['in time\nlate\n', 'in time\nlate\n', 'late\n', 'late\n']);
});

it('what is being written takes part of the room for what is not delivered', async (t) => {
  const store = { name: 'nowhere', put: () => Promise.reject(new Error('nobody is there')) };
  const lab = new Lab(t, { store, maxSpoolBytes: 1000 });
  const ordinal = lab.ordinalOf('web');
  await lab.write([], '');
  const left = 1000 - lab.logs.metrics().undeliveredBytes;
  await lab.write([ordinal], 'a'.repeat(left - 101));
  lab.clock.advance(5 * 60_000);
  await lab.write([ordinal], 'b'.repeat(99));
  assert.deepEqual([lab.logs.metrics().undeliveredBytes, lab.logs.metrics().dropped.undelivered], [1000, 0]);
  await lab.write([ordinal], 'c');
  assert.ok(lab.logs.metrics().undeliveredBytes < 1000);
});
