/**
 * `npm run generate:elb-model`: writes src/api/services/elb/model.json and shapes.ts from the schemas that the pinned
 * AWS SDK carries. The layout of those schemas is internal to the SDK: what this script does not know is an error, so
 * that an upgrade of the SDK never changes the model silently.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import * as sdk from '@aws-sdk/client-elastic-load-balancing';
import { unreachable } from '../src/kit/assert.ts';
import type { ErrorModel, OperationModel, ServiceModel, Shape, StructureModel } from '../src/api/codec/model.ts';

const PACKAGE = '@aws-sdk/client-elastic-load-balancing';
const TARGET = new URL('../src/api/services/elb/', import.meta.url);

/** First element of a schema: what it describes. */
const KIND = { list: 1, structure: 3, operation: 9, error: -3 } as const;
/** A schema that is a number stands for a simple type; 64 marks a list of it. */
const SIMPLE: ReadonlyMap<number, 'string' | 'integer' | 'boolean' | 'timestamp'> = new Map([
  [0, 'string'],
  [1, 'integer'],
  [2, 'boolean'],
  [4, 'timestamp'],
]);
const LIST_FLAG = 64;

type Schema = readonly unknown[];

function fail(what: string, value: unknown): never {
  throw new Error(`${PACKAGE}: ${what}: ${JSON.stringify(value)}`);
}

function isSchema(value: unknown): value is Schema {
  return Array.isArray(value) && typeof value[0] === 'number' && typeof value[2] === 'string';
}

/** What a reference to a schema (a number, a schema, or a function that gives one) stands for. */
function shapeOf(reference: unknown): Shape {
  const schema = typeof reference === 'function' ? (reference as () => unknown)() : reference;
  if (typeof schema === 'number') {
    const item = SIMPLE.get(schema & ~LIST_FLAG) ?? fail('unknown simple type', schema);
    return (schema & LIST_FLAG) === 0 ? { type: item } : { type: 'list', member: { type: item } };
  }
  if (!isSchema(schema)) return fail('unknown form of schema', schema);
  if (schema[3] !== 0) return fail('a shape with traits', schema[2]);
  if (schema[0] === KIND.structure) return { type: 'structure', name: String(schema[2]) };
  if (schema[0] === KIND.list) return { type: 'list', member: shapeOf(schema[4]) };
  return fail('unknown kind of schema', schema[0]);
}

function structureOf(schema: Schema): StructureModel {
  const names = schema[4] as readonly string[];
  const references = schema[5] as readonly unknown[];
  const required = typeof schema[6] === 'number' ? schema[6] : 0;
  // Required members come first.
  return {
    members: Object.fromEntries(names.map((name, index) => [name, shapeOf(references[index])])),
    required: names.slice(0, required),
  };
}

function errorOf(schema: Schema): ErrorModel {
  const traits = schema[3] as { readonly awsQueryError?: readonly [string, number] };
  const [code, status] = traits.awsQueryError ?? fail('an error without a Query code', schema[2]);
  return { code, status };
}

/** `CreateLoadBalancer` has its input at index 4 and its output at 5, both structures. */
function operationOf(schema: Schema): OperationModel {
  const [input, output] = [shapeOf(schema[4]), shapeOf(schema[5])];
  if (input.type !== 'structure' || output.type !== 'structure')
    return fail('an operation without structures', schema[2]);
  return { input: input.name, output: output.name };
}

function sorted<T>(entries: Map<string, T>): Record<string, T> {
  return Object.fromEntries([...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** The model of the installed SDK. */
export function generateModel(): ServiceModel {
  const operations = new Map<string, OperationModel>();
  const structures = new Map<string, StructureModel>();
  const errors = new Map<string, ErrorModel>();
  for (const [name, schema] of Object.entries(sdk as Record<string, unknown>)) {
    if (!name.endsWith('$') || !isSchema(schema)) continue;
    const shapeName = String(schema[2]);
    if (schema[0] === KIND.operation) operations.set(shapeName, operationOf(schema));
    else if (schema[0] === KIND.structure) structures.set(shapeName, structureOf(schema));
    else if (schema[0] !== KIND.error) fail('unknown kind of schema', name);
    // The base class of all errors has no code.
    else if (!shapeName.endsWith('ServiceException')) errors.set(shapeName, errorOf(schema));
  }
  const { version } = JSON.parse(
    readFileSync(new URL(`../node_modules/${PACKAGE}/package.json`, import.meta.url), 'utf8'),
  ) as { version: string };
  const apiVersion = new sdk.ElasticLoadBalancingClient({ region: 'us-east-1' }).config.apiVersion;
  return {
    source: `${PACKAGE} ${version}`,
    version: apiVersion,
    xmlNamespace: `http://elasticloadbalancing.amazonaws.com/doc/${apiVersion}/`,
    operations: sorted(operations),
    structures: sorted(structures),
    errors: sorted(errors),
  };
}

function typeOf(shape: Shape): string {
  switch (shape.type) {
    case 'string':
    case 'boolean':
      return shape.type;
    case 'integer':
      return 'number';
    case 'timestamp':
      return 'Date';
    case 'structure':
      return shape.name;
    case 'list':
      return `readonly ${typeOf(shape.member)}[]`;
    default:
      return unreachable(shape);
  }
}

/** The structures as TypeScript interfaces, and the operations as one map from action to input and output. */
export function generateShapes(model: ServiceModel): string {
  const lines = ['/** Generated by scripts/generate-elb-model.ts from the AWS model: do not edit. */'];
  for (const [name, structure] of Object.entries(model.structures)) {
    const members = Object.entries(structure.members);
    lines.push('', `export interface ${name} {`);
    for (const [member, shape] of members) {
      const optional = structure.required.includes(member) ? '' : '?';
      lines.push(`  readonly ${member}${optional}: ${typeOf(shape)};`);
    }
    lines.push('}');
    if (members.length === 0) lines.splice(-2, 2, `export type ${name} = Readonly<Record<string, never>>;`);
  }
  lines.push('', 'export interface Operations {');
  for (const [name, { input, output }] of Object.entries(model.operations)) {
    lines.push(`  readonly ${name}: {`, `    readonly input: ${input};`, `    readonly output: ${output};`, '  };');
  }
  lines.push('}', '', `export type ErrorCode =`);
  const codes = Object.values(model.errors).map(({ code }) => code);
  for (const code of codes) lines.push(`  | '${code}'`);
  lines[lines.length - 1] += ';';
  return `${lines.join('\n')}\n`;
}

export function modelText(model: ServiceModel): string {
  return `${JSON.stringify(model, undefined, 2)}\n`;
}

if (import.meta.main) {
  const model = generateModel();
  writeFileSync(new URL('model.json', TARGET), modelText(model));
  writeFileSync(new URL('shapes.ts', TARGET), generateShapes(model));
}
