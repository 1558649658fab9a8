import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { API } from '../../model/limits.ts';
import { Fault } from '../fault.ts';
import { elbModel } from '../services/elb/model.ts';
import { formText, parseForm } from './form.ts';
import type { Shape } from './model.ts';
import { decodeInput, toParameters } from './query.ts';
import type { Structure, Value } from './value.ts';

function decode(text: string, structure: string): Structure | Fault {
  const pairs = parseForm(text);
  if (pairs instanceof Fault) return pairs;
  const parameters = toParameters(pairs);
  if (parameters instanceof Fault) return parameters;
  return decodeInput(elbModel, structure, parameters);
}

function messageOf(result: Structure | Fault): string {
  assert.ok(result instanceof Fault, 'expected a fault');
  return `${result.code}: ${result.message}`;
}

/** Any value of `shape`, with some optional members left out. */
function valueOf(shape: Shape): fc.Arbitrary<Value> {
  switch (shape.type) {
    case 'string':
      return fc.string({ unit: 'grapheme', maxLength: 12 });
    case 'integer':
      return fc.integer();
    case 'boolean':
      return fc.boolean();
    case 'timestamp':
      return fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true });
    case 'blob':
      return fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes));
    case 'list':
      return fc.array(valueOf(shape.member), { maxLength: 3 });
    case 'structure':
      return structureOf(shape.name);
    default:
      return assert.fail(`no input has a ${shape.type}`);
  }
}

function structureOf(name: string): fc.Arbitrary<Structure> {
  const { members, required } = elbModel.structures[name]!;
  return fc.record(Object.fromEntries(Object.entries(members).map(([member, shape]) => [member, valueOf(shape)])), {
    requiredKeys: [...required],
    noNullPrototype: true,
  });
}

/** The Query form of a value, as a client writes it. A structure without members has no form. */
function flatten(name: string, value: Value): [string, string][] {
  if (value instanceof Date) return [[name, value.toISOString()]];
  if (Array.isArray(value)) {
    if (value.length === 0) return [[name, '']];
    return value.flatMap((item: Value, index) => flatten(`${name}.member.${index + 1}`, item));
  }
  if (typeof value !== 'object') return [[name, String(value)]];
  const members = Object.entries(value);
  if (members.length === 0) return [[name, '']];
  return members.flatMap(([member, item]) => flatten(name === '' ? member : `${name}.${member}`, item as Value));
}

describe('the Query request codec', () => {
  for (const [action, { input }] of Object.entries(elbModel.operations)) {
    it(`reads every input of ${action} as it was written`, () => {
      fc.assert(
        fc.property(structureOf(input), (value) => {
          const form = new URLSearchParams(flatten('', value).filter(([name]) => name !== '')).toString();
          assert.deepEqual(decode(form, input), value);
        }),
        { numRuns: 30 },
      );
    });
  }

  it('answers any parameters at all with a structure or a fault, and touches no prototype', () => {
    const segment = fc.oneof(
      fc.constantFrom('Listeners', 'member', '1', '2', '0', '-1', '__proto__', 'constructor', 'Protocol', 'Tags', ''),
      fc.string({ maxLength: 4 }),
    );
    const name = fc.array(segment, { minLength: 1, maxLength: 20 }).map((segments) => segments.join('.'));
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.string({ maxLength: 6 })), { maxLength: 20 }), (pairs) => {
        const result = decode(new URLSearchParams(pairs).toString(), 'CreateAccessPointInput');
        assert.ok(result instanceof Fault || typeof result === 'object');
        assert.deepEqual(Object.keys(Object.prototype), []);
      }),
    );
  });

  it('names every required member that is missing, in the words of AWS', () => {
    assert.equal(
      messageOf(decode('', 'CreateAccessPointInput')),
      "ValidationError: 2 validation errors detected: Value null at 'loadBalancerName' failed to satisfy constraint: " +
        "Member must not be null; Value null at 'listeners' failed to satisfy constraint: Member must not be null",
    );
    assert.match(
      messageOf(
        decode(
          'LoadBalancerName=a&Listeners.member.1.Protocol=HTTP&Listeners.member.1.InstancePort=1',
          'CreateAccessPointInput',
        ),
      ),
      /1 validation error detected: Value null at 'listeners\.1\.member\.loadBalancerPort' failed/,
    );
  });

  it('takes numbers and booleans as clients write them, and says where one is none', () => {
    assert.deepEqual(decode('Enabled=True&Timeout=%2B007', 'ConnectionDraining'), { Enabled: true, Timeout: 7 });
    assert.deepEqual(decode('Enabled=FALSE', 'ConnectionDraining'), { Enabled: false });
    assert.match(messageOf(decode('Enabled=yes', 'ConnectionDraining')), /Value 'yes' at 'enabled'.*true or false/);
    assert.match(messageOf(decode('PageSize=1e3', 'DescribeAccessPointsInput')), /'1e3' at 'pageSize'.*whole number/);
    assert.match(messageOf(decode('PageSize=', 'DescribeAccessPointsInput')), /whole number/);
  });

  it('reads an empty value as an empty list, and ignores names that the model does not know', () => {
    assert.deepEqual(decode('LoadBalancerNames=&Sort=asc&LoadBalancerNames2.member.x=1', 'DescribeAccessPointsInput'), {
      LoadBalancerNames: [],
    });
  });

  it('refuses lists that are not numbered from 1 without gaps, whatever the number', () => {
    for (const index of ['0', '2', '99999999', '99999999999999999999', '-1', '1.5', '01', '__proto__', 'x', '']) {
      const result = decode(`LoadBalancerNames.member.${index}=a`, 'DescribeTagsInput');
      assert.match(messageOf(result), /^ValidationError: 1 validation error detected: .*'loadBalancerNames/, index);
    }
    assert.match(messageOf(decode('LoadBalancerNames.1=a', 'DescribeTagsInput')), /loadBalancerNames\.member\.1/);
    assert.match(messageOf(decode('LoadBalancerNames=a', 'DescribeTagsInput')), /must be a list/);
  });

  it('refuses a structure where a value belongs, and the reverse', () => {
    assert.match(messageOf(decode('LoadBalancerName.x=1', 'DeleteAccessPointInput')), /single value/);
    assert.match(
      messageOf(decode('LoadBalancerName=a&HealthCheck=TCP:80', 'ConfigureHealthCheckInput')),
      /'TCP:80' at 'healthCheck'.*must be a structure/,
    );
  });

  it('bounds the number of parameters, the nesting, the length of a list and the message about them', () => {
    const many = Array.from({ length: API.maxParameters + 1 }, (_, index) => `p${index}=1`).join('&');
    assert.match(messageOf(decode(many, 'DeleteAccessPointInput')), /MalformedQueryString: .*8192 parameters/);
    const deep = `${'a.'.repeat(API.maxNesting)}a=1`;
    assert.match(messageOf(decode(deep, 'DeleteAccessPointInput')), /ValidationError: .*16 deep/);
    const names = Array.from({ length: API.maxListIndex + 1 }, (_, index) => `LoadBalancerNames.member.${index + 1}=n`);
    assert.ok(!(decode(names.slice(0, -1).join('&'), 'DescribeTagsInput') instanceof Fault));
    assert.match(messageOf(decode(names.join('&'), 'DescribeTagsInput')), /at most 2048 members/);
    const empty = Array.from({ length: 2000 }, (_, index) => `Tags.member.${index + 1}.Value=${'v'.repeat(300)}`);
    assert.ok(messageOf(decode(empty.join('&'), 'AddTagsInput')).length < 2000);
  });

  it('refuses a parameter given twice, broken percent-encoding and bytes that are no UTF-8', () => {
    assert.match(
      messageOf(decode('LoadBalancerName=a&LoadBalancerName=b', 'DeleteAccessPointInput')),
      /more than once/,
    );
    assert.match(
      messageOf(decode('LoadBalancerName=%zz', 'DeleteAccessPointInput')),
      /MalformedQueryString: The parameter 'LoadBalancerName' is not/,
    );
    assert.match(messageOf(decode('LoadBalancerName=%ff', 'DeleteAccessPointInput')), /MalformedQueryString/);
    assert.equal(formText(Buffer.from([0x61, 0xff])), undefined);
    assert.equal(formText(Buffer.from('é')), 'é');
  });
});
