/** Traffic threads without traffic: they keep what they are told, and run the requests that a test starts. */
import type { ThreadListener, StartThread } from '../../src/control/worker.ts';
import type { LoadBalancerId } from '../../src/model/load-balancer.ts';
import { THREAD_COUNTER, THREAD_ROW_CELLS } from '../../src/traffic/counters.ts';
import type {
  CompiledLoadBalancer,
  CompiledTarget,
  ControlMessage,
  ThreadMessage,
  ThreadSettings,
} from '../../src/traffic/snapshot.ts';
import { slotIndex, TARGET_STATE, TargetTable } from '../../src/traffic/target-table.ts';

export interface FakeRequest {
  readonly loadBalancer: LoadBalancerId;
  readonly target: CompiledTarget;
  readonly instancePort: number;
}

export class FakeThread {
  readonly settings: ThreadSettings;
  /** Messages that have arrived and are not handled yet. */
  readonly inbox: ControlMessage[] = [];
  readonly loadBalancers = new Map<LoadBalancerId, CompiledLoadBalancer>();
  readonly requests = new Set<FakeRequest>();
  /** What a test wants the next answers to say. */
  failures: { address: string; port: number; message: string }[] = [];
  /** Pages of the target table that the thread was sent. */
  readonly pages: { readonly page: number; readonly buffer: SharedArrayBuffer }[] = [];
  revision = -1;
  alive = true;
  /** Does nothing any more, and does not beat. */
  frozen = false;
  terminated = false;
  stopTimeoutMs: number | undefined;
  readonly #listener: ThreadListener;
  readonly #table: TargetTable;
  readonly #row: Float64Array;

  constructor(settings: ThreadSettings, listener: ThreadListener) {
    this.settings = settings;
    this.#listener = listener;
    this.#table = new TargetTable(settings.threads);
    const offset = settings.thread * THREAD_ROW_CELLS * Float64Array.BYTES_PER_ELEMENT;
    this.#row = new Float64Array(settings.threadCounters, offset, THREAD_ROW_CELLS);
  }

  say(message: ThreadMessage): void {
    if (this.alive) this.#listener.onMessage(message);
  }

  /** Stands still, as in an endless loop, until it is ended. */
  freeze(): void {
    this.frozen = true;
  }

  beat(): void {
    if (!this.frozen) this.#row[THREAD_COUNTER.heartbeat]!++;
  }

  /** Handles everything that has arrived. */
  work(): void {
    while (this.workOnce()) continue;
  }

  /** Handles the oldest message. False when there is none. */
  workOnce(): boolean {
    const message = this.alive && !this.frozen ? this.inbox.shift() : undefined;
    if (message === undefined) return false;
    switch (message.type) {
      case 'apply':
        this.#apply(message);
        break;
      case 'cut':
        for (const request of this.requests) {
          if (message.slots.includes(request.target.slot)) this.finish(request);
        }
        break;
      case 'stop':
        this.stopTimeoutMs = message.timeoutMs;
        break;
    }
    return true;
  }

  /** Targets that a new request may go to at this moment. */
  get choices(): FakeRequest[] {
    return this.targets.filter(
      ({ target: { slot } }) => this.#table.page(slot).state(slotIndex(slot)) === TARGET_STATE.inService,
    );
  }

  /** All targets that the thread knows. */
  get targets(): FakeRequest[] {
    return [...this.loadBalancers.values()].flatMap(({ id, listeners }) =>
      listeners.flatMap(({ targets, instancePort }) =>
        targets.map((target) => ({ loadBalancer: id, target, instancePort })),
      ),
    );
  }

  begin(choice: FakeRequest): FakeRequest {
    const request = { ...choice };
    this.requests.add(request);
    this.#count(request, 1);
    return request;
  }

  finish(request: FakeRequest): void {
    if (this.alive && !this.frozen && this.requests.delete(request)) this.#count(request, -1);
  }

  /** Ends with everything on it, as a crash does. */
  die(reason = 'test'): void {
    if (!this.alive) return;
    this.alive = false;
    this.#listener.onEnd(reason);
  }

  #apply(message: Extract<ControlMessage, { type: 'apply' }>): void {
    this.pages.push(...message.targetPages);
    for (const { page, buffer } of message.targetPages) this.#table.add(page, buffer);
    for (const id of message.removals) this.loadBalancers.delete(id);
    for (const upsert of message.upserts) this.loadBalancers.set(upsert.id, upsert);
    this.revision = message.revision;
    this.#row[THREAD_COUNTER.revision] = message.revision;
    this.say({ type: 'applied', revision: message.revision, failures: this.failures });
  }

  #count({ target: { slot } }: FakeRequest, delta: 1 | -1): void {
    const page = this.#table.page(slot);
    page.addOutstanding(slotIndex(slot), this.settings.thread, delta);
    page.addConnections(slotIndex(slot), this.settings.thread, delta);
  }
}

/** All fake threads ever started. `automatic`: each handles a message as soon as it arrives. */
export class FakeThreads {
  readonly started: FakeThread[] = [];
  automatic = true;
  /** Whether those that are ended have ended at once, or never do. */
  endAtOnce = true;
  /** Whether those that are started say at once that they are ready. */
  areReady = true;

  /** Those that live, by number. */
  get live(): FakeThread[] {
    return this.started.filter((thread) => thread.alive).toSorted((a, b) => a.settings.thread - b.settings.thread);
  }

  start: StartThread = (settings, listener) => {
    const thread = new FakeThread(settings, listener);
    this.started.push(thread);
    queueMicrotask(() => this.areReady && thread.say({ type: 'ready' }));
    return {
      post: (message) => {
        if (!thread.alive) return;
        thread.inbox.push(message);
        // Never within the call that sends, as in life.
        if (this.automatic) queueMicrotask(() => thread.work());
      },
      terminate: () => {
        thread.terminated = true;
        if (this.endAtOnce) queueMicrotask(() => thread.die('terminated'));
      },
    };
  };
}
