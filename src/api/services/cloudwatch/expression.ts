/**
 * Metric math, as far as it is arithmetic: + - * / and ^ of series and numbers, parentheses, and the functions below. A value
 * is there only at times at which all its parts have one; division by zero gives none.
 */
import { ExpressionError, type Budget } from './expression-budget.ts';

/** Values by time, epoch seconds. */
export type Values = ReadonlyMap<number, number>;
export type Operand = number | Values | readonly Values[];

/** What an expression may refer to. */
export interface Scope {
  /** The values of another query by its id; undefined when there is none. */
  readonly valuesOf: (id: string) => Values | undefined;
  /** Of all queries that name a metric. */
  readonly metrics: () => readonly Values[];
  /** Seconds. */
  readonly periodOf: (id: string) => number | undefined;
  /** Every time of the window. */
  readonly times: () => readonly number[];
  /** What all expressions of a call may still take. */
  readonly budget: Budget;
}

const MAX_LENGTH = 2048;
const MAX_DEPTH = 32;
const TOKEN = /\s*(?:(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([A-Za-z]\w*)|([-+*/^()[\],]))/y;
const REDUCERS: Readonly<Record<string, (values: readonly number[]) => number>> = {
  SUM: (values) => values.reduce((sum, value) => sum + value, 0),
  AVG: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  MIN: (values) => values.reduce((least, value) => Math.min(least, value), Infinity),
  MAX: (values) => values.reduce((greatest, value) => Math.max(greatest, value), -Infinity),
};
export const FUNCTIONS = [...Object.keys(REDUCERS), 'ABS', 'FILL', 'METRICS', 'PERIOD'];

/**
 * The series that `text` stands for.
 * @throws {ExpressionError}
 */
export function evaluate(text: string, scope: Scope): Values {
  if (text.length > MAX_LENGTH) throw new ExpressionError(`it is longer than ${MAX_LENGTH} characters`);
  const result = new Evaluation(text, scope).whole();
  // What division by zero has come to, in whatever way, is no value.
  if (result instanceof Map) return new Map([...(result as Values)].filter(([, value]) => Number.isFinite(value)));
  throw new ExpressionError('it must give one time series');
}

class Evaluation {
  readonly #scope: Scope;
  readonly #tokens: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(text: string, scope: Scope) {
    this.#scope = scope;
    this.#tokens = tokensOf(text);
  }

  whole(): Operand {
    const value = this.#sum();
    if (this.#at < this.#tokens.length) throw new ExpressionError(`'${this.#tokens[this.#at]}' has no place there`);
    return value;
  }

  #takes(...tokens: readonly string[]): string | undefined {
    const token = this.#tokens[this.#at];
    if (token === undefined || !tokens.includes(token)) return undefined;
    this.#at++;
    return token;
  }

  #expect(token: string): void {
    if (this.#takes(token) !== undefined) return;
    throw new ExpressionError(`'${token}' is missing ${this.#where()}`);
  }

  #where(): string {
    const token = this.#tokens[this.#at];
    return token === undefined ? 'at the end' : `before '${token}'`;
  }

  #open(): void {
    if (++this.#depth > MAX_DEPTH) throw new ExpressionError(`it is nested more than ${MAX_DEPTH} deep`);
    this.#scope.budget.open();
  }

  #close(): void {
    this.#depth--;
    this.#scope.budget.close();
  }

  #sum(): Operand {
    this.#open();
    let value = this.#product();
    for (let sign = this.#takes('+', '-'); sign !== undefined; sign = this.#takes('+', '-')) {
      value = this.#combine(value, this.#product(), sign);
    }
    this.#close();
    return value;
  }

  #product(): Operand {
    let value = this.#power();
    for (let sign = this.#takes('*', '/'); sign !== undefined; sign = this.#takes('*', '/')) {
      value = this.#combine(value, this.#power(), sign);
    }
    return value;
  }

  #power(): Operand {
    if (this.#takes('-') !== undefined) return this.#combine(0, this.#nextPower(), '-');
    const value = this.#single();
    return this.#takes('^') === undefined ? value : this.#combine(value, this.#nextPower(), '^');
  }

  #nextPower(): Operand {
    this.#open();
    const value = this.#power();
    this.#close();
    return value;
  }

  #combine(left: Operand, right: Operand, sign: string): Operand {
    this.#scope.budget.spend(sizeOf(left) + sizeOf(right));
    return combine(left, right, sign);
  }

  #single(): Operand {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new ExpressionError('something is missing at the end');
    if (/^\d/.test(token)) {
      this.#at++;
      return Number(token);
    }
    if (this.#takes('(') !== undefined) {
      const value = this.#sum();
      this.#expect(')');
      return value;
    }
    if (this.#takes('[') !== undefined) return this.#list(']').map((each) => seriesOf(each));
    if (!/^[A-Za-z]/.test(token)) throw new ExpressionError(`'${token}' has no place there`);
    this.#at++;
    if (/^[A-Z]/.test(token)) return this.#call(token);
    const values = this.#scope.valuesOf(token);
    if (values === undefined) throw new ExpressionError(`there is no query with the id '${token}'`);
    return values;
  }

  #list(end: string): readonly Operand[] {
    const values: Operand[] = [];
    if (this.#takes(end) !== undefined) return values;
    do values.push(this.#sum());
    while (this.#takes(',') !== undefined);
    this.#expect(end);
    return values;
  }

  #call(name: string): Operand {
    if (!FUNCTIONS.includes(name)) {
      throw new ExpressionError(`weir has no function ${name}; it has ${FUNCTIONS.join(', ')}`);
    }
    this.#expect('(');
    if (name === 'PERIOD') return this.#period();
    const values = this.#list(')');
    const wanted = name === 'METRICS' ? 0 : name === 'FILL' ? 2 : 1;
    if (values.length !== wanted) throw new ExpressionError(`${name} takes ${wanted} values, not ${values.length}`);
    if (name === 'METRICS') return this.#scope.metrics();
    const [first, second] = values as readonly [Operand, Operand];
    this.#scope.budget.spend(sizeOf(first));
    if (name === 'ABS') return each(first, Math.abs);
    if (name === 'FILL') return this.#fill(first, second);
    return reduce(first, REDUCERS[name]!);
  }

  #period(): number {
    const id = this.#tokens[this.#at++] ?? '';
    const period = this.#scope.periodOf(id);
    if (period === undefined) throw new ExpressionError(`PERIOD takes the id of a metric, not '${id}'`);
    this.#expect(')');
    return period;
  }

  #fill(value: Operand, filler: Operand): Operand {
    if (typeof filler !== 'number') throw new ExpressionError('FILL takes a number as its second value');
    const times = this.#scope.times();
    this.#scope.budget.spend(times.length * (isList(value) ? value.length : 1));
    const fill = (values: Values): Values => new Map(times.map((at) => [at, values.get(at) ?? filler]));
    return isList(value) ? value.map(fill) : fill(seriesOf(value));
  }
}

function tokensOf(text: string): readonly string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  const end = text.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    // What cannot be read is told of when it is come to: a function before it may be the one that weir has not.
    if (match === null) return [...tokens, text.slice(at).trim().slice(0, 16)];
    tokens.push(match[1] ?? match[2] ?? match[3]!);
  }
  return tokens;
}

/** How many values there are. */
function sizeOf(value: Operand): number {
  if (typeof value === 'number') return 1;
  return isList(value) ? value.reduce((sum, { size }) => sum + size, 0) : value.size;
}

function isList(value: Operand): value is readonly Values[] {
  return Array.isArray(value);
}

function seriesOf(value: Operand): Values {
  if (value instanceof Map) return value as Values;
  throw new ExpressionError('a time series is wanted where there is a number or a list');
}

function each(value: Operand, change: (value: number) => number): Operand {
  if (typeof value === 'number') return change(value);
  if (isList(value)) return value.map((one) => each(one, change) as Values);
  return new Map([...value].map(([at, one]) => [at, change(one)]));
}

/** Of a series its one number, of a list of series a series. */
function reduce(value: Operand, reducer: (values: readonly number[]) => number): Operand {
  if (typeof value === 'number') throw new ExpressionError('a time series is wanted where there is a number');
  if (!isList(value)) {
    const values = [...value.values()];
    return values.length === 0 ? new Map() : reducer(values);
  }
  const byTime = new Map<number, number[]>();
  for (const [at, one] of value.flatMap((series) => [...series])) {
    const there = byTime.get(at);
    if (there === undefined) byTime.set(at, [one]);
    else there.push(one);
  }
  return new Map(Array.from(byTime, ([at, all]) => [at, reducer(all)]));
}

function combine(left: Operand, right: Operand, sign: string): Operand {
  if (isList(left)) return left.map((one) => seriesOf(combine(one, right, sign)));
  if (isList(right)) return right.map((one) => seriesOf(combine(left, one, sign)));
  if (typeof left === 'number' && typeof right === 'number') return calculate(left, right, sign);
  const times = typeof left === 'number' ? (right as Values).keys() : left.keys();
  const values = new Map<number, number>();
  for (const at of times) {
    const [a, b] = [left, right].map((side) => (typeof side === 'number' ? side : side.get(at)));
    if (a === undefined || b === undefined) continue;
    const value = calculate(a, b, sign);
    if (Number.isFinite(value)) values.set(at, value);
  }
  return values;
}

function calculate(a: number, b: number, sign: string): number {
  switch (sign) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    default:
      return a ** b;
  }
}
