/** Puts into the store what it should have, whoever else commits meanwhile; a disk that fails is told of, and nobody waits. */
import type { Log } from '../kit/log.ts';
import type { Change, Store, View } from '../store/store.ts';

/** How often a commit is tried again because somebody else committed first. */
const MAX_ATTEMPTS = 16;

export interface KeeperOptions {
  readonly store: Store;
  readonly log: Log;
  /** What the state lacks; undefined: nothing. Asked again when somebody else has committed first. */
  readonly lacks: (view: View) => Change | undefined;
  /** For the log: `the key of session tickets could not be stored`. */
  readonly failure: string;
}

export class Keeper {
  readonly #options: KeeperOptions;
  #keeping = false;
  #stopped = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** One such turn at a time; a call during one is that one. */
  async keep(): Promise<void> {
    if (this.#keeping) return;
    this.#keeping = true;
    const { store, log, lacks, failure } = this.#options;
    for (let attempt = 0; attempt < MAX_ATTEMPTS && !this.#stopped; attempt++) {
      const view = store.view();
      const change = lacks(view);
      if (change === undefined) break;
      const result = await store.commit(view.revision, [change]);
      if (result.outcome === 'conflict') continue;
      if (result.outcome === 'failed' && !this.#stopped) log.warn({ cause: result.message }, failure);
      break;
    }
    this.#keeping = false;
  }

  /** Begins no commit any more, and tells no more. */
  stop(): void {
    this.#stopped = true;
  }
}
