import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { FaultyDisk } from '../../test/support/log-files.ts';
import { sampleLoadBalancer } from '../../test/support/records.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { FakeClock } from '../kit/clock.ts';
import type { LogFields } from '../kit/log.ts';
import { SeededRandom } from '../kit/random.ts';
import { ACCESS_LOG } from '../model/limits.ts';
import { idOf, type AccessLogAttribute, type LoadBalancer } from '../model/load-balancer.ts';
import { writeLine } from '../../test/support/log-ring.ts';
import { LogRingWriter } from '../traffic/log-ring.ts';
import { folderStore } from './access-log-folder.ts';
import { AccessLogs } from './access-logs.ts';

const START = Date.UTC(2026, 4, 1, 10, 2);
const MINUTE = 60_000;

function loadBalancer(name: string, accessLog: Partial<AccessLogAttribute> = {}): LoadBalancer {
  const { attributes } = sampleLoadBalancer(name);
  return sampleLoadBalancer(name, {
    attributes: {
      ...attributes,
      accessLog: { enabled: true, s3BucketName: 'bucket', emitInterval: 5, ...accessLog },
    },
  });
}

/** Access logs with time, disk and place of delivery in the hands of the test. */
class Harness {
  readonly clock = new FakeClock(START);
  readonly disk = new FaultyDisk();
  readonly spool: string;
  readonly folder: string;
  readonly lines: [message: string, fields: LogFields][] = [];
  logs: AccessLogs;
  #writers: LogRingWriter[];
  readonly #made: AccessLogs[] = [];

  constructor(test: TestContext, over: { maxSpoolBytes?: number } = {}) {
    // Before the directory goes.
    test.after(async () => {
      for (const logs of this.#made) await logs.stop();
    });
    const root = temporaryDirectory(test);
    this.spool = join(root, 'spool');
    this.folder = join(root, 'delivered');
    mkdirSync(this.folder);
    this.logs = this.#make(over);
    this.#writers = this.logs.rings.map((ring) => new LogRingWriter(ring));
  }

  #make(over: { maxSpoolBytes?: number }): AccessLogs {
    const line = (fields: LogFields, message: string): void => void this.lines.push([message, fields]);
    const made = new AccessLogs({
      clock: this.clock,
      random: new SeededRandom(1),
      log: { debug: line, info: line, warn: line, error: line },
      threads: 2,
      spool: this.spool,
      store: folderStore(this.folder, this.disk),
      files: this.disk,
      ...over,
    });
    this.#made.push(made);
    return made;
  }

  /** A process after this one. */
  async restart(): Promise<void> {
    this.logs = this.#make({});
    this.#writers = this.logs.rings.map((ring) => new LogRingWriter(ring));
    await this.logs.start();
    await this.settled();
  }

  /** A traffic thread hands over a line about `ordinal`, of now or a little before. */
  write(ordinal: number | undefined, line: string, thread = 0, lateMs = 0): void {
    assert.ok(ordinal !== undefined);
    const writer = this.#writers[thread]!;
    assert.ok(writeLine(writer, ordinal, Math.floor((this.clock.epochMs() - lateMs) / 1000), `${line}\n`));
    writer.flush();
  }

  /** Lets time pass, and one turn after it. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.logs.poll();
    await this.settled();
  }

  /** The delivery rests. */
  async settled(): Promise<void> {
    const { delivery } = this.logs;
    await delivery.settle();
  }

  /** Content by name: the end time of delivered files, with the bucket and prefix in front. */
  delivered(): Record<string, string> {
    return this.#read(this.folder);
  }

  undelivered(): Record<string, string> {
    return this.#read(this.spool);
  }

  #read(folder: string): Record<string, string> {
    if (!existsSync(folder)) return {};
    const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.log'));
    const entries = found.map((path): [string, string] => [
      `${path.split('/AWSLogs/')[0]} ${/_(\d+T\d+Z)_/.exec(path)?.[1]}`,
      readFileSync(join(folder, path), 'latin1'),
    ]);
    return Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
  }

  said(message: string): LogFields[] {
    return this.lines.filter(([line]) => line.startsWith(message)).map(([, fields]) => fields);
  }
}

describe('access logs', () => {
  it('are delivered when their interval is over, aligned to the clock', async (t) => {
    const harness = new Harness(t);
    const [five, sixty] = [
      harness.logs.ordinalOf(loadBalancer('five')),
      harness.logs.ordinalOf(loadBalancer('sixty', { emitInterval: 60, s3BucketName: 'other', s3BucketPrefix: 'a/b' })),
    ];
    harness.write(five, 'one');
    harness.write(sixty, 'eins', 1);
    await harness.pass(3 * MINUTE - 1);
    assert.deepEqual(harness.delivered(), {});
    harness.write(five, 'two', 1);
    await harness.pass(1);
    harness.write(five, 'three');
    await harness.pass(2 * MINUTE);
    assert.deepEqual(harness.delivered(), { 'bucket 20260501T1005Z': 'one\ntwo\n' });
    await harness.pass(60 * MINUTE);
    assert.deepEqual(harness.delivered(), {
      'bucket 20260501T1005Z': 'one\ntwo\n',
      'bucket 20260501T1010Z': 'three\n',
      'other/a/b 20260501T1100Z': 'eins\n',
    });
    assert.deepEqual(harness.undelivered(), {});
    assert.equal(harness.logs.metrics().undeliveredFiles, 0);
  });

  it('wait a little for what threads hand over late', async (t) => {
    const harness = new Harness(t);
    const ordinal = harness.logs.ordinalOf(loadBalancer('web'));
    harness.write(ordinal, 'one');
    await harness.pass(3 * MINUTE - 1);
    harness.write(ordinal, 'late');
    await harness.pass(1000);
    harness.write(ordinal, 'later', 0, 1500);
    harness.write(ordinal, 'of the next');
    await harness.pass(1001);
    assert.deepEqual(harness.delivered(), { 'bucket 20260501T1005Z': 'one\nlate\nlater\n' });
  });

  it('of load balancers without requests do not exist', async (t) => {
    const harness = new Harness(t);
    harness.logs.ordinalOf(loadBalancer('web'));
    await harness.pass(10 * MINUTE);
    assert.deepEqual(harness.delivered(), {});
  });

  it('follow their attribute at once: bucket, prefix, interval, off and on', async (t) => {
    const harness = new Harness(t);
    const { logs } = harness;
    const steps = [{}, { s3BucketName: 'second' }, { s3BucketPrefix: 'p' }, { emitInterval: 60 }] as const;
    const ordinals = steps.map((step) => {
      const ordinal = logs.ordinalOf(loadBalancer('web', step));
      assert.equal(logs.ordinalOf(loadBalancer('web', step)), ordinal);
      harness.write(ordinal, JSON.stringify(step));
      return ordinal;
    });
    assert.equal(new Set(ordinals).size, steps.length);
    assert.equal(logs.ordinalOf(loadBalancer('web', { enabled: false })), undefined);
    await harness.pass(3000);
    assert.deepEqual(harness.delivered(), {
      'bucket 20260501T1005Z': '{}\n',
      'bucket 20260501T1100Z': '{"emitInterval":60}\n',
      'bucket/p 20260501T1005Z': '{"s3BucketPrefix":"p"}\n',
      'second 20260501T1005Z': '{"s3BucketName":"second"}\n',
    });
    assert.notEqual(logs.ordinalOf(loadBalancer('web')), undefined);
  });

  it('of a load balancer that is deleted are still delivered, late lines too', async (t) => {
    const harness = new Harness(t);
    const record = loadBalancer('web');
    const ordinal = harness.logs.ordinalOf(record);
    harness.write(ordinal, 'one');
    harness.logs.forget(idOf(record));
    await harness.pass(3000);
    assert.deepEqual(harness.delivered(), { 'bucket 20260501T1005Z': 'one\n' });
    harness.clock.advance(10 * MINUTE);
    harness.write(ordinal, 'of a long connection');
    await harness.pass(0);
    assert.equal(harness.delivered()['bucket 20260501T1015Z'], 'of a long connection\n');
  });

  it('show with a test file that they can be put there', async (t) => {
    const harness = new Harness(t);
    harness.logs.ordinalOf(loadBalancer('web', { s3BucketPrefix: 'p' }));
    await harness.pass(200);
    const path = join(harness.folder, 'bucket/p/AWSLogs/000000000000/ELBAccessLogTestFile');
    assert.match(readFileSync(path, 'utf8'), /^Enable AccessLog for ELB: web at 2026-05-01T10:02:00/);
  });

  it('show it again when the log is switched on again, also while the file is on its way', async (t) => {
    const harness = new Harness(t);
    for (const enabled of [true, false, true]) harness.logs.ordinalOf(loadBalancer('web', { enabled }));
    await harness.pass(200);
    assert.deepEqual(readdirSync(harness.spool), []);
    assert.equal(harness.logs.metrics().deliveryFailures, 0);
    assert.equal(harness.logs.metrics().deliveredFiles, 1);
  });

  it('keep the lines of a thread that has died', async (t) => {
    const harness = new Harness(t);
    const ordinal = harness.logs.ordinalOf(loadBalancer('web'))!;
    const writer = new LogRingWriter(harness.logs.rings[0]!);
    assert.ok(writeLine(writer, ordinal, START / 1000, 'left\n'));
    await harness.pass(200);
    assert.deepEqual(harness.undelivered(), {});
    harness.logs.threadEnded(0);
    await harness.pass(200);
    assert.deepEqual(harness.undelivered(), { 'bucket 20260501T1005Z': 'left\n' });
  });
});

describe('access logs across processes', () => {
  it('are delivered when the process stops', async (t) => {
    const harness = new Harness(t);
    harness.write(harness.logs.ordinalOf(loadBalancer('web')), 'one');
    await harness.logs.stop();
    assert.deepEqual(harness.delivered(), { 'bucket 20260501T1005Z': 'one\n' });
  });

  it('are delivered when the process stops while lines before them are being written', async (t) => {
    const harness = new Harness(t);
    const ordinal = harness.logs.ordinalOf(loadBalancer('web'));
    const [writing, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    harness.disk.before = () => (writing.resolve(), held.promise);
    harness.write(ordinal, 'one');
    void harness.logs.poll();
    await writing.promise;
    harness.write(ordinal, 'two');
    const stopped = harness.logs.stop();
    held.resolve();
    await stopped;
    assert.deepEqual(harness.delivered(), { 'bucket 20260501T1005Z': 'one\ntwo\n' });
  });

  it('keep no process that stops, when the disk hangs', async (t) => {
    const harness = new Harness(t);
    const ordinal = harness.logs.ordinalOf(loadBalancer('web'));
    await harness.pass(200);
    let hangs = true;
    const woken: (() => void)[] = [];
    harness.disk.before = () => (hangs ? new Promise<void>((resolve) => woken.push(resolve)) : Promise.resolve());
    harness.write(ordinal, 'one');
    const stopped = harness.logs.stop();
    harness.clock.advance(ACCESS_LOG.stopMs);
    await stopped;
    hangs = false;
    for (const wake of woken) wake();
  });

  it('that were left are delivered by the next process, but for a last line that is torn', async (t) => {
    const harness = new Harness(t);
    harness.write(harness.logs.ordinalOf(loadBalancer('web')), 'one');
    await harness.pass(200);
    const torn = join(harness.spool, 'other/AWSLogs/0/elasticloadbalancing/r/2026/01/01/x_20260101T0000Z_y.log');
    mkdirSync(dirname(torn), { recursive: true });
    writeFileSync(torn, `${'x'.repeat(100_000)}\nwhole\nto${'r'.repeat(70_000)}`);
    writeFileSync(torn.replace('x_', 'empty_'), 'torn');
    await harness.restart();
    assert.deepEqual(harness.delivered(), {
      'bucket 20260501T1005Z': 'one\n',
      'other 20260101T0000Z': `${'x'.repeat(100_000)}\nwhole\n`,
    });
    assert.deepEqual(readdirSync(harness.spool), []);
  });

  it('are tried once more when the process stops, whatever failed before', async (t) => {
    const harness = new Harness(t);
    rmSync(harness.folder, { recursive: true });
    const ordinal = harness.logs.ordinalOf(loadBalancer('web'));
    harness.write(ordinal, 'one');
    await harness.pass(10 * MINUTE);
    mkdirSync(harness.folder);
    harness.write(ordinal, 'two');
    await harness.logs.stop();
    assert.deepEqual(Object.values(harness.delivered()), ['one\n', 'two\n']);
  });

  it('that somebody has taken away do not keep the others', async (t) => {
    const harness = new Harness(t);
    rmSync(harness.folder, { recursive: true });
    const ordinal = harness.logs.ordinalOf(loadBalancer('web'));
    harness.write(ordinal, 'one');
    await harness.pass(10 * MINUTE);
    rmSync(harness.spool, { recursive: true });
    mkdirSync(harness.folder);
    harness.write(ordinal, 'two');
    await harness.logs.stop();
    assert.deepEqual(Object.values(harness.delivered()), ['two\n']);
    assert.equal(harness.said('an access log file is gone').length, 2);
  });

  it('are kept over a restart while they cannot be delivered', async (t) => {
    const harness = new Harness(t);
    rmSync(harness.folder, { recursive: true });
    harness.write(harness.logs.ordinalOf(loadBalancer('web')), 'one');
    await harness.logs.stop();
    await harness.restart();
    assert.deepEqual(harness.undelivered(), { 'bucket 20260501T1005Z': 'one\n' });
    mkdirSync(harness.folder);
    harness.clock.advance(1000);
    await harness.settled();
    assert.deepEqual(harness.delivered(), { 'bucket 20260501T1005Z': 'one\n' });
  });
});

describe('access logs that nobody takes', () => {
  it('are tried again after a growing pause, which the log says once', async (t) => {
    const harness = new Harness(t);
    rmSync(harness.folder, { recursive: true });
    harness.write(harness.logs.ordinalOf(loadBalancer('web')), 'one');
    await harness.pass(3 * MINUTE + 2000);
    const pauses: number[] = [];
    for (let failures = harness.logs.metrics().deliveryFailures, waited = 0; pauses.length < 12;) {
      harness.clock.advance(1000);
      waited += 1000;
      await harness.settled();
      const now = harness.logs.metrics().deliveryFailures;
      if (now === failures) continue;
      failures = now;
      pauses.push(waited);
      waited = 0;
    }
    assert.deepEqual(
      pauses.slice(-8),
      [16, 32, 64, 128, 256, 300, 300, 300].map((seconds) => seconds * 1000),
    );
    assert.equal(harness.said('access logs cannot be delivered').length, 1);
    assert.match(String(harness.said('access logs cannot be delivered')[0]?.['cause']), /^there is no folder .*mount/);
    assert.equal(harness.logs.metrics().undeliveredFiles, 2);
    mkdirSync(harness.folder);
    harness.clock.advance(300_000);
    await harness.settled();
    assert.deepEqual(Object.values(harness.delivered()), ['one\n']);
    assert.equal(harness.said('access logs are delivered').length, 1);
    assert.equal(harness.logs.metrics().undeliveredBytes, 0);
  });

  it('do not keep those of another bucket', async (t) => {
    const harness = new Harness(t);
    mkdirSync(join(harness.folder, 'bucket'));
    writeFileSync(join(harness.folder, 'bucket/AWSLogs'), 'in the way');
    harness.write(harness.logs.ordinalOf(loadBalancer('web')), 'one');
    harness.write(harness.logs.ordinalOf(loadBalancer('shop', { s3BucketName: 'good' })), 'two');
    await harness.pass(4 * MINUTE);
    assert.deepEqual(harness.delivered(), { 'good 20260501T1005Z': 'two\n' });
    assert.deepEqual(harness.undelivered(), { 'bucket 20260501T1005Z': 'one\n' });
  });

  it('go elsewhere at once when another place is named, and what comes later too', async (t) => {
    const harness = new Harness(t);
    rmSync(harness.folder, { recursive: true });
    const ordinal = harness.logs.ordinalOf(loadBalancer('web'));
    harness.write(ordinal, 'one');
    await harness.pass(4 * MINUTE);
    assert.deepEqual(Object.values(harness.undelivered()), ['one\n']);
    mkdirSync(harness.folder);
    const other = join(dirname(harness.folder), 'other');
    mkdirSync(other);
    harness.logs.delivery.deliverTo(folderStore(other, harness.disk));
    await harness.settled();
    assert.deepEqual(harness.undelivered(), {});
    harness.write(ordinal, 'two');
    await harness.pass(6 * MINUTE);
    const delivered = readdirSync(other, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.log'));
    assert.equal(delivered.length, 2);
    assert.deepEqual(harness.delivered(), {}, 'nothing went where it was to go before');
  });

  it('go, the oldest first, when there are too many', async (t) => {
    const harness = new Harness(t, { maxSpoolBytes: 250 });
    rmSync(harness.folder, { recursive: true });
    const ordinal = harness.logs.ordinalOf(loadBalancer('web'));
    for (const letter of ['a', 'b', 'c', 'd']) {
      for (let i = 0; i < 4; i++) harness.write(ordinal, letter.repeat(19));
      await harness.pass(5 * MINUTE);
    }
    await harness.pass(5 * MINUTE);
    const kept = Object.values(harness.undelivered()).map((text) => text[0]);
    assert.deepEqual(kept, ['b', 'c', 'd']);
    assert.deepEqual(harness.logs.metrics().dropped, { ring: 0, disk: 0, undelivered: 5 });
    assert.equal(harness.said('an access log file was dropped').length, 2);
  });
});

describe('access logs on a disk that is full', () => {
  it('fault 41: lose lines, counted and told once, and never a part of a line', async (t) => {
    const harness = new Harness(t);
    const ordinal = harness.logs.ordinalOf(loadBalancer('web'));
    await harness.pass(200);
    harness.write(ordinal, 'one');
    await harness.pass(200);
    harness.disk.room = 7;
    harness.write(ordinal, 'lost');
    harness.write(ordinal, 'lost');
    await harness.pass(200);
    harness.disk.truncateFailure = 'EIO';
    harness.write(ordinal, 'lost as well');
    await harness.pass(200);
    await harness.pass(200);
    assert.equal(harness.said('access logs are written again').length, 0, 'there was nothing to write');
    assert.equal(harness.logs.metrics().dropped.disk, 3);
    const told = harness.said('access log lines are lost');
    assert.equal(told.length, 1);
    assert.match(String(told[0]?.['cause']), /^ENOSPC/);
    harness.disk.room = Infinity;
    harness.disk.truncateFailure = undefined;
    harness.write(ordinal, 'two');
    await harness.pass(4 * MINUTE);
    assert.equal(harness.said('access logs are written again').length, 1);
    assert.deepEqual(harness.delivered(), { 'bucket 20260501T1005Z': 'one\ntwo\n' });
  });

  it('are told of once where one file cannot be written and others can', async (t) => {
    const harness = new Harness(t);
    const [web, api] = ['web', 'api'].map((name) => harness.logs.ordinalOf(loadBalancer(name)));
    const open = harness.disk.open.bind(harness.disk);
    harness.disk.open = (path) => (path.includes('_web_') ? Promise.reject(new Error('ENAMETOOLONG')) : open(path));
    for (let turn = 0; turn < 10; turn++) {
      for (const ordinal of [web, api]) harness.write(ordinal, 'a line');
      await harness.pass(200);
    }
    assert.equal(harness.logs.metrics().dropped.disk, 10);
    assert.equal(harness.said('access log lines are lost').length, 1);
    assert.equal(harness.said('access logs are written again').length, 0);
  });

  it('are cut to whole lines before they are delivered', async (t) => {
    const harness = new Harness(t);
    const ordinal = harness.logs.ordinalOf(loadBalancer('web'));
    await harness.pass(200);
    harness.write(ordinal, 'one');
    await harness.pass(200);
    harness.disk.room = 2;
    harness.disk.truncateFailure = 'EIO';
    harness.write(ordinal, 'lost');
    await harness.pass(4 * MINUTE);
    assert.deepEqual(harness.delivered(), { 'bucket 20260501T1005Z': 'one\n' });
  });

  it('are still taken from the threads, whose rings do not fill', async (t) => {
    const harness = new Harness(t);
    harness.disk.failure = 'EROFS';
    const ordinal = harness.logs.ordinalOf(loadBalancer('web'));
    const line = 'x'.repeat(100_000);
    for (let i = 0; i < 100; i++) {
      harness.write(ordinal, line);
      await harness.pass(200);
    }
    assert.deepEqual(harness.logs.metrics().dropped, { ring: 0, disk: 100, undelivered: 0 });
    assert.equal(harness.said('access log lines are lost').length, 1);
  });

  it(
    'may have a folder that cannot be written to',
    { skip: process.getuid?.() === 0 && 'root may write anywhere' },
    async (t) => {
      const harness = new Harness(t);
      chmodSync(harness.folder, 0o500);
      harness.write(harness.logs.ordinalOf(loadBalancer('web')), 'one');
      await harness.pass(4 * MINUTE);
      chmodSync(harness.folder, 0o700);
      assert.match(String(harness.said('access logs cannot be delivered')[0]?.['cause']), /EACCES/);
    },
  );
});
