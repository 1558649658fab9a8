/**
 * Requests and answers of AWS's JSON protocols, driven by a model. Members that the model does not know are ignored,
 * as AWS does.
 */
import { API } from '../../model/limits.ts';
import { assert } from '../../kit/assert.ts';
import { commonFault, validationFault, violation } from '../fault.ts';
import type { Fault } from '../fault.ts';
import { itemPath, memberPath } from './member-path.ts';
import type { ScalarType, ServiceModel, Shape } from './model.ts';
import { doubleText, type Structure, type Value } from './value.ts';

declare global {
  interface JSON {
    /** ECMAScript's, and Node's since 22: a value that goes out as it is written. TypeScript does not know it yet. */
    rawJSON(text: string): object;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
/** Times are seconds since 1970; what a Date can hold. */
const MAX_SECONDS = 8.64e12;

/** What cannot be read at all: the first of it ends the reading. */
class Unreadable extends Error {}

/** The input of an operation (a structure of the model), or what is wrong with it. */
export function decodeJson(model: ServiceModel, structureName: string, body: Uint8Array): Structure | Fault {
  let parsed: unknown;
  try {
    parsed = body.length === 0 ? {} : JSON.parse(utf8.decode(body));
  } catch {
    // The parser's message would show a part of the body.
    return commonFault('MalformedRequest', 'The body is not JSON in UTF-8.');
  }
  return readStructure(model, structureName, parsed);
}

/** The input of an operation from a value of JSON's kinds, wherever it was read from. */
export function readStructure(model: ServiceModel, structureName: string, parsed: unknown): Structure | Fault {
  const reader = new Reader(model);
  try {
    const input = reader.structure(structureName, parsed, '');
    return reader.violations.length === 0 ? input : validationFault(reader.violations);
  } catch (error) {
    if (error instanceof Unreadable) return commonFault('MalformedRequest', error.message);
    throw error;
  }
}

class Reader {
  readonly #model: ServiceModel;
  readonly violations: string[] = [];

  constructor(model: ServiceModel) {
    this.#model = model;
  }

  structure(name: string, given: unknown, path: string): Structure {
    if (typeof given !== 'object' || given === null || Array.isArray(given)) throw mismatch(path, 'an object', given);
    const { members, required } = this.#model.structures[name]!;
    const result: Record<string, Value> = {};
    for (const [member, shape] of Object.entries(members)) {
      const at = memberPath(path, member);
      const value: unknown = Object.hasOwn(given, member) ? Reflect.get(given, member) : null;
      if (value !== null) result[member] = this.#value(shape, value, at);
      else if (required.includes(member)) this.violations.push(violation(undefined, at, 'Member must not be null'));
    }
    return result;
  }

  #value(shape: Shape, given: unknown, path: string): Value {
    if (shape.type === 'structure') return this.structure(shape.name, given, path);
    assert(shape.type !== 'map', 'no input has a map');
    if (shape.type !== 'list') return scalar(shape.type, given, path);
    if (!Array.isArray(given)) throw mismatch(path, 'a list', given);
    if (given.length > API.maxListIndex) {
      this.violations.push(violation(undefined, path, `Member must have at most ${API.maxListIndex} members`));
      return [];
    }
    return given.map((item: unknown, index) => this.#value(shape.member, item, itemPath(path, index + 1)));
  }
}

function scalar(type: ScalarType, given: unknown, path: string): Value {
  switch (type) {
    case 'string':
      if (typeof given === 'string') return given;
      throw mismatch(path, 'a string', given);
    case 'integer':
      if (Number.isSafeInteger(given)) return given as number;
      throw mismatch(path, 'a whole number', given);
    case 'double':
      if (Number.isFinite(given)) return given as number;
      throw mismatch(path, 'a number', given);
    case 'boolean':
      if (typeof given === 'boolean') return given;
      throw mismatch(path, 'true or false', given);
    case 'timestamp':
      if (typeof given === 'number' && Math.abs(given) <= MAX_SECONDS) return new Date(Math.round(given * 1000));
      throw mismatch(path, 'seconds since 1970', given);
    default:
      if (typeof given === 'string' && /^[A-Za-z0-9+/]*={0,2}$/.test(given)) return Buffer.from(given, 'base64');
      throw mismatch(path, 'base64', given);
  }
}

/** Says what kind of value stands there, not which: it might be a secret. */
function mismatch(path: string, expected: string, given: unknown): Unreadable {
  const found = Array.isArray(given) ? 'a list' : given === null ? 'null' : `a value of type ${typeof given}`;
  return new Unreadable(`Expected ${expected} at '${path}', found ${found}.`);
}

/** An output as JSON text: times as seconds since 1970, bytes as base64. */
export function encodeJson(model: ServiceModel, structureName: string, output: Structure): string {
  return JSON.stringify(plainStructure(model, structureName, output, jsonScalar));
}

function jsonScalar(value: Value, type: ScalarType): unknown {
  if (type === 'double') return JSON.rawJSON(doubleText(Number(value)));
  if (value instanceof Date) return value.getTime() / 1000;
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}

/** The members of an output that the model knows, as plain objects and arrays around what `scalar` makes of the rest. */
export function plainStructure(
  model: ServiceModel,
  name: string,
  output: Structure,
  scalarOf: (value: Value, type: ScalarType) => unknown,
): Record<string, unknown> {
  const members = Object.entries(model.structures[name]!.members).filter(([member]) => output[member] !== undefined);
  return Object.fromEntries(
    members.map(([member, shape]) => [member, plainValue(model, shape, output[member]!, scalarOf)]),
  );
}

function plainValue(
  model: ServiceModel,
  shape: Shape,
  value: Value,
  scalarOf: (value: Value, type: ScalarType) => unknown,
): unknown {
  switch (shape.type) {
    case 'structure':
      return plainStructure(model, shape.name, value as Structure, scalarOf);
    case 'list':
      return (value as readonly Value[]).map((item) => plainValue(model, shape.member, item, scalarOf));
    case 'map': {
      const entries = Object.entries(value as Structure).filter(([, each]) => each !== undefined);
      return Object.fromEntries(entries.map(([key, each]) => [key, plainValue(model, shape.value, each!, scalarOf)]));
    }
    default:
      return scalarOf(value, shape.type);
  }
}
