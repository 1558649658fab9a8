/**
 * Reads Prometheus's text format 0.0.4 as strictly as its description has it, and what promtool would warn of besides:
 * families announced once and kept together, no series twice, histograms that add up. Throws at the first offence.
 */
import assert from 'node:assert/strict';

export interface ReadSample {
  /** With the suffix that histograms have (`_bucket`). */
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

export interface ReadFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: ReadSample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z\d_:]*$/;
const HISTOGRAM_SUFFIXES = ['_bucket', '_sum', '_count'];

/** The families of a page, by name. */
export function readExposition(text: string): Map<string, ReadFamily> {
  assert.ok(text.endsWith('\n'), 'the last line ends in a line feed');
  const families = new Map<string, ReadFamily>();
  const series = new Set<string>();
  let help: { readonly name: string; readonly text: string } | undefined;
  let family: ReadFamily | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    if (line.startsWith('# HELP ')) {
      assert.equal(help, undefined, `HELP without TYPE before: ${line}`);
      const [, name = '', words = ''] = /^# HELP (\S+) (\S.*)$/.exec(line) ?? [];
      assert.match(name, NAME, line);
      assert.doesNotMatch(words, /\\(?![\\n])/, line);
      help = { name, text: words };
    } else if (line.startsWith('# TYPE ')) {
      const [, name = '', type = ''] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? [];
      assert.equal(name, help?.name, `TYPE does not follow its own HELP: ${line}`);
      assert.ok(!families.has(name), `family twice: ${line}`);
      assert.equal(name.endsWith('_total'), type === 'counter', `counters, and only they, end in _total: ${line}`);
      family = { name, type, help: help!.text, samples: [] };
      families.set(name, family);
      help = undefined;
    } else {
      assert.ok(family !== undefined && help === undefined, `sample without a family: ${line}`);
      const sample = readSample(line);
      assert.ok(belongsTo(sample, family), `sample of another family than ${family.name}: ${line}`);
      const key = `${sample.name} ${JSON.stringify([...sample.labels].toSorted(([a], [b]) => (a < b ? -1 : 1)))}`;
      assert.ok(!series.has(key), `series twice: ${line}`);
      series.add(key);
      family.samples.push(sample);
    }
  }
  for (const each of families.values()) if (each.type === 'histogram') checkHistogram(each);
  return families;
}

function belongsTo({ name, labels, value }: ReadSample, family: ReadFamily): boolean {
  if (family.type !== 'histogram') return name === family.name && (family.type === 'gauge' || value >= 0);
  const suffix = name.slice(family.name.length);
  return (
    name.startsWith(family.name) && HISTOGRAM_SUFFIXES.includes(suffix) && labels.has('le') === (suffix === '_bucket')
  );
}

function readSample(line: string): ReadSample {
  const [, name = '', rest = ''] = /^([a-zA-Z_:][a-zA-Z\d_:]*)(.*)$/s.exec(line) ?? [];
  assert.notEqual(name, '', `no metric name: ${line}`);
  const labels = new Map<string, string>();
  let at = 0;
  if (rest[0] === '{') {
    const pair = /([a-zA-Z_][a-zA-Z\d_]*)="((?:[^"\\\n]|\\[\\"n])*)"([,}])/suy;
    pair.lastIndex = 1;
    for (let end = ','; end !== '}';) {
      const match = pair.exec(rest);
      assert.ok(match !== null, `labels: ${line}`);
      const [, label = '', value = ''] = match;
      assert.ok(!labels.has(label) && !label.startsWith('__'), `label ${label}: ${line}`);
      labels.set(
        label,
        value.replaceAll(/\\(.)/g, (_, one: string) => (one === 'n' ? '\n' : one)),
      );
      end = match[3]!;
      at = pair.lastIndex;
    }
  }
  const [, number = ''] = /^ (-?(?:\d+(?:\.\d+)?(?:e[-+]\d+)?|Inf)|\+Inf)$/.exec(rest.slice(at)) ?? [];
  assert.notEqual(number, '', `value: ${line}`);
  return { name, labels, value: numberOf(number) };
}

function numberOf(text: string): number {
  return Number(text.replace('Inf', 'Infinity'));
}

/** For each set of labels: bounds that rise up to +Inf, counts that never fall, a count that is the last one, and a sum. */
function checkHistogram({ name, samples }: ReadFamily): void {
  const groups = new Map<string, ReadSample[]>();
  for (const sample of samples) {
    const key = JSON.stringify([...sample.labels].filter(([label]) => label !== 'le'));
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  for (const [key, group] of groups) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => numberOf(labels.get('le')!.replace('+', '')));
    assert.equal(bounds.at(-1), Infinity, `${name} ${key}: the last bucket takes all`);
    for (let i = 1; i < buckets.length; i++) {
      assert.ok(bounds[i]! > bounds[i - 1]!, `${name} ${key}: bounds rise`);
      assert.ok(buckets[i]!.value >= buckets[i - 1]!.value, `${name} ${key}: buckets are cumulative`);
    }
    const one = (suffix: string) => {
      const found = group.filter((sample) => sample.name === name + suffix);
      assert.equal(found.length, 1, `${name} ${key}: one ${suffix}`);
      return found[0]!.value;
    };
    assert.equal(one('_count'), buckets.at(-1)!.value, `${name} ${key}: the count is the last bucket`);
    assert.ok(one('_sum') >= 0);
  }
}
