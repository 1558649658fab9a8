/** AddTags, RemoveTags, DescribeTags. */
import { isDeepStrictEqual } from 'node:util';
import { MAX_TAGS } from '../../../model/limits.ts';
import type { LoadBalancer, Tag } from '../../../model/load-balancer.ts';
import { itemPath } from '../../codec/member-path.ts';
import { Fault, shown, validationFault, violation, violationsFault } from '../../fault.ts';
import { reservedKeyProblem, tagViolations } from '../../input-rules.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';
import { answer, find, save } from './operation.ts';
import type { CallContext, Decision, Handler } from './operation.ts';
import type * as shapes from './shapes.ts';

const MAX_DESCRIBED = 20;

function tagFault(tag: Tag, index: number): ElbFault | undefined {
  const fault = violationsFault(tagViolations(tag, itemPath('tags', index + 1)));
  if (fault !== undefined) return fault;
  const problem = reservedKeyProblem(tag.key);
  return problem === undefined ? undefined : elbFault('ValidationError', problem);
}

/** Tags to be set, each key once. One without a value has an empty one: clients read it without asking whether it is there. */
export function readTags(input: readonly shapes.Tag[]): readonly Tag[] | ElbFault {
  const tags = new Map<string, Tag>();
  for (const [index, { Key, Value }] of input.entries()) {
    const tag = { key: Key, value: Value ?? '' };
    const fault = tagFault(tag, index);
    if (fault !== undefined) return fault;
    if (tags.has(Key)) return elbFault('DuplicateTagKeys', `The tag key '${shown(Key)}' is given more than once.`);
    tags.set(Key, tag);
  }
  return [...tags.values()];
}

export function tagLimitFault(tags: readonly Tag[]): ElbFault | undefined {
  if (tags.length <= MAX_TAGS) return undefined;
  return elbFault('TooManyTags', `A load balancer can have at most ${MAX_TAGS} tags; these would be ${tags.length}.`);
}

/** AddTags and RemoveTags take a list of names, but one load balancer only. */
function findOne(names: readonly string[], context: CallContext): LoadBalancer | ElbFault {
  const [name, ...others] = names;
  if (name === undefined || others.length > 0) {
    return elbFault('ValidationError', `LoadBalancerNames must name exactly one load balancer, got ${names.length}.`);
  }
  return find(context, name);
}

/** With the tags changed, if they are. */
function saveTags(record: LoadBalancer, tags: readonly Tag[]): Decision<Readonly<Record<string, never>>> {
  return isDeepStrictEqual(record.tags, tags) ? answer({}) : save({ ...record, tags }, {});
}

function addTags(input: shapes.AddTagsInput, context: CallContext): Decision<shapes.AddTagsOutput> | ElbFault {
  const record = findOne(input.LoadBalancerNames, context);
  if (record instanceof Fault) return record;
  if (input.Tags.length === 0) return elbFault('ValidationError', 'At least one tag must be specified');
  const added = readTags(input.Tags);
  if (added instanceof Fault) return added;
  const tags = new Map([...record.tags, ...added].map((tag) => [tag.key, tag]));
  return tagLimitFault([...tags.values()]) ?? saveTags(record, [...tags.values()]);
}

/** A key that is not there is as good as removed. */
function removeTags(input: shapes.RemoveTagsInput, context: CallContext): Decision<shapes.RemoveTagsOutput> | ElbFault {
  const record = findOne(input.LoadBalancerNames, context);
  if (record instanceof Fault) return record;
  if (input.Tags.length === 0) return elbFault('ValidationError', 'At least one tag key must be specified');
  const keys = new Set(input.Tags.map(({ Key }) => Key));
  return saveTags(
    record,
    record.tags.filter(({ key }) => !keys.has(key)),
  );
}

function describeTags(
  input: shapes.DescribeTagsInput,
  context: CallContext,
): Decision<shapes.DescribeTagsOutput> | ElbFault {
  const { LoadBalancerNames: names } = input;
  if (names.length === 0 || names.length > MAX_DESCRIBED) {
    const rule = `Member must have length between 1 and ${MAX_DESCRIBED}`;
    return validationFault([violation(`[${names.join(', ')}]`, 'loadBalancerNames', rule)]);
  }
  const descriptions: shapes.TagDescription[] = [];
  for (const name of new Set(names)) {
    const record = find(context, name);
    if (record instanceof Fault) return record;
    const tags = record.tags.map(({ key, value = '' }) => ({ Key: key, Value: value }));
    descriptions.push({ LoadBalancerName: record.name, Tags: tags });
  }
  return answer({ TagDescriptions: descriptions });
}

export const tagHandlers = {
  AddTags: { mutates: true, decide: addTags },
  RemoveTags: { mutates: true, decide: removeTags },
  DescribeTags: { mutates: false, decide: describeTags },
} satisfies {
  AddTags: Handler<'AddTags'>;
  RemoveTags: Handler<'RemoveTags'>;
  DescribeTags: Handler<'DescribeTags'>;
};
