import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Budget, ExpressionError } from './expression-budget.ts';
import { evaluate, FUNCTIONS, type Scope, type Values } from './expression.ts';

const SERIES: Readonly<Record<string, Values>> = {
  m1: new Map([
    [0, 4],
    [60, 9],
    [120, 0],
  ]),
  m2: new Map([
    [0, 2],
    [120, 0],
  ]),
};
const scope = (): Scope => ({
  budget: new Budget(),
  valuesOf: (id: string) => (Object.hasOwn(SERIES, id) ? SERIES[id] : undefined),
  metrics: () => Object.values(SERIES),
  periodOf: (id: string) => (id === 'm1' ? 60 : undefined),
  times: () => [0, 60, 120, 180],
});

function valuesOf(text: string): Record<number, number> {
  return Object.fromEntries(evaluate(text, scope()));
}

describe('metric math', () => {
  for (const [text, values] of [
    ['m1', { 0: 4, 60: 9, 120: 0 }],
    ['m1 + m2', { 0: 6, 120: 0 }],
    ['m1 / m2', { 0: 2 }],
    ['100 * (m1 - m2) / m1', { 0: 50 }],
    ['-m2 ^ 2 + 1', { 0: -3, 120: 1 }],
    ['2 ^ m2', { 0: 4, 120: 1 }],
    ['m1/PERIOD(m1)', { 0: 4 / 60, 60: 0.15, 120: 0 }],
    ['SUM(METRICS())', { 0: 6, 60: 9, 120: 0 }],
    ['AVG([m1, m2])', { 0: 3, 60: 9, 120: 0 }],
    ['m1 / SUM(m1)', { 0: 4 / 13, 60: 9 / 13, 120: 0 }],
    ['m1 - MAX(m1) + MIN([m1, m1])', { 0: -1, 60: 9, 120: -9 }],
    ['FILL(m2, 1 / 0)', { 0: 2, 120: 0 }],
    ['FILL(m2, 7)', { 0: 2, 60: 7, 120: 0, 180: 7 }],
    ['SUM(FILL(METRICS(), 1))', { 0: 6, 60: 10, 120: 0, 180: 2 }],
    ['ABS(m2 - 3) * 1.5e1', { 0: 15, 120: 45 }],
  ] as const) {
    it(text, () => assert.deepEqual(valuesOf(text), values));
  }

  for (const [text, message] of [
    ['', /something is missing at the end/],
    ['m1 +', /something is missing at the end/],
    ['m3', /no query with the id 'm3'/],
    ['(m1', /'\)' is missing at the end/],
    ['m1 m2', /'m2' has no place there/],
    ['1 + 1', /must give one time series/],
    ['METRICS()', /must give one time series/],
    ['STDDEV(m1)', /no function STDDEV; it has SUM,/],
    ['SUM(m1, m2)', /SUM takes 1 values, not 2/],
    ['FILL(m1, m2)', /takes a number/],
    ['PERIOD(m2)', /the id of a metric, not 'm2'/],
    ['m1; DROP', /'; DROP' has no place there/],
    ['m1 + "m2"', /'"m2"' has no place there/],
    [`SEARCH('{AWS/ELB} x', 'Sum', 60)`, /no function SEARCH; it has SUM,/],
    ['SELECT SUM(m1) FROM "AWS/ELB"', /no function SELECT/],
    [`${'('.repeat(40)}m1${')'.repeat(40)}`, /nested more than 32 deep/],
    [`${'-'.repeat(2000)}m1`, /nested more than 32 deep/],
    [`${'2^'.repeat(900)}m1`, /nested more than 32 deep/],
    [`m1 + ${'1 + '.repeat(600)}1`, /longer than 2048/],
    ['[m1, [m2]]', /a time series is wanted/],
    ['[1]', /a time series is wanted/],
  ] as const) {
    it(`tells what is wrong with ${JSON.stringify(text.slice(0, 24))}`, () =>
      assert.throws(
        () => evaluate(text, scope()),
        (error) => error instanceof ExpressionError && message.test(error.message),
      ));
  }

  it('tells when all expressions of a call take too much together', () => {
    const times = Array.from({ length: 100 }, (_, minute) => 60 * minute);
    const long = { ...scope(), times: () => times, budget: new Budget(310) };
    assert.equal(evaluate('FILL(m1, 1) + 1', long).size, times.length);
    for (const text of ['SUM([FILL(m1, 1)])', 'm1 + 1', '-m1', 'ABS(METRICS())']) {
      assert.throws(() => evaluate(text, long), /takes more than 310 values/, text);
    }
  });

  it('tells when expressions that refer to each other are nested too deep together', () => {
    const budget = new Budget();
    const chain = (length: number): Scope => ({
      ...scope(),
      budget,
      valuesOf: () =>
        length === 0 ? SERIES['m1'] : evaluate(`${'('.repeat(30)}e${')'.repeat(30)}`, chain(length - 1)),
    });
    assert.equal(evaluate('e', chain(15)).size, 3);
    assert.throws(() => evaluate('e', chain(499)), /nested more than 600 deep, with the expressions/);
  });

  it('never fails in another way, whatever it is given', () => {
    const word = fc.constantFrom(
      'm1',
      'm2',
      '1',
      '(',
      ')',
      '[',
      ']',
      ',',
      '+',
      '-',
      '*',
      '/',
      '^',
      ' ',
      '0.5',
      ...FUNCTIONS,
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 30 }), (words) => {
        try {
          evaluate(words.join(' '), scope());
        } catch (error) {
          assert.ok(error instanceof ExpressionError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});
