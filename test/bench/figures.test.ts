import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addressesFor } from '../../bench/addresses.ts';
import { parseBusyTicks, parseStat, treeOf, usageOf } from '../../bench/cpu.ts';
import { parseCpuList, planCpus } from '../../bench/machine.ts';
import { parseOptions } from '../../bench/options.ts';
import type { Peer } from '../../bench/peers/peer.ts';
import { nextRate } from '../../bench/rates.ts';
import { withSection, type Section } from '../../bench/results-file.ts';
import type { ContenderResult } from '../../bench/rounds.ts';
import type { Sample } from '../../bench/sample.ts';
import { SCENARIOS, scenarioNamed } from '../../bench/scenarios.ts';
import { medianOf, summarise } from '../../bench/summary.ts';
import { renderTable } from '../../bench/table.ts';

function sample(cpuSeconds: number, errors: Record<string, number> = {}): Sample {
  return {
    requests: 1000,
    bytes: 1_000_000,
    seconds: 1,
    p50Us: 1,
    p99Us: 2,
    late: 0,
    errors,
    cpuSeconds,
    residentBytes: 1024 * 1024,
  };
}

function resultOf(label: string, samples: readonly Sample[], threads = 1, peer = peerOf(label)): ContenderResult {
  return { contender: { label, peer, threads }, samples };
}

function peerOf(label: string): Peer {
  return { label, version: () => label, start: () => Promise.reject(new Error('not started in tests')) };
}

describe('CPU time and memory of a process', () => {
  const line = (pid: number, name: string, parent: number): string =>
    `${pid} (${name}) S ${parent} 1 1 0 -1 4194560 9 0 0 0 11 22 33 44 20 0 7 0 100 9999 55 18446744073709551615`;

  test('a name with spaces and parentheses does not shift the fields', () => {
    assert.deepEqual(parseStat(line(7, 'a) S (b', 5)), {
      pid: 7,
      parent: 5,
      ticks: 11 + 22 + 33 + 44,
      residentPages: 55,
    });
    assert.throws(() => parseStat('7 (a) S 5'), /field 14 is not a number/);
  });

  test('a tree is the process and its descendants, and nobody else', () => {
    const all = [line(1, 'init', 0), line(7, 'a', 1), line(8, 'b', 7), line(9, 'c', 8), line(10, 'd', 1)].map(
      parseStat,
    );
    assert.deepEqual(
      treeOf(7, all).map((stat) => stat.pid),
      [7, 8, 9],
    );
  });

  test('a machine is busy when it is neither idle nor waiting for a disk', () => {
    assert.equal(
      parseBusyTicks('cpu  1 2 4 1000 2000 8 16 32 64 128\ncpu0 1 1 1 1 1 1 1 1 1 1\n'),
      1 + 2 + 4 + 8 + 16 + 32,
    );
    assert.throws(() => parseBusyTicks('intr 1\n'), /no line "cpu"/);
  });

  test('our own process has used CPU time and memory', { skip: process.platform !== 'linux' }, () => {
    const usage = usageOf(process.pid);
    assert.ok(usage.cpuSeconds > 0 && usage.residentBytes > 1024 * 1024);
  });
});

describe('rows', () => {
  const http = scenarioNamed('http');

  test('a ratio is the median of the ratios round by round, so that noise shared by neighbours cancels out', () => {
    const rows = summarise(http, [
      resultOf('weir', [sample(0.011), sample(0.022), sample(0.033)]),
      resultOf('haproxy', [sample(0.01), sample(0.02), sample(0.03)]),
    ]);
    assert.equal(rows[0]?.figures[0], 22);
    assert.equal(rows[0]?.ratio?.median.toFixed(3), '1.100');
    assert.equal(rows[1]?.ratio?.median, 1);
  });

  test('an error in one round is shown and takes the ratio away', () => {
    const rows = summarise(http, [
      resultOf('weir', [sample(0.011), sample(0.011, { timeout: 2 })]),
      resultOf('haproxy', [sample(0.01), sample(0.01)]),
    ]);
    assert.deepEqual(rows[0]?.errors, { timeout: 2 });
    assert.equal(rows[0]?.ratio, undefined);
    assert.match(renderTable(http, rows), /\| weir .* - \|.*\| INVALID: 2 × timeout/);
  });

  test('without HAProxy there are figures and no ratios', () => {
    const [row] = summarise(http, [resultOf('weir', [sample(0.011)])]);
    assert.equal(row?.ratio, undefined);
    assert.equal(row?.figures[0], 11);
  });

  test('threads are compared with one thread of the same peer, in CPU seconds', () => {
    const peer = peerOf('weir');
    const rows = summarise(scenarioNamed('threads'), [
      resultOf('weir, 1 thread', [sample(0.01)], 1, peer),
      resultOf('weir, 2 threads', [sample(0.0125)], 2, peer),
    ]);
    assert.equal(rows[0]?.ratio?.median, 1);
    assert.equal(rows[1]?.ratio?.median.toFixed(3), '1.600');
  });

  test('medians of odd, even and no numbers', () => {
    assert.equal(medianOf([3, 1, 2]), 2);
    assert.equal(medianOf([4, 1, 2, 3]), 2.5);
    assert.ok(Number.isNaN(medianOf([])));
  });

  test('every line of a table has the same width', () => {
    const rows = summarise(http, [resultOf('weir', [sample(0.011)]), resultOf('a long label', [sample(100)])]);
    const widths = renderTable(http, rows).split('\n');
    assert.equal(new Set(widths.map((line) => line.length)).size, 1);
  });
});

describe('the record', () => {
  const section = (scenario: string, table: string): Section => ({
    scenario,
    about: 'about',
    date: '2026-01-01',
    machine: 'machine',
    versions: ['weir 1'],
    pinning: 'not pinned',
    othersCpus: 0.01,
    command: `npm run bench -- ${scenario}`,
    table,
  });

  test('a table takes the place of the same scenario, and leaves all others as they are', () => {
    const first = withSection('# Results\n\nText.\n', section('http', 'old'));
    const second = withSection(first, section('http-100k', 'other'));
    const third = withSection(second, section('http', 'new'));
    assert.equal(third, second.replace('old', 'new'));
    assert.ok(third.startsWith('# Results\n\nText.\n\n## http\n'));
    assert.ok(third.endsWith('other\n'));
  });
});

describe('who runs where', () => {
  test('lists of CPUs are read as Linux writes them', () => {
    assert.deepEqual(parseCpuList('0-2,5'), [0, 1, 2, 5]);
    assert.deepEqual(parseCpuList('3'), [3]);
    assert.throws(() => parseCpuList('none'), /not a list of CPUs/);
  });

  test('the peer has CPUs of its own as long as some are left for the others', () => {
    assert.deepEqual(planCpus([0, 1], 1, true), { peer: [0], rest: [1] });
    assert.deepEqual(planCpus([0, 1], 2, true), { peer: undefined, rest: undefined });
    assert.deepEqual(planCpus([0, 1], 1, false), { peer: undefined, rest: undefined });
  });

  test('every address is loopback, and no two peers share one', () => {
    const all = Array.from({ length: 20 }, (_, i) => addressesFor(4_194_303, i)).flatMap((addresses) => [
      addresses.front,
      addresses.api,
      ...addresses.backends,
      ...addresses.sources,
    ]);
    assert.ok(all.every((address) => /^127(\.(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])){3}$/.test(address)));
    assert.equal(new Set(all).size, all.length);
  });

  test('the search for a rate aims at the wanted share and does not leap', () => {
    assert.equal(nextRate(10_000, 0.35, 0.7), 20_000);
    assert.equal(nextRate(10_000, 0.01, 0.7), 30_000);
    assert.equal(nextRate(10_000, 0, 0.7), 30_000);
  });
});

describe('the command line', () => {
  test('mistakes are usage errors that say what there is', () => {
    for (const [args, expected] of [
      [['nonsense'], /no scenario "nonsense"; there are: http,/],
      [[], /missing required argument 'scenario'/],
      [['http', '--rounds', '0'], /whole number from 1 to 1000/],
      [['http', '--peers', 'apache'], /"apache" is none of weir, weir:DIRECTORY/],
      [['http', '--peers', 'nginx,nginx'], /"nginx" is named twice/],
      [['http', '--peers', 'weir:/nonexistent'], /not a checkout of weir/],
    ] as const) {
      const result = parseOptions(args);
      assert.ok('exitCode' in result);
      assert.equal(result.exitCode, 2);
      assert.match(result.text, expected);
    }
  });

  test('the help names all that can be measured', () => {
    const help = parseOptions(['--help']);
    assert.ok('exitCode' in help);
    assert.equal(help.exitCode, 0);
    const lists = help.text.slice(help.text.indexOf('\nScenarios:'));
    const names = [...lists.matchAll(/^ {2}([a-z][\w-]*) {2}/gm)].map(([, name]) => name);
    assert.deepEqual(names, [...SCENARIOS.map(({ name }) => name), 'balance', 'control', 'health']);
  });

  test('another checkout of weir gets its own label', () => {
    const options = parseOptions(['http', 'tcp', '--peers', 'weir,weir:.,haproxy']);
    assert.ok(!('exitCode' in options));
    assert.deepEqual(
      options.scenarios.map((scenario) => scenario.name),
      ['http', 'tcp'],
    );
    assert.match(options.peers[1]?.label ?? '', /^weir:./);
  });
});
