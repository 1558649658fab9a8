/** Looks at the answers of a client with the model of the service in hand: types of members, and which ever came. */
import assert from 'node:assert/strict';
import type { ServiceModel, Shape } from '../../src/api/codec/model.ts';

const TYPES: Readonly<Record<string, string>> = {
  string: 'string',
  integer: 'number',
  double: 'number',
  boolean: 'boolean',
};

export class ModelWalk {
  readonly #model: ServiceModel;
  readonly #answered = new Set<string>();
  /** `Structure.Member` that came in an answer. */
  readonly #seen = new Set<string>();

  constructor(model: ServiceModel) {
    this.#model = model;
  }

  /** An answer of the operation: each member is one of the model's, of its type. */
  look(action: string, answer: object): void {
    this.#answered.add(action);
    const members = Object.entries(answer).filter(([member]) => member !== '$metadata');
    this.#structure(this.#model.operations[action]!.output, Object.fromEntries(members), action);
  }

  #structure(name: string, value: unknown, path: string): void {
    assert.ok(typeof value === 'object' && value !== null, `${path} is a structure`);
    const { members } = this.#model.structures[name]!;
    for (const [member, given] of Object.entries(value)) {
      const shape = members[member];
      assert.ok(shape !== undefined, `${name} has a member ${member}`);
      if (given === undefined) continue;
      this.#seen.add(`${name}.${member}`);
      this.#value(shape, given, `${path}.${member}`);
    }
  }

  #value(shape: Shape, value: unknown, path: string): void {
    if (shape.type === 'structure') return this.#structure(shape.name, value, path);
    if (shape.type === 'list') {
      assert.ok(Array.isArray(value), `${path} is a list`);
      for (const item of value) this.#value(shape.member, item, path);
      return undefined;
    }
    if (shape.type === 'timestamp')
      return assert.ok(value instanceof Date && !Number.isNaN(value.getTime()), `${path} is a time`);
    return assert.equal(typeof value, TYPES[shape.type], path);
  }

  /** Operations that nothing was seen of. */
  get unanswered(): readonly string[] {
    return Object.keys(this.#model.operations).filter((action) => !this.#answered.has(action));
  }

  /** `Structure.Member` of all that answers can hold, and did not come. */
  get missing(): readonly string[] {
    const found = new Set<string>();
    const visit = (shape: Shape): void => {
      if (shape.type === 'list') visit(shape.member);
      if (shape.type !== 'structure') return;
      for (const [member, inner] of Object.entries(this.#model.structures[shape.name]!.members)) {
        if (found.has(`${shape.name}.${member}`)) continue;
        found.add(`${shape.name}.${member}`);
        visit(inner);
      }
    };
    for (const { output } of Object.values(this.#model.operations)) visit({ type: 'structure', name: output });
    return [...found].filter((member) => !this.#seen.has(member));
  }
}
