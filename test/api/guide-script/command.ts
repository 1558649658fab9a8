/**
 * The user guide's commands as text, and what they ask for: the AWS command line takes the words as they are, every
 * other client the action and the input that the words stand for, read by the models of the services.
 */
import { readFileSync } from 'node:fs';
import { assert, present } from '../../../src/kit/assert.ts';
import type { ServiceModel, Shape } from '../../../src/api/codec/model.ts';
import { acmModel } from '../../../src/api/services/acm/model.ts';
import { elbModel } from '../../../src/api/services/elb/model.ts';
import { iamModel } from '../../../src/api/services/iam/model.ts';

export type ServiceName = 'elb' | 'iam' | 'acm';

const MODELS: Readonly<Record<ServiceName, ServiceModel>> = { elb: elbModel, iam: iamModel, acm: acmModel };
/** A word: quoted parts and others, as a shell puts them together. */
const WORD = /(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'])+/g;

export interface ApiRequest {
  readonly service: ServiceName;
  /** `CreateLoadBalancer`. */
  readonly action: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** `aws elb …` as words: quotes are taken away, `<name>` stands for a value of this run. */
export function wordsOf(command: string, values: ReadonlyMap<string, string>): readonly string[] {
  const words = command.match(WORD) ?? [];
  return words.map((word) =>
    word
      .replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g, (_, double?: string, single?: string) =>
        double === undefined ? (single ?? '') : double.replace(/\\(.)/g, '$1'),
      )
      .replace(/<([^<>]+)>/g, (_, name: string) => present(values.get(name), `a value for <${name}>`)),
  );
}

/** What the words ask for. */
export function requestOf(words: readonly string[]): ApiRequest {
  const [program, service, operation, ...options] = words;
  assert(program === 'aws' && (service === 'elb' || service === 'iam' || service === 'acm'), 'a command of a service');
  const model = MODELS[service];
  const actions = Object.keys(model.operations);
  const action = present(
    actions.find((name) => plain(name) === plain(operation ?? '')),
    `an operation ${operation}`,
  );
  const { members } = model.structures[model.operations[action]!.input]!;
  const input: Record<string, unknown> = {};
  for (const [name, given] of optionsOf(options)) {
    const member = present(memberOf(name, Object.keys(members)), `an option ${name}`);
    input[member] = readValue(members[member]!, given, model);
  }
  return { service, action, input };
}

function plain(name: string): string {
  return name.replaceAll('-', '').toLowerCase();
}

/** Options may be cut short, as the guide does (`--policy-name`). */
function memberOf(option: string, members: readonly string[]): string | undefined {
  const exact = members.find((name) => plain(name) === plain(option));
  return exact ?? members.find((name) => plain(name).startsWith(plain(option)));
}

function optionsOf(words: readonly string[]): readonly (readonly [string, readonly string[]])[] {
  const options: [string, string[]][] = [];
  for (const word of words) {
    if (word.startsWith('--')) options.push([word.slice(2), []]);
    else present(options.at(-1), 'an option before its values')[1].push(word);
  }
  return options;
}

function readValue(shape: Shape, given: readonly string[], model: ServiceModel): unknown {
  if (shape.type === 'list') {
    const [first] = given;
    if (given.length === 1 && first?.startsWith('[') === true) return JSON.parse(first);
    return given.map((word) => readOne(shape.member, word, model));
  }
  assert(given.length === 1, 'an option has one value');
  return readOne(shape, given[0]!, model);
}

function readOne(shape: Shape, word: string, model: ServiceModel): unknown {
  const text = word.startsWith('file://') ? readFileSync(word.slice('file://'.length), 'utf8') : word;
  switch (shape.type) {
    case 'structure':
      return text.trimStart().startsWith('{') ? JSON.parse(text) : readShorthand(shape.name, text, model);
    case 'integer':
      return Number(text);
    case 'boolean':
      return text === 'true';
    default:
      return text;
  }
}

/** `Name=value,Name=value`; of a structure with one member, its value. */
function readShorthand(structure: string, text: string, model: ServiceModel): unknown {
  const { members } = model.structures[structure]!;
  const names = Object.keys(members);
  if (names.length === 1 && !text.includes('=')) return { [names[0]!]: text };
  const pairs = text.split(',').map((part): [string, unknown] => {
    const equals = part.indexOf('=');
    const name = part.slice(0, equals);
    return [name, readValue(present(members[name], `a member ${name}`), [part.slice(equals + 1)], model)];
  });
  return Object.fromEntries(pairs);
}
