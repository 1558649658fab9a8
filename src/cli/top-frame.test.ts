import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { busyLoadBalancer, metricsText } from '../../test/support/metrics.ts';
import { renderFrame, renderPlain, type FrameOptions } from './top-frame.ts';
import { readScrape } from './top-scrape.ts';
import { chooseColumns, formatCount, formatDuration, formatLatency, formatRate } from './top-table.ts';
import { makeView, type View } from './top-view.ts';

/** `names.length` load balancers, busy since nothing was there, each with `instances` instances. */
function viewOf(names: readonly string[], instances = 2, ready = true): View {
  const loadBalancers = names.map((name) => busyLoadBalancer(name, 2, instances));
  const scrape = (page: string, atMs: number) => readScrape(page, atMs, 3_700);
  const after = metricsText({ loadBalancers });
  const view = makeView(scrape(metricsText({}), 0), scrape(after, 1000), 'name');
  return { ...view, ready };
}

function frame(view: View, options: Partial<FrameOptions> = {}): string[] {
  return lines(view, options).map(({ text }) => text);
}

function lines(view: View, options: Partial<FrameOptions> = {}) {
  const defaults = {
    width: 80,
    height: 24,
    endpoint: '127.0.0.1:7600',
    sort: 'name',
    selected: undefined,
    problem: undefined,
  };
  return renderFrame(view, { ...defaults, ...options } as FrameOptions);
}

describe('a frame', () => {
  test('shows all of it in 80 columns', () => {
    assert.deepEqual(frame(viewOf(['web', 'api'])), [
      'weir 1.2.3  127.0.0.1:7600  ready  up 1h 1m  threads 2/2',
      '6.0 req/s  p50 175ms  p99 >60s  queue 0  spilled 6.0/s  clients 6  back ends 6',
      '2xx 6.0/s  3xx 6.0/s  4xx 6.0/s  5xx 6.0/s  elb 4xx 6.0/s  elb 5xx 6.0/s',
      '',
      'LOAD BALANCER         REQ/S    P50    P99   2XX   4XX   5XX ELB5XX QUEUE      UP',
      'api                     3.0  175ms   >60s   3.0   3.0   3.0    3.0     0     2/2',
      'web                     3.0  175ms   >60s   3.0   3.0   3.0    3.0     0     2/2',
      '',
      'INSTANCE OF api                      PORT           STATE  REQUESTS  CONNECTIONS',
      'i-0                                    80      in service         3            5',
      'i-1                                    80      in service         3            5',
      'q quit  up/down  sort: r requests  l latency  e errors  u queue  n name*',
    ]);
  });

  test('fits into every size, whatever there is to show', () => {
    const names = Array.from({ length: 40 }, (_, index) => `${'load-balancer-with-a-long-name-'.repeat(2)}${index}`);
    for (const view of [viewOf([]), viewOf(['a']), viewOf(names, 30)]) {
      for (const width of [1, 2, 7, 10, 17, 24, 40, 60, 80, 120, 300]) {
        for (const height of [1, 2, 5, 8, 10, 24, 60]) {
          const rows = frame(view, { width, height, problem: width % 2 === 0 ? 'no answer' : undefined });
          assert.ok(rows.length <= height, `${rows.length} lines in ${height}`);
          for (const row of rows) assert.ok(row.length <= width, `${JSON.stringify(row)} in ${width}`);
        }
      }
    }
  });

  test('shows the most important columns where there is little room', () => {
    const view = viewOf(['web']);
    assert.match(frame(view, { width: 24 })[4]!, /^LOAD BALANCER +REQ\/S$/);
    assert.match(frame(view, { width: 40 })[4]!, /^LOAD BALANCER +REQ\/S +P99 +UP$/);
    assert.match(frame(view, { width: 200 })[4]!, /3XX .* ELB4XX ELB5XX QUEUE CLIENTS BACKENDS +UP$/);
  });

  test('keeps the chosen load balancer and its instances in sight', () => {
    const names = Array.from({ length: 50 }, (_, index) => `lb-${String(index).padStart(2, '0')}`);
    for (const selected of ['lb-00', 'lb-25', 'lb-49']) {
      const shown = lines(viewOf(names, 20), { selected });
      assert.equal(shown.filter(({ style }) => style === 'selected').length, 1);
      assert.ok(shown.some(({ style, text }) => style === 'selected' && text.startsWith(`${selected} `)));
      assert.ok(shown.some(({ text }) => text.startsWith(`INSTANCE OF ${selected} `)));
      assert.ok(shown.filter(({ text }) => text.startsWith('i-')).length >= 5);
    }
    assert.ok(
      lines(viewOf(names), { selected: 'gone' }).some(
        ({ style, text }) => style === 'selected' && text.startsWith('lb-00'),
      ),
    );
  });

  test('says what is wrong, and marks it', () => {
    const view = viewOf(['web'], 1, false);
    const shown = lines(view, { problem: 'no answer from 127.0.0.1:7600: nothing listens there; trying again' });
    assert.equal(shown[0]!.style, 'bad');
    assert.match(shown[0]!.text, /not ready/);
    assert.deepEqual(shown.at(-1), {
      text: 'no answer from 127.0.0.1:7600: nothing listens there; trying again',
      style: 'bad',
    });
  });

  test('lets no name move the cursor', () => {
    const rows = frame(viewOf(['a\u001B[2J\r\u0007\u202Eb\u{1F600}\u0301']));
    assert.equal(rows[5]!.split('  ')[0], 'a?[2J???b??');
  });
});

describe('the plain table', () => {
  test('cuts no name, and names the load balancer of every instance', () => {
    const long = '111111111111/eu-central-1/a-load-balancer-with-a-long-name';
    const text = renderPlain(viewOf([long, 'web']), 'host.example:7600');
    assert.match(text, /^weir 1\.2\.3 {2}host\.example:7600 {2}ready/);
    for (const name of [long, 'web']) {
      assert.match(text, new RegExp(`^${name} .* 2/2$`, 'm'));
      for (const id of ['i-0', 'i-1']) assert.match(text, new RegExp(`^${name} ${id} +80 +in service +3 +5$`, 'm'));
    }
    assert.doesNotMatch(text, /~|[^\n\u0020-\u007e]| $/m);
  });
});

describe('numbers', () => {
  test('fit into their columns', () => {
    const rates = [0, 0.04, 3.14, 9.96, 99.4, 123, 999.6, 12_345, 999_949, 1_234_567, 9e9, 9e12].map(formatRate);
    assert.deepEqual(rates, ['0', '0.0', '3.1', '10', '99', '123', '1.0k', '12.3k', '1.0M', '1.2M', '9.0G', '>999G']);
    assert.deepEqual([formatRate(undefined), formatRate(Number.NaN)], ['-', '-']);
    assert.deepEqual([0, 99_999, 100_000].map(formatCount), ['0', '99999', '100k']);
    const seconds = [0, 0.0004, 0.00994, 0.00996, 0.25, 0.9996, 1.25, 42].map((each) =>
      formatLatency({ seconds: each, above: false }),
    );
    assert.deepEqual(seconds, ['0.0ms', '0.4ms', '9.9ms', '10ms', '250ms', '1.0s', '1.3s', '42s']);
    assert.equal(formatLatency({ seconds: 60, above: true }), '>60s');
    assert.deepEqual([5.9, 61, 3_700, 90_000].map(formatDuration), ['5s', '1m', '1h 1m', '1d 1h']);
  });

  test('stand in columns of which those that fit are chosen', () => {
    const columns = ['A', 'B', 'C'].map((title) => ({ title, width: 5, text: () => '' }));
    const chosen = (width: number) => chooseColumns(columns, ['C', 'A', 'B'], width, 10).map(({ title }) => title);
    assert.deepEqual([chosen(9), chosen(15), chosen(20), chosen(25)], [[], ['A'], ['A', 'B'], ['C', 'A', 'B']]);
  });
});
