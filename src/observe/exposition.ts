/**
 * Prometheus's text exposition format, version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats).
 * Written straight to text: a client library would keep every value a second time, and ours live in shared memory.
 */

export const EXPOSITION_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export type MetricType = 'counter' | 'gauge' | 'histogram';

/** Collects families of samples; the samples of a family stand together, as the format asks. */
export class Exposition {
  #text = '';
  #name = '';

  /** Starts the family `name`; the samples that follow are its. */
  family(name: string, type: MetricType, help: string): void {
    this.#name = name;
    this.#text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  }

  /** A sample of the family. `labels` come from {@link labels}; `suffix` is for histograms (`_sum`). */
  sample(labels: string, value: number, suffix = ''): void {
    const braces = labels === '' ? '' : `{${labels}}`;
    this.#text += `${this.#name}${suffix}${braces} ${formatValue(value)}\n`;
  }

  /**
   * A histogram of the family: `cells` from `first` on hold how often each bucket was met by itself, one more than there
   * are `bounds`.
   */
  histogram(labels: string, bounds: readonly number[], cells: Float64Array, first: number, sum: number): void {
    const before = labels === '' ? '' : `${labels},`;
    let below = 0;
    for (const [index, bound] of bounds.entries()) {
      below += cells[first + index]!;
      this.sample(`${before}le="${bound}"`, below, '_bucket');
    }
    // The count is the last bucket, so that the two agree while a thread is between its additions.
    below += cells[first + bounds.length]!;
    this.sample(`${before}le="+Inf"`, below, '_bucket');
    this.sample(labels, sum, '_sum');
    this.sample(labels, below, '_count');
  }

  text(): string {
    return this.#text;
  }
}

/** `a="1",b="2"`: the inside of the braces. Names are ours; values are anything. */
export function labels(pairs: Readonly<Record<string, string>>): string {
  return Object.entries(pairs)
    .map(([name, value]) => `${name}="${escapeValue(value)}"`)
    .join(',');
}

function escapeValue(value: string): string {
  return /[\\"\n]/.test(value) ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n') : value;
}

function formatValue(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
