/** What every store promises, held against each of them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, mock, type TestContext } from 'node:test';
import fc from 'fast-check';
import { put, remove, sampleLoadBalancer } from '../../test/support/records.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { idOf } from '../model/load-balancer.ts';
import { createMemoryStore } from './memory.ts';
import { openSqliteStore } from './sqlite.ts';
import type { Change, Store } from './store.ts';

const STORES: Readonly<Record<string, (test: TestContext) => Store>> = {
  memory: () => createMemoryStore(),
  sqlite: (test) => openSqliteStore(join(temporaryDirectory(test), 'state.db')),
};

const web = sampleLoadBalancer('web');
const api = sampleLoadBalancer('api');

for (const [name, make] of Object.entries(STORES)) {
  const withStore = (body: (store: Store) => Promise<void>) => async (test: TestContext) => {
    const store = make(test);
    try {
      await body(store);
    } finally {
      await store.close();
    }
  };

  describe(`store: ${name}`, () => {
    it(
      'is empty at revision 0',
      withStore(async (store) => {
        assert.equal(store.view().revision, 0);
        assert.deepEqual(store.view().list('load-balancer'), []);
        assert.equal(store.view().get('load-balancer', idOf(web)), undefined);
      }),
    );

    it(
      'shows a commit in the next view, and each commit adds one to the revision',
      withStore(async (store) => {
        assert.deepEqual(await store.commit(0, [put(web)]), { outcome: 'committed', revision: 1 });
        assert.deepEqual(store.view().get('load-balancer', idOf(web)), web);
        assert.deepEqual(await store.commit(1, [remove(web), put(api)]), { outcome: 'committed', revision: 2 });
        assert.deepEqual(store.view().list('load-balancer'), [api]);
        assert.equal(store.view().revision, 2);
      }),
    );

    it(
      'refuses a commit whose revision is not the latest, and changes nothing',
      withStore(async (store) => {
        await store.commit(0, [put(web)]);
        for (const stale of [0, 2, -1, Number.NaN]) {
          assert.deepEqual(await store.commit(stale, [remove(web)]), { outcome: 'conflict', revision: 1 });
        }
        assert.deepEqual(store.view().list('load-balancer'), [web]);
      }),
    );

    it(
      'lets exactly one of many concurrent commits at a revision through',
      withStore(async (store) => {
        const attempts = ['a', 'b', 'c', 'd'].map((each) => store.commit(0, [put(sampleLoadBalancer(each))]));
        const outcomes = (await Promise.all(attempts)).map((result) => result.outcome);
        assert.deepEqual(outcomes.sort(), ['committed', 'conflict', 'conflict', 'conflict']);
        assert.equal(store.view().list('load-balancer').length, 1);
      }),
    );

    it(
      'keeps a view as it was, whatever is committed later',
      withStore(async (store) => {
        await store.commit(0, [put(web)]);
        const before = store.view();
        await store.commit(1, [put({ ...web, zones: ['us-east-1b'] }), put(api)]);
        assert.equal(before.revision, 1);
        assert.deepEqual(before.list('load-balancer'), [web]);
      }),
    );

    it(
      'gives out frozen copies: neither side can change the other',
      withStore(async (store) => {
        const zones = ['us-east-1a'];
        await store.commit(0, [put({ ...web, zones })]);
        zones.push('us-east-1b');
        const kept = store.view().get('load-balancer', idOf(web))!;
        assert.deepEqual(kept.zones, ['us-east-1a']);
        assert.throws(() => (kept.zones as string[]).push('us-east-1c'), TypeError);
        assert.throws(() => Object.assign(kept.healthCheck, { target: 'TCP:1' }), TypeError);
      }),
    );

    it(
      'keeps the identity of a record that a commit does not name',
      withStore(async (store) => {
        await store.commit(0, [put(web), put(api)]);
        const before = store.view().get('load-balancer', idOf(web));
        await store.commit(1, [remove(api)]);
        assert.equal(store.view().get('load-balancer', idOf(web)), before);
      }),
    );

    it(
      'lists by prefix in ascending order of key',
      withStore(async (store) => {
        const names = ['zeta', 'Alpha', 'web-2', 'web', 'web-10'];
        await store.commit(0, [
          ...names.map((each) => put(sampleLoadBalancer(each))),
          put(sampleLoadBalancer('other', { region: 'eu-west-1' })),
        ]);
        const listed = (prefix?: string) => store.view().list('load-balancer', prefix);
        const nameList = (prefix?: string) => listed(prefix).map((each) => each.name);
        assert.deepEqual(nameList('000000000000/us-east-1/'), ['Alpha', 'web', 'web-10', 'web-2', 'zeta']);
        assert.deepEqual(nameList('000000000000/us-east-1/web'), ['web', 'web-10', 'web-2']);
        assert.deepEqual(nameList('000000000000/us-east-1/web-3'), []);
        assert.equal(listed().length, 6);
        await store.commit(1, [remove(sampleLoadBalancer('web'))]);
        assert.deepEqual(nameList('000000000000/us-east-1/web'), ['web-10', 'web-2']);
      }),
    );

    it(
      'makes the changes of one commit in their order',
      withStore(async (store) => {
        await store.commit(0, [put(web), remove(web), put(api), remove(sampleLoadBalancer('absent'))]);
        assert.deepEqual(store.view().list('load-balancer'), [api]);
      }),
    );

    it(
      'tells watchers every commit in order, also the ones that a watcher makes, until they end it',
      withStore(async (store) => {
        const seen: string[] = [];
        let follow: Promise<unknown> | undefined;
        store.watch((view) => {
          if (view.revision === 1) follow = store.commit(1, [put(api)]);
        });
        const end = store.watch((view, changes) => seen.push(`${view.revision}: ${namesOf(changes)}`));
        await store.commit(0, [put(web)]);
        await follow;
        await store.commit(0, [put(web)]);
        assert.deepEqual(seen, ['1: web', '2: api']);
        end();
        end();
        await store.commit(2, [remove(api)]);
        assert.equal(seen.length, 2);
      }),
    );

    it(
      'lists what a commit brings, without what it takes, whatever else it names',
      withStore(async (store) => {
        const names = () =>
          store
            .view()
            .list('load-balancer')
            .map((each) => each.name);
        const absent = sampleLoadBalancer('absent');
        await store.commit(0, [put(web)]);
        assert.deepEqual(names(), ['web']);
        await store.commit(1, [put(api), remove(absent), put(web)]);
        assert.deepEqual(names(), ['api', 'web']);
        await store.commit(2, [remove(web), remove(absent), put(api)]);
        assert.deepEqual(names(), ['api']);
      }),
    );

    it(
      'tells every watcher though one of them fails, which is not kept quiet',
      withStore(async (store) => {
        const later: (() => void)[] = [];
        const queue = mock.method(globalThis, 'queueMicrotask', (task: () => void) => void later.push(task));
        const seen: number[] = [];
        store.watch(() => assert.fail('a defect'));
        store.watch(({ revision }) => seen.push(revision));
        await store.commit(0, [put(web)]);
        await store.commit(1, [put(api)]);
        queue.mock.restore();
        assert.deepEqual(seen, [1, 2]);
        assert.equal(later.length, 2);
        for (const task of later) assert.throws(task, /a defect/);
      }),
    );

    it(
      'has told its watchers before the commit resolves',
      withStore(async (store) => {
        const order: string[] = [];
        store.watch(() => order.push('watched'));
        await store.commit(0, [put(web)]).then(() => order.push('resolved'));
        assert.deepEqual(order, ['watched', 'resolved']);
      }),
    );

    it(
      'fails commits after close, keeps reading, and may be closed twice',
      withStore(async (store) => {
        await store.commit(0, [put(web)]);
        await store.close();
        await store.close();
        assert.deepEqual(await store.commit(1, [remove(web)]), { outcome: 'failed', message: 'the store is closed' });
        assert.deepEqual(store.view().list('load-balancer'), [web]);
      }),
    );
  });
}

function namesOf(changes: readonly Change[]): string {
  return changes.map(({ key }) => key.slice(key.lastIndexOf('/') + 1)).join();
}

describe('store: memory and sqlite', () => {
  it('agree on any sequence of commits, and sqlite still does when opened again', async (test) => {
    const name = fc.constantFrom('a', 'b', 'B', 'c', 'ab', 'abc');
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', '\u0000', '\ud800', '\u2028'));
    const change = fc.oneof(
      fc.record({ name, text }).map(({ name, text }) => put(withText(name, text))),
      name.map((name) => remove(sampleLoadBalancer(name))),
    );
    const commits = fc.array(fc.record({ behind: fc.constantFrom(0, 0, 0, 1), changes: fc.array(change) }));
    const directory = temporaryDirectory(test);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(commits, async (sequence) => {
        const path = join(directory, String(run++), 'state.db');
        const memory = createMemoryStore();
        const sqlite = openSqliteStore(path);
        for (const { behind, changes } of sequence) {
          const revision = memory.view().revision - behind;
          assert.deepEqual(await sqlite.commit(revision, changes), await memory.commit(revision, changes));
        }
        assert.deepEqual(sqlite.view().list('load-balancer'), memory.view().list('load-balancer'));
        await sqlite.close();
        const again = openSqliteStore(path);
        assert.equal(again.view().revision, memory.view().revision);
        assert.deepEqual(again.view().list('load-balancer'), memory.view().list('load-balancer'));
        await again.close();
      }),
      { numRuns: 30 },
    );
  });
});

function withText(name: string, text: string) {
  const { attributes } = sampleLoadBalancer(name);
  return sampleLoadBalancer(name, {
    dnsName: text,
    attributes: { ...attributes, additional: Object.fromEntries([[text, text]]) },
    tags: [{ key: text }, { key: 'k', value: text }],
  });
}
