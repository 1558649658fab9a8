/** How a decision becomes a change: conflicts, refused ports, failing disks, slow threads. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import {
  AddTagsCommand,
  CreateLoadBalancerCommand,
  DeleteLoadBalancerCommand,
  DeregisterInstancesFromLoadBalancerCommand,
  DescribeLoadBalancersCommand,
  RegisterInstancesWithLoadBalancerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { CommitResult, Store } from '../../src/store/store.ts';
import { ApiHarness, KEY } from '../support/api.ts';
import { put, sampleLoadBalancer } from '../support/records.ts';

/** A store in memory whose commits can be made to go wrong. */
class TroubledStore implements Store {
  readonly inner = createMemoryStore();
  /** Called before each commit; what it answers is the result instead. */
  before: (() => Promise<CommitResult | undefined>) | undefined;
  readonly view = () => this.inner.view();
  readonly watch: Store['watch'] = (watcher) => this.inner.watch(watcher);
  readonly close = () => this.inner.close();

  async commit(...[revision, changes]: Parameters<Store['commit']>): Promise<CommitResult> {
    return (await this.before?.()) ?? this.inner.commit(revision, changes);
  }

  /** Somebody else, in another process, commits. */
  async commitAside(name: string): Promise<undefined> {
    await this.inner.commit(this.inner.view().revision, [put(sampleLoadBalancer(name, { region: 'aside-1' }))]);
  }
}

let store: TroubledStore;
let harness: ApiHarness;

function create(LoadBalancerName: string, LoadBalancerPort = 80) {
  const Listeners = [{ Protocol: 'HTTP', LoadBalancerPort, InstancePort: 80 }];
  const input = { LoadBalancerName, Listeners, AvailabilityZones: ['us-east-1a'] };
  return harness.elb.send(new CreateLoadBalancerCommand(input));
}

function tag(LoadBalancerName: string, Key: string) {
  return harness.elb.send(new AddTagsCommand({ LoadBalancerNames: [LoadBalancerName], Tags: [{ Key }] }));
}

before(async () => {
  store = new TroubledStore();
  harness = await ApiHarness.start({ store });
});
after(() => harness.stop());
beforeEach(() => create('lb'));
afterEach(async () => {
  store.before = undefined;
  harness.control.onTry = undefined;
  await harness.elb.send(new DeleteLoadBalancerCommand({ LoadBalancerName: 'lb' }));
});

describe('a change', () => {
  it('is answered after its revision is served by the traffic threads', async () => {
    harness.control.awaited.length = 0;
    await tag('lb', 'a');
    assert.deepEqual(harness.control.awaited, [store.view().revision]);
  });

  it('of nothing is answered when what it was decided on is served; on a state in which there never was anything, at once', async () => {
    harness.control.awaited.length = 0;
    const { revision } = store.view();
    await create('lb');
    assert.deepEqual(harness.control.awaited, [revision]);
    const empty = await ApiHarness.start({});
    await empty.elb.send(new DeleteLoadBalancerCommand({ LoadBalancerName: 'absent' }));
    assert.deepEqual(empty.control.awaited, []);
    await empty.stop();
  });

  it('is answered all the same, and told of, when the threads do not serve it in time', async () => {
    harness.control.isApplied = false;
    await tag('lb', 'a');
    harness.control.isApplied = true;
    const line = harness.lines.find(({ level }) => level === 'warn');
    assert.match(line!.message, /stored, but the traffic threads do not serve it yet/);
    assert.equal(harness.record('lb').tags.length, 1);
  });

  it('is decided again on the new state when somebody else commits in between, and loses nothing', async () => {
    let others = 3;
    store.before = async () => (others-- > 0 ? store.commitAside(`other-${others}`) : undefined);
    await tag('lb', 'a');
    assert.equal(others, -1);
    assert.deepEqual(harness.record('lb').tags, [{ key: 'a', value: '' }]);
  });

  it('sees on its second try what the other did: the same name made meanwhile is a duplicate', async () => {
    store.before = async () => {
      store.before = undefined;
      await store.inner.commit(store.inner.view().revision, [put(sampleLoadBalancer('twin'))]);
      return undefined;
    };
    await assert.rejects(create('twin'), { Code: 'DuplicateLoadBalancerName' });
  });

  it('ServiceUnavailable: others are faster each time', async () => {
    store.before = () => store.commitAside('busy');
    await assert.rejects(tag('lb', 'a'), { Code: 'ServiceUnavailable' });
    assert.deepEqual(harness.record('lb').tags, []);
  });

  it('fault 42: InternalFailure: the state cannot be written; nothing changes and reads go on', async () => {
    store.before = async () => ({ outcome: 'failed', message: 'no space left on device' });
    const { code, status, type, message } = await harness.refused(() => tag('lb', 'a'));
    assert.deepEqual([code, status, type], ['InternalFailure', 500, 'Receiver']);
    assert.equal(message, 'The state could not be written: no space left on device. Nothing was changed.');
    assert.deepEqual(harness.record('lb').tags, []);
    await harness.elb.send(new DescribeLoadBalancersCommand({ LoadBalancerNames: ['lb'] }));
  });

  it('fault 49: is one after the other when many come at once, and none is lost', async () => {
    await Promise.all(Array.from({ length: 30 }, (_, index) => tag('lb', `key-${index}`)));
    assert.equal(harness.record('lb').tags.length, 30);
  });

  it('does not try a port while another change tries one', async () => {
    let trying = 0;
    let most = 0;
    harness.control.onTry = async () => {
      most = Math.max(most, ++trying);
      await new Promise((resolve) => setImmediate(resolve));
      trying--;
    };
    await Promise.all(['x', 'y', 'z'].map((name) => create(name)));
    assert.equal(most, 1);
  });

  it('is not undone by the inventory, which has moved an instance that is deregistered meanwhile', async () => {
    const input = { LoadBalancerName: 'lb', Instances: [{ InstanceId: 'a.example' }, { InstanceId: 'b.example' }] };
    for (const name of ['a.example', 'b.example']) harness.control.names.set(name, '10.0.0.1');
    await harness.elb.send(new RegisterInstancesWithLoadBalancerCommand(input));
    let release = (): void => undefined;
    const held = new Promise<string>((resolve) => {
      release = () => resolve('10.0.0.2');
    });
    harness.control.resolveHost = () => held;
    const caller = { accountId: KEY.accountId, region: 'us-east-1', readOnly: false };
    const moving = harness.api.elb.moveInstances(input, caller);
    const Instances = [{ InstanceId: 'a.example' }];
    await harness.elb.send(new DeregisterInstancesFromLoadBalancerCommand({ LoadBalancerName: 'lb', Instances }));
    release();
    await moving;
    assert.deepEqual(
      harness.record('lb').instances.map(({ instanceId }) => instanceId),
      ['b.example'],
    );
  });

  it('does not wait for the names that another one looks up', async () => {
    let release = (): void => undefined;
    const held = new Promise<string>((resolve) => {
      release = () => resolve('10.0.0.1');
    });
    harness.control.resolveHost = () => held;
    const Instances = [{ InstanceId: 'slow.example' }];
    const slow = harness.elb.send(new RegisterInstancesWithLoadBalancerCommand({ LoadBalancerName: 'lb', Instances }));
    await tag('lb', 'a');
    release();
    await slow;
    assert.equal(harness.record('lb').instances.length, 1);
  });
});
