/**
 * Requests of the AWS Query protocol, driven by a model: flat names such as `Listeners.member.1.Protocol` become the
 * structure that the operation's input is. Names that the model does not know are ignored, as AWS does; what the
 * model knows is checked, and every violation found is named at once.
 */
import { assert } from '../../kit/assert.ts';
import { API } from '../../model/limits.ts';
import { commonFault, Fault, HIDDEN, shown, validationFault, violation } from '../fault.ts';
import { itemPath, memberPath } from './member-path.ts';
import type { ScalarType, ServiceModel, Shape } from './model.ts';
import type { Structure, Value } from './value.ts';

/** Parameters by name, each given once. */
export type Parameters = ReadonlyMap<string, string>;

/** A name's segment, with what was given for it. Maps, so that no name of a peer is ever a property. */
interface Node {
  value: string | undefined;
  children: Map<string, Node> | undefined;
}

const UNREADABLE = Symbol('a value that broke a rule, already noted');

/** Puts the pairs into one map, refusing a name that is given twice. */
export function toParameters(pairs: Iterable<readonly [string, string]>): Parameters | Fault<'MalformedQueryString'> {
  const parameters = new Map<string, string>();
  for (const [name, value] of pairs) {
    if (parameters.has(name)) {
      return commonFault('MalformedQueryString', `The parameter '${shown(name)}' is given more than once.`);
    }
    parameters.set(name, value);
  }
  return parameters;
}

function child(node: Node, name: string): Node {
  node.children ??= new Map();
  let found = node.children.get(name);
  if (found === undefined) {
    found = { value: undefined, children: undefined };
    node.children.set(name, found);
  }
  return found;
}

function toTree(parameters: Parameters): Node | Fault<'ValidationError'> {
  const root: Node = { value: undefined, children: undefined };
  for (const [name, value] of parameters) {
    const segments = name.split('.', API.maxNesting + 1);
    if (segments.length > API.maxNesting) {
      const message = `The parameter '${shown(name)}' is nested more than ${API.maxNesting} deep.`;
      return commonFault('ValidationError', message);
    }
    let node = root;
    for (const segment of segments) node = child(node, segment);
    node.value = value;
  }
  return root;
}

/** Reads one input structure; `violations` grows with what is wrong. */
class Reader {
  readonly #model: ServiceModel;
  readonly violations: string[] = [];

  constructor(model: ServiceModel) {
    this.#model = model;
  }

  structure(name: string, node: Node | undefined, path: string): Structure {
    const { members, required } = this.#model.structures[name]!;
    const result: Record<string, Value> = {};
    if (node?.value !== undefined && node.value !== '') {
      this.#violate(node.value, path, `Member must be a structure, given as ${path}.<member>`);
    }
    for (const [member, shape] of Object.entries(members)) {
      const at = memberPath(path, member);
      const given = node?.children?.get(member);
      if (given !== undefined) {
        const value = this.#value(shape, given, at);
        if (value !== UNREADABLE) result[member] = value;
      } else if (required.includes(member)) {
        this.#violate(undefined, at, 'Member must not be null');
      }
    }
    return result;
  }

  #value(shape: Shape, node: Node, path: string): Value | typeof UNREADABLE {
    if (shape.type === 'structure') return this.structure(shape.name, node, path);
    if (shape.type === 'list') return this.#list(shape.member, node, path);
    assert(shape.type !== 'map', 'no input has a map');
    if (node.value === undefined || node.children !== undefined) {
      const given = shape.sensitive === true ? HIDDEN : node.value;
      return this.#violate(given, path, 'Member must be a single value, not a structure or list');
    }
    return this.#scalar(shape.type, node.value, path);
  }

  #scalar(type: ScalarType, text: string, path: string): Value | typeof UNREADABLE {
    switch (type) {
      case 'string':
        return text;
      case 'integer':
        if (/^[+-]?[0-9]{1,15}$/.test(text)) return Number(text);
        return this.#violate(text, path, 'Member must be a whole number');
      case 'double':
        if (/^[+-]?[0-9]{1,15}(\.[0-9]{1,15})?(e[+-]?[0-9]{1,3})?$/i.test(text)) return Number(text);
        return this.#violate(text, path, 'Member must be a number');
      case 'blob':
        // Of no action that weir has; the value is not shown, since it might be a secret.
        if (/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return Buffer.from(text, 'base64');
        return this.#violate(HIDDEN, path, 'Member must be base64');
      case 'boolean':
        if (/^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
        return this.#violate(text, path, 'Member must be true or false');
      default: {
        // Old clients (boto 2) leave out the zone, which is UTC.
        const zone = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d|)$/.exec(text)?.[1];
        const time = new Date(zone === undefined ? NaN : zone === '' ? `${text}Z` : text);
        if (!Number.isNaN(time.getTime())) return time;
        return this.#violate(text, path, 'Member must be a time such as 2015-05-13T23:39:43Z');
      }
    }
  }

  /** `member.1`, `member.2` … (with EC2 `1`, `2` …); a list given as an empty value is an empty list. */
  #list(shape: Shape, node: Node, path: string): readonly Value[] | typeof UNREADABLE {
    const prefix = this.#model.dialect === 'ec2' ? '' : 'member.';
    const items = prefix === '' ? node : node.children?.get('member');
    if (items === undefined || items.value !== undefined || node.value !== undefined) {
      if (node.value === '' && node.children === undefined) return [];
      return this.#violate(node.value, path, `Member must be a list, given as ${path}.${prefix}1 and so on`);
    }
    const count = items.children?.size ?? 0;
    if (count > API.maxListIndex) {
      return this.#violate(undefined, path, `Member must have at most ${API.maxListIndex} members`);
    }
    for (const key of items.children?.keys() ?? []) {
      if (/^[1-9][0-9]{0,8}$/.test(key) && Number(key) <= count) continue;
      return this.#violate(`${prefix}${key}`, path, 'Members of a list must be numbered from 1 without gaps');
    }
    const list: Value[] = [];
    for (let number = 1; number <= count; number++) {
      const value = this.#value(shape, items.children!.get(String(number))!, itemPath(path, number));
      if (value !== UNREADABLE) list.push(value);
    }
    return list;
  }

  /** Notes a violation in AWS's form. */
  #violate(value: string | typeof HIDDEN | undefined, path: string, constraint: string): typeof UNREADABLE {
    this.violations.push(violation(value, path, constraint));
    return UNREADABLE;
  }
}

/** The input of an operation (a structure of the model), or the `ValidationError` that lists what is wrong with it. */
export function decodeInput(
  model: ServiceModel,
  structureName: string,
  parameters: Parameters,
): Structure | Fault<'ValidationError'> {
  const tree = toTree(parameters);
  if (tree instanceof Fault) return tree;
  const reader = new Reader(model);
  const input = reader.structure(structureName, tree, '');
  return reader.violations.length === 0 ? input : validationFault(reader.violations);
}
