/**
 * The models of AWS services, from the schemas that the pinned AWS SDKs carry. The layout of those schemas is internal
 * to the SDK: what this script does not know is an error, so that an upgrade of an SDK never changes a model silently.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { unreachable } from '../src/kit/assert.ts';
import type { ErrorModel, OperationModel, ServiceModel, Shape, StructureModel } from '../src/api/codec/model.ts';

/** A client of the AWS SDK, and what of it a model shall have. */
export interface ModelSource {
  /** The name of the package. */
  readonly package: string;
  /** Its exports, among them the schemas. */
  readonly sdk: object;
  /** As a caller names it: `2012-06-01`. */
  readonly version: string;
  /** Of the answers; empty where they are no XML. */
  readonly xmlNamespace: string;
  /** The operations and errors to take, by the names of their shapes; all of them where it is left out. */
  readonly only?: { readonly operations: readonly string[]; readonly errors: readonly string[] };
}

/** First element of a schema: what it describes. */
const KIND = { list: 1, structure: 3, operation: 9, error: -3 } as const;
const KIND_SIMPLE = 0;
/** A schema that is a number stands for a simple type; 64 marks a list of it. */
const SIMPLE: ReadonlyMap<number, 'string' | 'integer' | 'boolean' | 'timestamp' | 'blob'> = new Map([
  [0, 'string'],
  [1, 'integer'],
  [2, 'boolean'],
  [4, 'timestamp'],
  [21, 'blob'],
]);
const LIST_FLAG = 64;
/** The trait of what must not be shown to anybody. */
const SENSITIVE = 8;

type Schema = readonly unknown[];

function fail(what: string, value: unknown): never {
  throw new Error(`the schemas of the SDK: ${what}: ${JSON.stringify(value)}`);
}

function isSchema(value: unknown): value is Schema {
  return Array.isArray(value) && typeof value[0] === 'number' && typeof value[2] === 'string';
}

/** What a reference to a schema (a number, a schema, or a function that gives one) stands for. */
function shapeOf(reference: unknown): Shape {
  const schema = resolve(reference);
  if (typeof schema === 'number') {
    const item = simpleType(schema & ~LIST_FLAG);
    return (schema & LIST_FLAG) === 0 ? { type: item } : { type: 'list', member: { type: item } };
  }
  // A member that may have traits of its own, and has none.
  if (Array.isArray(schema) && schema.length === 2 && schema[1] === 0) return shapeOf(schema[0]);
  if (!isSchema(schema)) return fail('unknown form of schema', schema);
  if (schema[0] === KIND_SIMPLE && schema[3] === SENSITIVE) return { type: simpleType(schema[4]), sensitive: true };
  if (schema[3] !== 0) return fail('a shape with traits', schema[2]);
  if (schema[0] === KIND.structure) return { type: 'structure', name: String(schema[2]) };
  if (schema[0] === KIND.list) return { type: 'list', member: shapeOf(schema[4]) };
  return fail('unknown kind of schema', schema[0]);
}

function resolve(reference: unknown): unknown {
  return typeof reference === 'function' ? (reference as () => unknown)() : reference;
}

function simpleType(type: unknown) {
  return SIMPLE.get(Number(type)) ?? fail('unknown simple type', type);
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

/** Of the Query protocol, an error has a code of its own; else it goes by its name. */
function errorOf(schema: Schema): ErrorModel {
  const traits = schema[3] as { readonly awsQueryError?: readonly [string, number]; readonly httpError?: number };
  const [code, status] = traits.awsQueryError ?? [String(schema[2]), traits.httpError ?? 400];
  return { code, status };
}

/** `CreateLoadBalancer` has its input at index 4 and its output at 5, both structures; some have no output. */
function operationOf(schema: Schema): OperationModel {
  const [input, output] = [shapeOf(schema[4]), resolve(schema[5]) === 'unit' ? UNIT : shapeOf(schema[5])];
  if (input.type !== 'structure' || output.type !== 'structure')
    return fail('an operation without structures', schema[2]);
  return { input: input.name, output: output.name };
}

const UNIT = { type: 'structure', name: 'Unit' } as const;

function sorted<T>(entries: Iterable<readonly [string, T]>): Record<string, T> {
  return Object.fromEntries([...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** The model of the installed SDK, as far as `source` asks for it. */
export function generateModel(source: ModelSource): ServiceModel {
  const operations = new Map<string, OperationModel>();
  const structures = new Map<string, StructureModel>();
  const errors = new Map<string, ErrorModel>();
  const schemas = Object.entries(source.sdk).filter(([name, value]) => name.endsWith('$') && isSchema(value));
  const isAsked = (kind: 'operations' | 'errors', name: string) => source.only?.[kind].includes(name) ?? true;
  for (const [name, schema] of schemas as [string, Schema][]) {
    const shapeName = String(schema[2]);
    if (schema[0] === KIND.operation) {
      if (isAsked('operations', shapeName)) operations.set(shapeName, operationOf(schema));
    } else if (schema[0] === KIND.error) {
      // The base class of all errors has no code.
      if (!shapeName.endsWith('ServiceException') && isAsked('errors', shapeName))
        errors.set(shapeName, errorOf(schema));
    } else if (source.only === undefined) {
      if (schema[0] !== KIND.structure) fail('unknown kind of schema', name);
      structures.set(shapeName, structureOf(schema));
    }
  }
  if (source.only !== undefined) addReachable(structures, operations, source);
  const { version } = JSON.parse(
    readFileSync(new URL(`../node_modules/${source.package}/package.json`, import.meta.url), 'utf8'),
  ) as { version: string };
  return {
    source: `${source.package} ${version}`,
    version: source.version,
    xmlNamespace: source.xmlNamespace,
    operations: sorted(operations),
    structures: sorted(structures),
    errors: sorted(errors),
  };
}

/** The structures that the operations need, and those that these need. */
function addReachable(
  structures: Map<string, StructureModel>,
  operations: ReadonlyMap<string, OperationModel>,
  { sdk, only }: ModelSource,
): void {
  for (const name of only?.operations ?? []) if (!operations.has(name)) fail('no such operation', name);
  const waiting = [...operations.values()].flatMap(({ input, output }) => [input, output]);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (structures.has(name)) continue;
    const schema: unknown = Reflect.get(sdk, `${name}$`);
    const isUnit = name === UNIT.name;
    const structure = isUnit
      ? { members: {}, required: [] }
      : structureOf(isSchema(schema) ? schema : fail('no such structure', name));
    structures.set(name, structure);
    waiting.push(...Object.values(structure.members).flatMap(namesIn));
  }
}

function namesIn(shape: Shape): readonly string[] {
  if (shape.type === 'list') return namesIn(shape.member);
  if (shape.type === 'map') return namesIn(shape.value);
  return shape.type === 'structure' ? [shape.name] : [];
}

function typeOf(shape: Shape): string {
  switch (shape.type) {
    case 'string':
    case 'boolean':
      return shape.type;
    case 'integer':
    case 'double':
      return 'number';
    case 'map':
      return `Readonly<Record<string, ${typeOf(shape.value)}>>`;
    case 'timestamp':
      return 'Date';
    case 'blob':
      return 'Uint8Array';
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
  const lines = ['/** Generated from the AWS model (`npm run generate:models`): do not edit. */'];
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
  const codes = Object.values(model.errors).map(({ code }) => `\n  | '${code}'`);
  lines.push('}', '', `export type ErrorCode =${codes.length === 0 ? ' never' : codes.join('')};`);
  return `${lines.join('\n')}\n`;
}

export function modelText(model: ServiceModel): string {
  return `${JSON.stringify(model, undefined, 2)}\n`;
}

/** Writes `model.json` and `shapes.ts` of a service into its folder. */
export function writeModel(folder: URL, model: ServiceModel): void {
  writeFileSync(new URL('model.json', folder), modelText(model));
  writeFileSync(new URL('shapes.ts', folder), generateShapes(model));
}
