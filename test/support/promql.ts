/** As much of PromQL as tells what an expression asks for: metrics, matchers, ranges, and the labels that are named. */

export interface Matcher {
  readonly label: string;
  readonly operator: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

export interface Selector {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
  /** Behind it stands a time in brackets. */
  readonly range: boolean;
  /** The function that is called on it right away; empty where none is. */
  readonly within: string;
}

export interface Expression {
  readonly selectors: readonly Selector[];
  /** Of `by`, `on` and the like. */
  readonly labels: readonly string[];
  /** `$name`, wherever it stands. */
  readonly variables: readonly string[];
}

const TOKEN =
  /\s+|(?<string>"(?:[^"\\]|\\.)*")|(?<range>\[[^\]]*\])|(?<number>\d+(?:\.\d+)?[smhdwy]?)|(?<word>[a-zA-Z_:][\w:]*)|(?<mark>=~|!~|!=|==|>=|<=|[-+*/%^(){},=<>])/gy;

const OPERATORS = new Set(['and', 'or', 'unless', 'bool', 'offset']);
const GROUPING = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);
const FUNCTIONS = new Set(
  'rate irate increase sum min max avg count topk histogram_quantile vector clamp_min max_over_time time absent'.split(
    ' ',
  ),
);

interface Token {
  readonly kind: 'string' | 'range' | 'number' | 'word' | 'mark';
  readonly text: string;
}

/** @throws Error where the expression is not understood. */
export function readExpression(text: string): Expression {
  return new Reader(
    tokens(text),
    [...text.matchAll(/\$\{?(\w+)/g)].map(([, name]) => name!),
  ).read();
}

function tokens(text: string): Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) throw new Error(`not understood: ${text.slice(at)}`);
    for (const [kind, value] of Object.entries(match.groups ?? {})) {
      if (value !== undefined) found.push({ kind: kind as Token['kind'], text: value });
    }
  }
  return found;
}

class Reader {
  readonly #tokens: readonly Token[];
  readonly #variables: readonly string[];
  readonly #selectors: Selector[] = [];
  readonly #labels: string[] = [];
  #at = 0;

  constructor(found: readonly Token[], variables: readonly string[]) {
    this.#tokens = found;
    this.#variables = variables;
  }

  read(): Expression {
    let depth = 0;
    while (this.#at < this.#tokens.length) {
      const { kind, text } = this.#next();
      if (text === '(') depth++;
      if (text === ')') depth--;
      if (kind === 'word') this.#word(text);
      if (kind === 'string' || kind === 'range' || text === '{') throw new Error(`out of place: ${text}`);
    }
    if (depth !== 0) throw new Error('parentheses do not match');
    return { selectors: this.#selectors, labels: this.#labels, variables: this.#variables };
  }

  #next(): Token {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new Error('it ends too soon');
    return token;
  }

  #peek(text: string): boolean {
    return this.#tokens[this.#at]?.text === text;
  }

  #word(text: string): void {
    if (OPERATORS.has(text)) return;
    if (GROUPING.has(text)) this.#grouping();
    else if (FUNCTIONS.has(text) && (this.#peek('(') || this.#peek('by'))) return;
    else if (this.#peek('(')) throw new Error(`no function is known as ${text}`);
    else this.#selector(text);
  }

  #grouping(): void {
    if (!this.#peek('(')) return;
    this.#next();
    for (let token = this.#next(); token.text !== ')'; token = this.#next()) {
      if (token.kind === 'word') this.#labels.push(token.text);
    }
  }

  #selector(metric: string): void {
    const [before, opening] = [this.#tokens[this.#at - 3], this.#tokens[this.#at - 2]];
    const within = opening?.text === '(' && before?.kind === 'word' ? before.text : '';
    const matchers = this.#peek('{') ? this.#matchers() : [];
    const range = this.#tokens[this.#at]?.kind === 'range';
    if (range) this.#next();
    this.#selectors.push({ metric, matchers, range, within });
  }

  #matchers(): Matcher[] {
    const matchers: Matcher[] = [];
    this.#next();
    while (!this.#peek('}')) {
      const [label, operator, value] = [this.#next(), this.#next(), this.#next()];
      if (label.kind !== 'word' || value.kind !== 'string') throw new Error(`no matcher: ${label.text}`);
      matchers.push({
        label: label.text,
        operator: operator.text as Matcher['operator'],
        value: JSON.parse(value.text) as string,
      });
      if (this.#peek(',')) this.#next();
    }
    this.#next();
    return matchers;
  }
}
