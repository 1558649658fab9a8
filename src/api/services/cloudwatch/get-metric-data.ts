/** GetMetricData: many metrics at once, and arithmetic over them. */
import { statisticOf } from '../../../observe/cloudwatch-statistics.ts';
import type { Structure } from '../../codec/value.ts';
import { Fault, shown } from '../../fault.ts';
import { Budget, ExpressionError } from './expression-budget.ts';
import { evaluate } from './expression.ts';
import type { Values } from './expression.ts';
import { readToken, tokenOf } from './list-metrics.ts';
import { cloudWatchFault } from './model.ts';
import type { CloudWatchFault, GetMetricDataInput, MetricDataQuery, MetricStat } from './model.ts';
import {
  busyFault,
  choiceProblem,
  dimensionsProblem,
  find,
  inOneMessage,
  isStatistic,
  periodProblem,
  periodsIn,
  sizeProblem,
  timesProblem,
  unitProblem,
  windowOf,
} from './rules.ts';
import type { Context } from './rules.ts';

const MAX_QUERIES = 500;
const MAX_DATAPOINTS = 100_800;
/** *Ours*: periods that all queries of a call ask for; the thread that answers has other work too. */
const MAX_PERIODS = 500_000;
const DEFAULT_PERIOD = 300;

export async function getMetricData(input: GetMetricDataInput, context: Context): Promise<Structure | CloudWatchFault> {
  const fault = inputFault(input) ?? busyFault(context);
  if (fault !== undefined) return fault;
  const first = input.NextToken === undefined ? 0 : readToken(input.NextToken);
  if (first === undefined) {
    return cloudWatchFault('InvalidNextToken', `Invalid NextToken '${shown(input.NextToken ?? '')}'.`);
  }
  const evaluation = new Evaluation(input, context);
  await evaluation.readMetrics();
  const results: { readonly query: MetricDataQuery; readonly values: Values }[] = [];
  for (const query of input.MetricDataQueries) {
    if (query.ReturnData === false) continue;
    const values = evaluation.valuesOf(query);
    if (values instanceof Fault) return values;
    results.push({ query, values });
    // Others have their turn between two queries.
    await new Promise(setImmediate);
  }
  return page(input, results, first);
}

/** Ends the evaluation of an expression that refers to a faulty one. */
class ReferenceFault extends Error {
  readonly fault: CloudWatchFault;

  constructor(fault: CloudWatchFault) {
    super(fault.message);
    this.fault = fault;
  }
}

class Evaluation {
  readonly #input: GetMetricDataInput;
  readonly #context: Context;
  readonly #known = new Map<string, Values>();
  /** Ids whose expressions are being read: one that comes back to itself has no value. */
  readonly #open = new Set<string>();
  readonly #budget = new Budget();

  constructor(input: GetMetricDataInput, context: Context) {
    this.#input = input;
    this.#context = context;
  }

  valuesOf(query: MetricDataQuery): Values | CloudWatchFault {
    const known = this.#known.get(query.Id);
    if (known !== undefined) return known;
    const values = this.#evaluate(query);
    if (!(values instanceof Fault)) this.#known.set(query.Id, values);
    return values;
  }

  /** Of all metrics, before anything is evaluated. */
  async readMetrics(): Promise<void> {
    for (const { Id: id, MetricStat: metric } of this.#metricQueries()) this.#known.set(id, await this.#read(metric!));
  }

  async #read({ Metric: metric, Period: period, Stat: statistic, Unit: unit }: MetricStat): Promise<Values> {
    const found = await find(this.#context, metric, unit, windowOf(this.#input.StartTime, this.#input.EndTime, period));
    const values = [...(found?.sets ?? [])].map(([at, set]) => [at, statisticOf(set, statistic)] as const);
    return new Map(values.filter((entry): entry is readonly [number, number] => entry[1] !== undefined));
  }

  #evaluate({ Id: id, Expression: text = '' }: MetricDataQuery): Values | CloudWatchFault {
    if (this.#open.has(id)) return expressionFault(id, 'it refers to itself');
    this.#open.add(id);
    try {
      return evaluate(text, {
        valuesOf: (other) => this.#valuesById(other),
        metrics: () => this.#metricQueries().map((query) => this.#valuesOrThrow(query)),
        periodOf: (other) => this.#metricQueries().find((query) => query.Id === other)?.MetricStat?.Period,
        times: () => this.#times(),
        budget: this.#budget,
      });
    } catch (error) {
      if (error instanceof ReferenceFault) return error.fault;
      if (error instanceof ExpressionError) return expressionFault(id, error.message);
      throw error;
    } finally {
      this.#open.delete(id);
    }
  }

  #metricQueries(): readonly MetricDataQuery[] {
    return this.#input.MetricDataQueries.filter(({ MetricStat: metric }) => metric !== undefined);
  }

  #valuesById(id: string): Values | undefined {
    const query = this.#input.MetricDataQueries.find(({ Id }) => Id === id);
    return query === undefined ? undefined : this.#valuesOrThrow(query);
  }

  /** What is wrong with an expression is wrong with those that refer to it, and told once. */
  #valuesOrThrow(query: MetricDataQuery): Values {
    const values = this.valuesOf(query);
    if (values instanceof Fault) throw new ReferenceFault(values);
    return values;
  }

  /** The times of the longest period among the metrics, as expressions have it. */
  #times(): readonly number[] {
    const periods = this.#metricQueries().map(({ MetricStat: metric }) => metric!.Period);
    const period = Math.max(...periods, periods.length === 0 ? DEFAULT_PERIOD : 0);
    const window = windowOf(this.#input.StartTime, this.#input.EndTime, period);
    return Array.from({ length: periodsIn(window) }, (_, index) => window.start + index * period);
  }
}

function inputFault(input: GetMetricDataInput): CloudWatchFault | undefined {
  const { MetricDataQueries: queries, StartTime: start, EndTime: end } = input;
  const problem = inOneMessage([
    sizeProblem('MetricDataQueries', queries, MAX_QUERIES),
    timesProblem(start, end),
    choiceProblem('ScanBy', input.ScanBy, ['TimestampDescending', 'TimestampAscending']),
    limitProblem(input.MaxDatapoints),
    new Set(queries.map(({ Id }) => Id)).size < queries.length
      ? 'The values for parameter id in MetricDataQueries are not unique.'
      : undefined,
    queries.every(({ ReturnData }) => ReturnData === false) ? 'At least one query must return data.' : undefined,
    ...queries.flatMap((query, index) => queryProblems(query, `MetricDataQueries.member.${index + 1}`)),
  ]);
  if (problem !== undefined) return cloudWatchFault('ValidationError', problem);
  let periods = 0;
  for (const query of queries) {
    periods += periodsIn(windowOf(start, end, query.MetricStat?.Period ?? query.Period ?? DEFAULT_PERIOD));
  }
  if (periods <= MAX_PERIODS) return undefined;
  const message = `The queries ask for ${periods} periods, and weir answers up to ${MAX_PERIODS} in one call.`;
  return cloudWatchFault('ValidationError', message);
}

function limitProblem(max: number | undefined): string | undefined {
  if (max === undefined || (max >= 1 && max <= MAX_DATAPOINTS)) return undefined;
  return `The parameter MaxDatapoints must be from 1 to ${MAX_DATAPOINTS}.`;
}

/** `at` is where the query stands. */
function queryProblems(query: MetricDataQuery, at: string): readonly (string | undefined)[] {
  const { Id: id, MetricStat: metric, Expression: expression } = query;
  const problems = [idProblem(id, at), periodProblem(`${at}.Period`, query.Period)];
  if (metric === undefined) {
    const isMissing = expression === undefined || expression === '';
    return [...problems, isMissing ? `The parameter ${at}.MetricStat is required, or an Expression.` : undefined];
  }
  const isBoth = `The parameters ${at}.Expression and ${at}.MetricStat are mutually exclusive and you have specified both.`;
  const isNone = `The value ${shown(metric.Stat)} for parameter ${at}.MetricStat.Stat is not a valid statistic.`;
  return [
    ...problems,
    expression === undefined ? undefined : isBoth,
    isStatistic(metric.Stat) ? undefined : isNone,
    periodProblem(`${at}.MetricStat.Period`, metric.Period),
    unitProblem(`${at}.MetricStat.Unit`, metric.Unit),
    dimensionsProblem(`${at}.MetricStat.Metric.Dimensions`, metric.Metric.Dimensions),
  ];
}

function idProblem(id: string, at: string): string | undefined {
  if (/^[a-z]\w{0,254}$/.test(id)) return undefined;
  return `The value ${shown(id)} for parameter ${at}.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.`;
}

function expressionFault(id: string, what: string): CloudWatchFault {
  return cloudWatchFault('ValidationError', `Error in expression '${id}': ${what}.`);
}

/** Points from the `first` on, counted through all results; no more than were asked for. */
function page(
  { ScanBy: order, MaxDatapoints: max = MAX_DATAPOINTS }: GetMetricDataInput,
  results: readonly { readonly query: MetricDataQuery; readonly values: Values }[],
  first: number,
): Structure {
  const [end, all] = [first + max, results.reduce((sum, { values }) => sum + values.size, 0)];
  let before = 0;
  const described = results.map(({ query, values }) => {
    const sorted = [...values].sort(([a], [b]) => (order === 'TimestampAscending' ? a - b : b - a));
    const shownPoints = sorted.slice(Math.max(0, first - before), Math.max(0, end - before));
    before += values.size;
    return {
      Id: query.Id,
      Label: query.Label ?? query.MetricStat?.Metric.MetricName ?? query.Id,
      Timestamps: shownPoints.map(([at]) => new Date(at * 1000)),
      Values: shownPoints.map(([, value]) => value),
      StatusCode: before <= end ? 'Complete' : 'PartialData',
    };
  });
  return { MetricDataResults: described, Messages: [], ...(end < all ? { NextToken: tokenOf(end) } : {}) };
}
