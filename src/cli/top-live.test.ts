import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeTerminal } from '../../test/support/fake-terminal.ts';
import { busyLoadBalancer, metricsText } from '../../test/support/metrics.ts';
import { settled } from '../../test/support/settled.ts';
import { FakeClock } from '../kit/clock.ts';
import { COUNTER, counterRow } from '../traffic/counters.ts';
import { printTables, watchLive, type TopOptions } from './top-live.ts';
import { readScrape, type Scrape } from './top-scrape.ts';

const INTERVAL_MS = 1000;

/** A weir with `web` and `api`, of which `web` has 10 requests each second. */
class PlayedWeir {
  readonly clock = new FakeClock();
  problem: string | undefined;
  scrapes = 0;
  readonly options: TopOptions = {
    endpoint: '127.0.0.1:7600',
    intervalMs: INTERVAL_MS,
    clock: this.clock,
    scrape: async () => {
      this.scrapes++;
      if (this.problem !== undefined) throw new Error(this.problem);
      return this.look();
    },
  };

  look(): Scrape {
    const [web, api] = [busyLoadBalancer('web', 2, 1), busyLoadBalancer('api', 2, 2)];
    counterRow(web.counters, 0)[COUNTER.requests] = this.clock.monotonicMs() / 100;
    return readScrape(metricsText({ loadBalancers: [web, api] }), this.clock.monotonicMs(), 100);
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settled();
  }
}

function live() {
  const weir = new PlayedWeir();
  const terminal = new FakeTerminal();
  let ended = false;
  const done = watchLive(weir.look(), weir.options, terminal).then(() => (ended = true));
  const listed = () => terminal.rows.slice(5, 7).map((row) => row.split(' ')[0]);
  return { weir, terminal, done, listed, isEnded: () => ended };
}

describe('the live view', () => {
  test('draws at once, and what has changed after every interval', async () => {
    const { weir, terminal } = live();
    assert.match(terminal.rows[1]!, /^- req\/s /);
    await weir.pass(INTERVAL_MS);
    assert.match(terminal.rows[1]!, /^10 req\/s /);
    await weir.pass(INTERVAL_MS);
    assert.equal(weir.scrapes, 2);
    await terminal.type('q');
  });

  test('sorts by a key, and says by which', async () => {
    const { weir, terminal, listed } = live();
    await weir.pass(INTERVAL_MS);
    assert.deepEqual(listed(), ['web', 'api']);
    assert.match(
      terminal.rows.find((row) => row.startsWith('q quit'))!,
      /r requests\* /,
    );
    await terminal.type('n');
    assert.deepEqual(listed(), ['api', 'web']);
    assert.match(
      terminal.rows.find((row) => row.startsWith('q quit'))!,
      /n name\*$/,
    );
    await terminal.type('r');
    assert.deepEqual(listed(), ['web', 'api']);
    await terminal.type('q');
  });

  test('shows the instances of the load balancer that is chosen, which stays so when the order changes', async () => {
    const { weir, terminal } = live();
    await weir.pass(INTERVAL_MS);
    const chosen = () => /INSTANCE OF (\w+)/.exec(terminal.rows.join('\n'))?.[1];
    assert.equal(chosen(), 'web');
    await terminal.type('\u001B[B');
    assert.equal(chosen(), 'api');
    await terminal.type('jjj');
    assert.equal(chosen(), 'api');
    await terminal.type('n');
    assert.equal(chosen(), 'api');
    await terminal.type('\u001B[F');
    assert.equal(chosen(), 'web');
    await terminal.type('\u001B[H');
    assert.equal(chosen(), 'api');
    await terminal.type('q');
  });

  test('follows the size of the terminal', async () => {
    const { terminal } = live();
    terminal.resize(30, 6);
    assert.equal(terminal.rows.length, 6);
    for (const row of terminal.rows) assert.ok(row.length <= 30);
    await terminal.type('q');
  });

  test('tells that weir does not answer, keeps what it had, and goes on when it does again', async () => {
    const { weir, terminal } = live();
    await weir.pass(INTERVAL_MS);
    weir.problem = 'nothing listens there';
    await weir.pass(INTERVAL_MS);
    const foot = () => terminal.rows.findLast((row) => row !== '');
    assert.equal(foot(), 'no answer from 127.0.0.1:7600: nothing listens there; trying again');
    assert.match(terminal.rows[1]!, /^10 req\/s /);
    weir.problem = undefined;
    await weir.pass(INTERVAL_MS);
    assert.match(foot()!, /^q quit/);
    assert.match(terminal.rows[1]!, /^10 req\/s /);
    await terminal.type('q');
  });

  for (const [name, keys] of [
    ['q', 'q'],
    ['Ctrl-C', '\u0003'],
  ] as const) {
    test(`ends with ${name}: the terminal is restored and nothing is asked any more`, async () => {
      const { weir, terminal, done } = live();
      await terminal.type(keys);
      await done;
      assert.ok(terminal.restored);
      assert.equal(terminal.listeners, 0);
      await weir.pass(10 * INTERVAL_MS);
      assert.equal(weir.scrapes, 0);
    });
  }

  test('draws nothing when it was ended while it asked', async () => {
    const weir = new PlayedWeir();
    const terminal = new FakeTerminal();
    const asked = Promise.withResolvers<Scrape>();
    const done = watchLive(weir.look(), { ...weir.options, scrape: () => asked.promise }, terminal);
    await weir.pass(INTERVAL_MS);
    await terminal.type('q');
    await done;
    const { length } = terminal.output.written;
    asked.resolve(weir.look());
    await weir.pass(INTERVAL_MS);
    assert.equal(terminal.output.written.length, length);
  });
});

describe('plain tables', () => {
  function printing(once: boolean, readers = Infinity) {
    const weir = new PlayedWeir();
    const tables: string[] = [];
    const complaints: string[] = [];
    const write = (text: string) => tables.push(text) < readers;
    const complain = (text: string) => void complaints.push(text);
    const done = printTables(weir.look(), once, weir.options, { write, complain });
    return { weir, tables, complaints, done };
  }

  test('one is made from two looks', async () => {
    const { weir, tables, done } = printing(true);
    await weir.pass(INTERVAL_MS - 1);
    assert.equal(tables.length, 0);
    await weir.pass(1);
    await done;
    assert.equal(tables.length, 1);
    assert.match(tables[0]!, /^10 req\/s /m);
  });

  test('one that cannot be made is a failure', async () => {
    const { weir, done } = printing(true);
    weir.problem = 'nothing listens there';
    const failed = assert.rejects(done, /nothing listens there/);
    await weir.pass(INTERVAL_MS);
    await failed;
  });

  test('come until nobody reads, and while weir does not answer that is told once', async () => {
    const { weir, tables, complaints, done } = printing(false, 3);
    await weir.pass(INTERVAL_MS);
    weir.problem = 'nothing listens there';
    for (let each = 0; each < 3; each++) await weir.pass(INTERVAL_MS);
    assert.deepEqual(complaints, ['no answer from 127.0.0.1:7600: nothing listens there; trying again']);
    weir.problem = undefined;
    for (let each = 0; each < 5; each++) await weir.pass(INTERVAL_MS);
    await done;
    assert.equal(tables.length, 3);
  });
});
