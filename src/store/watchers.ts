/** The watchers of a store: each sees every commit, in order, also when a watcher itself commits. */
import type { Change, View, Watcher } from './store.ts';

export class Watchers {
  readonly #watchers = new Set<Watcher>();
  readonly #pending: { readonly view: View; readonly changes: readonly Change[] }[] = [];
  #notifying = false;

  /** Returns what ends it; ending twice is harmless. */
  add(watcher: Watcher): () => void {
    // A function of our own, so that the same watcher added twice is two.
    const own: Watcher = (view, changes) => watcher(view, changes);
    this.#watchers.add(own);
    return () => void this.#watchers.delete(own);
  }

  clear(): void {
    this.#watchers.clear();
  }

  notify(view: View, changes: readonly Change[]): void {
    this.#pending.push({ view, changes });
    if (this.#notifying) return;
    this.#notifying = true;
    for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) {
      for (const watcher of this.#watchers) callOne(watcher, next.view, next.changes);
    }
    this.#notifying = false;
  }
}

/** The commit stands whatever a watcher does: what it throws surfaces as an uncaught exception, after the others ran. */
function callOne(watcher: Watcher, view: View, changes: readonly Change[]): void {
  try {
    watcher(view, changes);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
