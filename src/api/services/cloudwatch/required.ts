/** What an action cannot do without. CloudWatch tells of it in a way of its own, and of all that is missing at once. */
import type { Structure, Value } from '../../codec/value.ts';
import { cloudWatchFault, cloudWatchModel } from './model.ts';
import type { Action, CloudWatchFault } from './model.ts';
import { inOneMessage } from './rules.ts';

const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  GetMetricStatisticsInput: ['Namespace', 'MetricName', 'StartTime', 'EndTime', 'Period'],
  GetMetricDataInput: ['MetricDataQueries', 'StartTime', 'EndTime'],
  MetricDataQuery: ['Id'],
  MetricStat: ['Metric', 'Period', 'Stat'],
  Metric: ['Namespace', 'MetricName'],
  Dimension: ['Name', 'Value'],
  DimensionFilter: ['Name'],
};

/** Of what the codec has read for `action`. */
export function missingFault(action: Action, input: Structure): CloudWatchFault | undefined {
  const missing = missingMembers(`${action}Input`, input, '');
  const problem = inOneMessage(missing.map((path) => `The parameter ${path} is required.`));
  if (problem === undefined) return undefined;
  return cloudWatchFault(action === 'GetMetricData' ? 'ValidationError' : 'MissingParameter', problem);
}

/** Paths as CloudWatch writes them: `MetricDataQueries.member.1.Id`. */
function missingMembers(structure: string, given: Structure, path: string): readonly string[] {
  const isMissing = (value: Value | undefined): boolean =>
    value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
  const missing = (REQUIRED[structure] ?? []).filter((name) => isMissing(given[name])).map((name) => path + name);
  for (const [name, shape] of Object.entries(cloudWatchModel.structures[structure]!.members)) {
    const value = given[name];
    if (value === undefined) continue;
    if (shape.type === 'structure') missing.push(...missingMembers(shape.name, value as Structure, `${path}${name}.`));
    if (shape.type !== 'list' || shape.member.type !== 'structure') continue;
    for (const [index, item] of (value as readonly Structure[]).entries()) {
      missing.push(...missingMembers(shape.member.name, item, `${path}${name}.member.${index + 1}.`));
    }
  }
  return missing;
}
