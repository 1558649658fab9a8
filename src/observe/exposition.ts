/**
 * Prometheus's text exposition format, version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats).
 * Written straight to text: a client library would keep every value a second time, and ours live in shared memory.
 */

export const EXPOSITION_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export type MetricType = 'counter' | 'gauge' | 'histogram';

/** A page begins with room for a handful of load balancers, and grows. */
const FIRST_ROOM = 64 * 1024;
const ASCII_END = 0x80;
const DIGIT_ZERO = 0x30;
/** Whole numbers below are written digit by digit. */
const SMALL_END = 1e9;

/**
 * Collects families of samples; the samples of a family stand together, as the format asks. Bytes are put one behind the
 * other: a thousand load balancers are a hundred thousand lines, and strings put together piece by piece keep the
 * garbage collector longer than the writing takes.
 */
export class Exposition {
  #bytes = Buffer.allocUnsafe(FIRST_ROOM);
  #length = 0;
  #name = '';
  #bounds: readonly number[] = [];
  /** `le="0.5"`, for each of these bounds and for the bucket behind them. */
  #boundLabels: readonly string[] = [];

  /** Starts the family `name`; the samples that follow are its. */
  family(name: string, type: MetricType, help: string): void {
    this.#name = name;
    this.#put(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`);
  }

  /**
   * A sample of the family. `labels` and `more` come from {@link labels}; either may be empty. `suffix` is for histograms
   * (`_sum`).
   */
  sample(labels: string, value: number, suffix = '', more = ''): void {
    this.#put(this.#name);
    this.#put(suffix);
    if (labels !== '' || more !== '') {
      this.#put('{');
      this.#put(labels);
      if (labels !== '' && more !== '') this.#put(',');
      this.#put(more);
      this.#put('}');
    }
    this.#put(' ');
    this.#putNumber(value);
    this.#put('\n');
  }

  /**
   * A histogram of the family: `cells` from `first` on hold how often each bucket was met by itself, one more than there
   * are `bounds`.
   */
  histogram(labels: string, bounds: readonly number[], cells: Float64Array, first: number, sum: number): void {
    if (this.#bounds !== bounds) {
      this.#bounds = bounds;
      this.#boundLabels = [...bounds, '+Inf'].map((bound) => `le="${bound}"`);
    }
    let below = 0;
    for (let index = 0; index < this.#boundLabels.length; index++) {
      below += cells[first + index]!;
      this.sample(labels, below, '_bucket', this.#boundLabels[index]);
    }
    this.sample(labels, sum, '_sum');
    // The last bucket, so that the two agree while a thread is between its additions.
    this.sample(labels, below, '_count');
  }

  text(): string {
    return this.#bytes.toString('utf8', 0, this.#length);
  }

  #put(text: string): void {
    this.#makeRoom(text.length);
    const bytes = this.#bytes;
    let at = this.#length;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code >= ASCII_END) {
        this.#length += bytes.write(text, this.#length, 'utf8');
        return;
      }
      bytes[at++] = code;
    }
    this.#length = at;
  }

  #putNumber(value: number): void {
    if (!Number.isInteger(value) || value < 0 || value >= SMALL_END) {
      this.#put(formatValue(value));
      return;
    }
    let digits = 1;
    for (let power = 10; power <= value; power *= 10) digits++;
    this.#makeRoom(digits);
    this.#length += digits;
    for (let at = this.#length - 1, rest = value; digits > 0; digits--) {
      this.#bytes[at--] = DIGIT_ZERO + (rest % 10);
      rest = Math.trunc(rest / 10);
    }
  }

  /** For `characters` of any kind: three bytes each in UTF-8, at most. */
  #makeRoom(characters: number): void {
    const wanted = this.#length + 3 * characters;
    if (wanted <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(wanted, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
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
