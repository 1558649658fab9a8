/** Requests and answers in CBOR (RFC 8949), as Smithy's RPC v2 has them: the same values as JSON's, in another form. */
import { decode, encode, Token, Type, type TagDecoder } from 'cborg';
import { API } from '../../model/limits.ts';
import { commonFault } from '../fault.ts';
import type { Fault } from '../fault.ts';
import { plainStructure, readStructure } from './json.ts';
import type { ScalarType, ServiceModel } from './model.ts';
import type { Structure, Value } from './value.ts';

/** Seconds since 1970, as JSON has times too. */
const EPOCH_TAG = 1;
const TAGS: Record<number, TagDecoder> = { [EPOCH_TAG]: (content) => content() };

/** The input of an operation (a structure of the model), or what is wrong with it. */
export function decodeCbor(model: ServiceModel, structureName: string, body: Uint8Array): Structure | Fault {
  let parsed: unknown;
  try {
    // Maps, so that no name of a peer is ever a property before it is known to be harmless.
    const options = { useMaps: true, rejectDuplicateMapKeys: true, tags: TAGS };
    parsed = body.length === 0 ? {} : plain(decode(body, options), 0);
  } catch {
    // Also what is nested too deep.
    return commonFault('MalformedRequest', 'The body is not CBOR that could be read.');
  }
  return readStructure(model, structureName, parsed);
}

/** Objects without a prototype instead of maps; no value is nothing, in either form. */
function plain(value: unknown, depth: number): unknown {
  if (depth > API.maxNesting) throw new RangeError('nested too deep');
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  if (!(value instanceof Map)) return value ?? null;
  const object = Object.create(null) as Record<string, unknown>;
  for (const [key, each] of value) if (typeof key === 'string') object[key] = plain(each, depth + 1);
  return object;
}

/** An output as CBOR: times as tagged seconds, doubles as such though they be whole, bytes as they are. */
export function encodeCbor(model: ServiceModel, structureName: string, output: Structure): Uint8Array {
  return encodePlain(plainStructure(model, structureName, output, marked));
}

/** An array of one stands for a double: a number alone does not say what it is. */
function marked(value: Value, type: ScalarType): unknown {
  return type === 'double' ? Float64Array.of(Number(value)) : value;
}

const ENCODERS = {
  Date: taggedSeconds,
  Float64Array: ([double = 0]: Float64Array) => new Token(Type.float, double),
};

/** Plain values, dates among them. */
export function encodePlain(value: Readonly<Record<string, unknown>>): Uint8Array {
  return encode(value, { float64: true, typeEncoders: ENCODERS });
}

function taggedSeconds(date: Date): Token[] {
  const seconds = date.getTime() / 1000;
  const type = !Number.isInteger(seconds) ? Type.float : seconds < 0 ? Type.negint : Type.uint;
  return [new Token(Type.tag, EPOCH_TAG), new Token(type, seconds)];
}
