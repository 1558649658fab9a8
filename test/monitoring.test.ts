/** The dashboard and the alert rules of docs/ ask for metrics, labels and values that there are, and docs/ tells of all. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { readExposition, type ReadSample } from './support/exposition-reader.ts';
import { fullMetricsText } from './support/metrics.ts';
import { readExpression, type Matcher, type Selector } from './support/promql.ts';

/** What Prometheus adds to every sample. */
const TARGET_LABELS = ['job', 'instance'];
/** What Grafana replaces by itself. */
const GRAFANA_VARIABLES = ['__rate_interval', '__all'];

const families = readExposition(fullMetricsText());

interface Known {
  readonly type: string;
  readonly samples: readonly ReadSample[];
  readonly labels: ReadonlySet<string>;
}

/** By the name that an expression uses: those of a histogram have a suffix. */
const known = new Map<string, Known>([['up', { type: 'gauge', samples: [], labels: new Set(TARGET_LABELS) }]]);
for (const { type, samples } of families.values()) {
  for (const [name, own] of Map.groupBy(samples, (sample) => sample.name)) {
    const labels = new Set([...TARGET_LABELS, ...own.flatMap((sample) => [...sample.labels.keys()])]);
    known.set(name, { type, samples: own, labels });
  }
}

/** What an expression asks for that there is not, or as it cannot be asked for. */
function problemsOf(text: string, variables: readonly string[] = []): string[] {
  const expression = readExpression(text);
  const labels = new Set(expression.selectors.flatMap(({ metric }) => [...(known.get(metric)?.labels ?? [])]));
  return [
    ...expression.selectors.flatMap(selectorProblems),
    ...expression.labels.filter((label) => !labels.has(label)).map((label) => `no label ${label}`),
    ...expression.variables.filter((name) => !variables.includes(name)).map((name) => `no variable ${name}`),
  ];
}

function selectorProblems({ metric, matchers, range, within }: Selector): string[] {
  const found = known.get(metric);
  if (found === undefined) return [`no metric ${metric}`];
  const problems: string[] = [];
  if ((found.type !== 'gauge') !== range || (range && !['rate', 'increase'].includes(within))) {
    problems.push(`${metric} is a ${found.type}: rate and increase are for the others`);
  }
  for (const { label } of matchers) if (!found.labels.has(label)) problems.push(`${metric} has no label ${label}`);
  const fixed = matchers.filter(({ label, value }) => !value.includes('$') && !TARGET_LABELS.includes(label));
  if (fixed.length > 0 && !found.samples.some((sample) => fixed.every((matcher) => matches(sample, matcher)))) {
    problems.push(`${metric} never has ${fixed.map(({ label, value }) => `${label}=${value}`).join()}`);
  }
  return problems;
}

function matches({ labels }: ReadSample, { label, operator, value }: Matcher): boolean {
  const own = labels.get(label) ?? '';
  const alike = operator.endsWith('~') ? new RegExp(`^(?:${value})$`).test(own) : own === value;
  return operator.startsWith('!') ? !alike : alike;
}

/** Labels that a series of the result can have. */
function resultLabels(text: string): ReadonlySet<string> {
  const { selectors, labels } = readExpression(text);
  const all = new Set(selectors.flatMap(({ metric }) => [...known.get(metric)!.labels]));
  return /\b(?:sum|min|max|avg|count)\b/.test(text) ? new Set(labels.filter((label) => label !== 'le')) : all;
}

function readDocs(name: string): string {
  return readFileSync(new URL(`../docs/${name}`, import.meta.url), 'utf8');
}

describe('the check of expressions', () => {
  for (const [text, problem] of [
    ['rate(weir_request_total[5m])', 'no metric weir_request_total'],
    ['weir_requests_total > 1', 'weir_requests_total is a counter'],
    ['rate(weir_surge_queue_length[5m])', 'weir_surge_queue_length is a gauge'],
    ['rate(weir_latency_seconds[5m])', 'no metric weir_latency_seconds'],
    ['weir_instance_in_service{instanceid="i-1"}', 'has no label instanceid'],
    ['rate(weir_error_responses_total{code="2xx"}[5m])', 'never has code=2xx'],
    ['rate(weir_desync_requests_total{classification=~"Worse|Odd"}[5m])', 'never has classification'],
    ['sum by (loadbalancer) (weir_surge_queue_length)', 'no label loadbalancer'],
    ['weir_surge_queue_length{load_balancer=~"$lb"}', 'no variable lb'],
  ] as const) {
    it(`finds what is wrong with ${text}`, () => {
      assert.match(problemsOf(text).join(), new RegExp(problem));
    });
  }

  for (const text of ['rate(weir_ready[5m]', 'median(weir_ready)', 'weir_ready{a}', 'weir_ready ~ 1', '{a="1"}']) {
    it(`refuses ${text}`, () => {
      assert.throws(() => problemsOf(text));
    });
  }
});

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description?: string };
}

describe('docs/alerts.yml', () => {
  const { groups } = parse(readDocs('alerts.yml')) as { groups: { rules: Rule[] }[] };
  const rules = groups.flatMap((group) => group.rules);

  it('has rules, each by a name of its own', () => {
    assert.ok(rules.length > 10);
    assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
  });

  for (const { alert, expr, labels, annotations } of rules) {
    it(`${alert} asks for what there is, and says what its result can tell`, () => {
      assert.deepEqual(problemsOf(expr), []);
      assert.match(labels.severity, /^(?:critical|warning|info)$/);
      const told = [
        ...Object.values(annotations)
          .join(' ')
          .matchAll(/\$labels\.(\w+)/g),
      ].map(([, label]) => label!);
      const possible = resultLabels(expr);
      for (const label of told) assert.ok(possible.has(label), `${label} is not in the result`);
    });
  }
});

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

describe('docs/grafana-dashboard.json', () => {
  const dashboard = JSON.parse(readDocs('grafana-dashboard.json')) as {
    readonly templating: { readonly list: readonly { name: string; type: string; definition?: string }[] };
    readonly panels: readonly Panel[];
  };
  const variables = dashboard.templating.list;
  const names = [...variables.map(({ name }) => name), ...GRAFANA_VARIABLES];

  for (const { title, targets = [] } of dashboard.panels) {
    for (const { expr, legendFormat } of targets) {
      it(`${title} (${legendFormat}) asks for what there is`, () => {
        assert.deepEqual(problemsOf(expr, names), []);
        const possible = resultLabels(expr);
        for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) assert.ok(possible.has(label!), `no ${label}`);
      });
    }
  }

  it('takes the values of its variables from metrics and labels that there are', () => {
    for (const { name, type, definition = '' } of variables) {
      if (type === 'datasource') continue;
      const [, series = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(definition) ?? [];
      assert.equal(label, name);
      const { selectors, variables: used } = readExpression(series);
      for (const { metric, matchers } of selectors) {
        for (const each of [label, ...matchers.map((matcher) => matcher.label)]) {
          assert.ok(known.get(metric)?.labels.has(each), `${metric} ${each}`);
        }
      }
      for (const each of used) assert.ok(names.includes(each), each);
    }
  });

  it('has panels that do not lie on each other', () => {
    const { panels } = dashboard;
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    const taken = new Set<string>();
    for (const { title, gridPos, targets } of panels) {
      assert.ok(gridPos.x + gridPos.w <= 24, title);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.ok(!taken.has(`${x} ${y}`), title);
          taken.add(`${x} ${y}`);
        }
      }
      assert.equal(targets === undefined, title !== '' && gridPos.h === 1, title);
    }
  });
});

describe('docs/monitoring.md', () => {
  it('tells of every metric, and of none that there is not', () => {
    const told = [...readDocs('monitoring.md').matchAll(/^\| `((?:weir|process)_\w+)` \|/gm)].map(([, name]) => name);
    assert.equal(new Set(told).size, told.length);
    assert.deepEqual(new Set(told), new Set(families.keys()), 'docs/monitoring.md has a row for each metric');
  });

  it('names labels that there are', () => {
    const rows = readDocs('monitoring.md').matchAll(/^\| `((?:weir|process)_\w+)` \| [^|]* \| ([^|]*) \|/gm);
    for (const [, name = '', cell = ''] of rows) {
      const labels = new Set(families.get(name)!.samples.flatMap((sample) => [...sample.labels.keys()]));
      labels.delete('le');
      const told = [...cell.matchAll(/`(\w+)`/g)].map(([, label]) => label);
      assert.deepEqual(new Set(told), labels, name);
    }
  });
});
