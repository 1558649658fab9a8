import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import {
  AddTagsCommand,
  CreateLoadBalancerCommand,
  DescribeAccountLimitsCommand,
  DescribeTagsCommand,
  RemoveTagsCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import type { Tag } from '@aws-sdk/client-elastic-load-balancing';
import { ApiHarness } from '../support/api.ts';

let harness: ApiHarness;
let count = 0;
let name = '';

function add(...Tags: Tag[]) {
  return harness.elb.send(new AddTagsCommand({ LoadBalancerNames: [name], Tags }));
}

function remove(...keys: string[]) {
  const Tags = keys.map((Key) => ({ Key }));
  return harness.elb.send(new RemoveTagsCommand({ LoadBalancerNames: [name], Tags }));
}

async function tagsOf(...LoadBalancerNames: string[]) {
  return (await harness.elb.send(new DescribeTagsCommand({ LoadBalancerNames }))).TagDescriptions!;
}

function refusedTag(tag: Tag) {
  return harness.refused(() => add(tag));
}

before(async () => {
  harness = await ApiHarness.start({ configuration: { limits: { loadBalancers: 100, listeners: 7, instances: 9 } } });
});
after(() => harness.stop());
beforeEach(async () => {
  name = `lb-${++count}`;
  const Listeners = [{ Protocol: 'HTTP', LoadBalancerPort: 80, InstancePort: 80 }];
  const input = { LoadBalancerName: name, Listeners, AvailabilityZones: ['us-east-1a'] };
  await harness.elb.send(new CreateLoadBalancerCommand(input));
});

describe('AddTags, RemoveTags and DescribeTags', () => {
  it('count characters as people do: one of many bytes, or of two units of a string, is one', async () => {
    const [key, value] = ['𠮷'.repeat(128), '𝒳'.repeat(256)];
    await add({ Key: key, Value: value });
    assert.deepEqual((await tagsOf(name))[0]!.Tags, [{ Key: key, Value: value }]);
    for (const tag of [{ Key: `${key}a` }, { Key: 'a', Value: `${value}a` }]) {
      assert.equal((await refusedTag(tag)).code, 'ValidationError');
    }
  });

  it('add, change, remove and describe tags; one without a value has an empty one', async () => {
    assert.deepEqual(await tagsOf(name), [{ LoadBalancerName: name, Tags: [] }]);
    await add({ Key: 'team', Value: 'web' }, { Key: 'Größe:α/β=+-@', Value: 'x y' }, { Key: 'alone' });
    await add({ Key: 'team', Value: 'api' }, { Key: 'empty', Value: '' });
    assert.deepEqual(await tagsOf(name.toUpperCase()), [
      {
        LoadBalancerName: name,
        Tags: [
          { Key: 'team', Value: 'api' },
          { Key: 'Größe:α/β=+-@', Value: 'x y' },
          { Key: 'alone', Value: '' },
          { Key: 'empty', Value: '' },
        ],
      },
    ]);
    await remove('team', 'absent', 'alone');
    assert.deepEqual(
      (await tagsOf(name))[0]!.Tags!.map(({ Key }) => Key),
      ['Größe:α/β=+-@', 'empty'],
    );
  });

  it('change nothing when everything is as it was', async () => {
    await add({ Key: 'a', Value: 'b' });
    const { revision } = harness.store.view();
    await add({ Key: 'a', Value: 'b' });
    await remove('absent');
    assert.equal(harness.store.view().revision, revision);
  });

  it('describe several load balancers, in the order named', async () => {
    const other = name;
    name = `lb-${++count}`;
    const Listeners = [{ Protocol: 'HTTP', LoadBalancerPort: 80, InstancePort: 80 }];
    const input = {
      LoadBalancerName: name,
      Listeners,
      AvailabilityZones: ['us-east-1a'],
      Tags: [{ Key: 'k', Value: 'v' }],
    };
    await harness.elb.send(new CreateLoadBalancerCommand(input));
    assert.deepEqual(await tagsOf(name, other, name), [
      { LoadBalancerName: name, Tags: [{ Key: 'k', Value: 'v' }] },
      { LoadBalancerName: other, Tags: [] },
    ]);
  });

  it('TooManyTags: more than 50, counting those that are there', async () => {
    await add(...Array.from({ length: 50 }, (_, index) => ({ Key: `key${index}`, Value: 'v' })));
    await add({ Key: 'key0', Value: 'changed' });
    const { code, message } = await refusedTag({ Key: 'one-more' });
    assert.deepEqual([code, message], ['TooManyTags', 'A load balancer can have at most 50 tags; these would be 51.']);
  });

  it('DuplicateTagKeys: a key twice in one call', async () => {
    const { code } = await harness.refused(() => add({ Key: 'a', Value: '1' }, { Key: 'a', Value: '2' }));
    assert.equal(code, 'DuplicateTagKeys');
  });

  it('ValidationError: keys and values of the wrong length or characters, and the prefix of AWS', async () => {
    for (const [tag, expected] of [
      [{ Key: '' }, /'tags\.1\.member\.key' .*length between 1 and 128/],
      [{ Key: 'k'.repeat(129) }, /length between 1 and 128/],
      [{ Key: 'k', Value: 'v'.repeat(257) }, /'tags\.1\.member\.value' .*length between 0 and 256/],
      [{ Key: 'k<' }, /regular expression/],
      [{ Key: 'k', Value: 'a\nb' }, /regular expression/],
      [{ Key: 'aws:name' }, /begins with aws:/],
      [{ Key: 'AWS:name' }, /begins with aws:/],
    ] as const) {
      const { code, message } = await refusedTag(tag);
      assert.equal(code, 'ValidationError');
      assert.match(message, expected);
    }
    await add({ Key: 'k'.repeat(128), Value: 'v'.repeat(256) });
  });

  it('ValidationError: no tag, not exactly one load balancer, or too many to describe', async () => {
    const named = (LoadBalancerNames: string[]) => [
      () => harness.elb.send(new AddTagsCommand({ LoadBalancerNames, Tags: [{ Key: 'a' }] })),
      () => harness.elb.send(new RemoveTagsCommand({ LoadBalancerNames, Tags: [{ Key: 'a' }] })),
    ];
    for (const call of [...named([]), ...named([name, name])]) {
      const { code, message } = await harness.refused(call);
      assert.equal(code, 'ValidationError');
      assert.match(message, /must name exactly one load balancer/);
    }
    assert.equal((await harness.refused(() => add())).code, 'ValidationError');
    assert.equal((await harness.refused(() => remove())).code, 'ValidationError');
    const names = Array.from({ length: 21 }, (_, index) => `n${index}`);
    for (const list of [[], names, names.map(() => name)]) {
      assert.match(
        (await harness.refused(() => tagsOf(...list))).message,
        /'loadBalancerNames'.*length between 1 and 20/,
      );
    }
  });

  it('LoadBalancerNotFound: no load balancer of that name', async () => {
    name = 'absent';
    for (const call of [() => add({ Key: 'a' }), () => remove('a'), () => tagsOf('absent')]) {
      assert.equal((await harness.refused(call)).code, 'LoadBalancerNotFound');
    }
  });
});

describe('DescribeAccountLimits', () => {
  it('gives the limits in force, also in pages', async () => {
    const all = [
      { Name: 'classic-listeners', Max: '7' },
      { Name: 'classic-load-balancers', Max: '100' },
      { Name: 'classic-registered-instances', Max: '9' },
    ];
    const whole = await harness.elb.send(new DescribeAccountLimitsCommand({}));
    assert.deepEqual([whole.Limits, whole.NextMarker], [all, undefined]);
    const first = await harness.elb.send(new DescribeAccountLimitsCommand({ PageSize: 2 }));
    assert.deepEqual(first.Limits, all.slice(0, 2));
    const second = await harness.elb.send(new DescribeAccountLimitsCommand({ PageSize: 2, Marker: first.NextMarker }));
    assert.deepEqual([second.Limits, second.NextMarker], [all.slice(2), undefined]);
  });

  it('ValidationError: a page size out of range', async () => {
    const call = () => harness.elb.send(new DescribeAccountLimitsCommand({ PageSize: 401 }));
    assert.equal((await harness.refused(call)).code, 'ValidationError');
  });
});
