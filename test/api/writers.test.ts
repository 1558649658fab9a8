/** Several writers at once behave as one after the other: no change is lost, no limit passed, nothing is half done. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import * as elb from '@aws-sdk/client-elastic-load-balancing';
import { MAX_TAGS, POLICIES } from '../../src/model/limits.ts';
import { ApiHarness } from '../support/api.ts';

const MAX_LOAD_BALANCERS = 5;
const HTTP = { Protocol: 'HTTP', LoadBalancerPort: 80, InstancePort: 8080 };
const ZONES = { AvailabilityZones: ['us-east-1a'] };

let harness: ApiHarness;
/** Each writer has connections of its own. */
let writers: readonly elb.ElasticLoadBalancingClient[];
let count = 0;
let name = '';

before(async () => {
  const limits = { loadBalancers: MAX_LOAD_BALANCERS, listeners: 100, instances: 1000 };
  harness = await ApiHarness.start({ configuration: { limits } });
  writers = Array.from({ length: 4 }, () => harness.client());
});
after(() => harness.stop());
beforeEach(async () => {
  const { LoadBalancerDescriptions = [] } = await harness.elb.send(new elb.DescribeLoadBalancersCommand({}));
  for (const { LoadBalancerName } of LoadBalancerDescriptions) await remove(LoadBalancerName);
  name = `lb-${++count}`;
});

function create(more: Partial<elb.CreateLoadBalancerCommandInput> = {}, by = harness.elb) {
  const input = { LoadBalancerName: name, Listeners: [HTTP], ...ZONES, ...more };
  return by.send(new elb.CreateLoadBalancerCommand(input));
}

function remove(LoadBalancerName = name, by = harness.elb) {
  return by.send(new elb.DeleteLoadBalancerCommand({ LoadBalancerName }));
}

interface Results {
  readonly succeeded: number;
  /** How many were refused, by code. */
  readonly refused: Readonly<Record<string, number>>;
}

/** All of them at once, by the writers in turn. */
async function atOnce(
  total: number,
  call: (by: elb.ElasticLoadBalancingClient, index: number) => Promise<unknown>,
): Promise<Results> {
  const calls = Array.from({ length: total }, (_, index) => call(writers[index % writers.length]!, index));
  const refused: Record<string, number> = {};
  let succeeded = 0;
  for (const result of await Promise.allSettled(calls)) {
    if (result.status === 'fulfilled') {
      succeeded++;
      continue;
    }
    const { Code } = result.reason as { readonly Code: string };
    refused[Code] = (refused[Code] ?? 0) + 1;
  }
  return { succeeded, refused };
}

describe('writers at once', () => {
  it('who make the same load balancer get the same one, which is made once', async () => {
    const { revision } = harness.store.view();
    const names = new Set<string | undefined>();
    const results = await atOnce(20, async (by) => names.add((await create({}, by)).DNSName));
    assert.deepEqual(results, { succeeded: 20, refused: {} });
    assert.deepEqual([names.size, harness.store.view().revision - revision], [1, 1]);
  });

  it('who make different load balancers of one name: one of them does, whole', async () => {
    const made: number[] = [];
    const results = await atOnce(20, async (by, index) => {
      const Listeners = [1, 2, 3].map((port) => ({
        ...HTTP,
        LoadBalancerPort: 1000 + port,
        InstancePort: 2000 + index,
      }));
      await create({ Listeners, Tags: [{ Key: 'writer', Value: String(index) }] }, by);
      made.push(index);
    });
    assert.deepEqual(results, { succeeded: 1, refused: { DuplicateLoadBalancerName: 19 } });
    const { listeners, tags } = harness.record(name);
    assert.deepEqual(
      listeners.map(({ instancePort }) => instancePort),
      Array.from({ length: 3 }, () => 2000 + made[0]!),
    );
    assert.deepEqual(tags, [{ key: 'writer', value: String(made[0]) }]);
  });

  it('pass no limit: load balancers, tags, policies', async () => {
    await create();
    const made = await atOnce(12, (by, index) => create({ LoadBalancerName: `${name}-${index}` }, by));
    assert.deepEqual(made, {
      succeeded: MAX_LOAD_BALANCERS - 1,
      refused: { TooManyLoadBalancers: 13 - MAX_LOAD_BALANCERS },
    });
    const tagged = await atOnce(MAX_TAGS + 9, (by, index) => {
      const Tags = [{ Key: `key-${index}`, Value: 'x' }];
      return by.send(new elb.AddTagsCommand({ LoadBalancerNames: [name], Tags }));
    });
    assert.deepEqual(tagged, { succeeded: MAX_TAGS, refused: { TooManyTags: 9 } });
    const policies = await atOnce(POLICIES.maxCount + 9, (by, index) => {
      const input = { LoadBalancerName: name, PolicyName: `p-${index}`, CookieName: 'id' };
      return by.send(new elb.CreateAppCookieStickinessPolicyCommand(input));
    });
    assert.deepEqual(policies, { succeeded: POLICIES.maxCount, refused: { TooManyPolicies: 9 } });
    assert.deepEqual(
      [harness.record(name).tags.length, harness.record(name).policies.length],
      [MAX_TAGS, POLICIES.maxCount],
    );
  });

  it('who want one port for different listeners: one of them gets it', async () => {
    await create();
    const results = await atOnce(16, (by, index) => {
      const Listeners = [{ ...HTTP, LoadBalancerPort: 81, InstancePort: 9000 + index }];
      return by.send(new elb.CreateLoadBalancerListenersCommand({ LoadBalancerName: name, Listeners }));
    });
    assert.deepEqual(results, { succeeded: 1, refused: { DuplicateListener: 15 } });
    assert.equal(harness.record(name).listeners.length, 2);
  });

  it('lose nothing of each other: instances, and attributes of which each changes one', async () => {
    await create();
    const registered = await atOnce(60, (by, index) => {
      const Instances = [{ InstanceId: `10.0.0.${index + 1}` }];
      return by.send(new elb.RegisterInstancesWithLoadBalancerCommand({ LoadBalancerName: name, Instances }));
    });
    assert.deepEqual([registered.succeeded, harness.record(name).instances.length], [60, 60]);
    const changes: readonly elb.LoadBalancerAttributes[] = [
      { CrossZoneLoadBalancing: { Enabled: true } },
      { ConnectionDraining: { Enabled: true, Timeout: 7 } },
      { ConnectionSettings: { IdleTimeout: 9 } },
      { AdditionalAttributes: [{ Key: 'elb.http.desyncmitigationmode', Value: 'monitor' }] },
    ];
    await atOnce(4, (by, index) => {
      const input = { LoadBalancerName: name, LoadBalancerAttributes: changes[index] };
      return by.send(new elb.ModifyLoadBalancerAttributesCommand(input));
    });
    const { crossZoneLoadBalancing, connectionDraining, idleTimeout, additional } = harness.record(name).attributes;
    assert.deepEqual(
      [crossZoneLoadBalancing, connectionDraining, idleTimeout, additional],
      [true, { enabled: true, timeout: 7 }, 9, { 'elb.http.desyncmitigationmode': 'monitor' }],
    );
  });

  it('are never seen half done: who reads meanwhile sees the one or the other', async () => {
    await create();
    const one = { Target: 'HTTP:1111/one', Interval: 10, Timeout: 5, UnhealthyThreshold: 2, HealthyThreshold: 3 };
    const other = { Target: 'TCP:2222', Interval: 20, Timeout: 6, UnhealthyThreshold: 4, HealthyThreshold: 5 };
    const { HealthCheck: standard } = await describeIt();
    const known = new Set([standard, one, other].map((check) => JSON.stringify(sorted(check!))));
    await atOnce(40, async (by, index) => {
      if (index % 4 === 3) assert.ok(known.has(JSON.stringify(sorted((await describeIt(by)).HealthCheck!))));
      const HealthCheck = index % 2 === 0 ? one : other;
      await by.send(new elb.ConfigureHealthCheckCommand({ LoadBalancerName: name, HealthCheck }));
    }).then((results) => assert.deepEqual(results, { succeeded: 40, refused: {} }));
  });

  it('who change what another deletes: either before it is gone, or LoadBalancerNotFound; it is gone in the end', async () => {
    await create();
    const results = await atOnce(24, (by, index) => {
      if (index === 12) return remove(name, by);
      const Tags = [{ Key: `key-${index}`, Value: 'x' }];
      return by.send(new elb.AddTagsCommand({ LoadBalancerNames: [name], Tags }));
    });
    assert.ok(Object.keys(results.refused).every((code) => code === 'LoadBalancerNotFound'));
    assert.equal(results.succeeded + (results.refused['LoadBalancerNotFound'] ?? 0), 24);
    await assert.rejects(describeIt(), { Code: 'LoadBalancerNotFound' });
  });
});

function sorted(check: elb.HealthCheck): readonly unknown[] {
  return [check.Target, check.Interval, check.Timeout, check.UnhealthyThreshold, check.HealthyThreshold];
}

async function describeIt(by = harness.elb): Promise<elb.LoadBalancerDescription> {
  const { LoadBalancerDescriptions } = await by.send(
    new elb.DescribeLoadBalancersCommand({ LoadBalancerNames: [name] }),
  );
  return LoadBalancerDescriptions![0]!;
}
