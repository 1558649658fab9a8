/** A store that forgets: for tests, and the reference that the durable ones are compared with. */
import { canonicalChanges } from './records.ts';
import type { Store } from './store.ts';
import { StateView } from './view.ts';
import { Watchers } from './watchers.ts';

/** An empty store in memory, with every property of {@link Store} but durability. */
export function createMemoryStore(): Store {
  let view = StateView.empty;
  let open = true;
  const watchers = new Watchers();
  return {
    view: () => view,
    async commit(expectedRevision, changes) {
      if (!open) return { outcome: 'failed', message: 'the store is closed' };
      if (expectedRevision !== view.revision) return { outcome: 'conflict', revision: view.revision };
      const canonical = canonicalChanges(changes);
      view = view.next(view.revision + 1, canonical);
      const committed = view;
      watchers.notify(committed, canonical);
      return { outcome: 'committed', revision: committed.revision };
    },
    watch: (watcher) => watchers.add(watcher),
    async close() {
      open = false;
      watchers.clear();
    },
  };
}
