/**
 * What one traffic thread runs: load balancers, listeners, targets. Applies what control sends by comparing it with
 * what is there; a listener that did not change keeps its socket and its connections.
 */
import { messageOf } from '../kit/assert.ts';
import { sleep, type Timer } from '../kit/clock.ts';
import { isTls, layerOf, type LoadBalancerId } from '../model/load-balancer.ts';
import type { Connection } from '../transport/transport.ts';
import type { ThreadContext } from './context.ts';
import { HttpBackend, type HttpTarget } from './http-backend.ts';
import { HttpClient } from './http-client.ts';
import { backendTls } from './listener-tls.ts';
import { listenerKey, ListenerRuntime, LoadBalancerRuntime } from './listener.ts';
import { Relay } from './relay.ts';
import type {
  CompiledListener,
  CompiledLoadBalancer,
  CompiledTarget,
  ControlMessage,
  ThreadMessage,
} from './snapshot.ts';
import { Target } from './target.ts';
import { TargetTable } from './target-table.ts';

type Apply = Extract<ControlMessage, { type: 'apply' }>;
export type BindFailure = Extract<ThreadMessage, { type: 'applied' }>['failures'][number];

const POOLS_INTERVAL_MS = 1000;
const STOP_POLL_MS = 20;
/** What nobody has needed for so long is given back. */
const TRIM_INTERVAL_MS = 10_000;

export class Runtime {
  readonly #context: ThreadContext;
  readonly #threads: number;
  readonly #table: TargetTable;
  readonly #loadBalancers = new Map<LoadBalancerId, LoadBalancerRuntime>();
  /** Listeners that are gone from the configuration, with connections that may still finish. */
  readonly #leaving = new Set<ListenerRuntime>();
  /** By load balancer, then by everything that makes a target: a change of one load balancer is no work for the others. */
  readonly #targets = new Map<LoadBalancerId, Map<string, HttpTarget>>();
  /** Load balancers that may have targets which no listener routes to. */
  readonly #unswept = new Set<LoadBalancerId>();
  readonly #timers: readonly Timer[];

  constructor(context: ThreadContext, threads: number) {
    this.#context = context;
    this.#threads = threads;
    this.#table = new TargetTable(threads);
    this.#timers = [
      context.clock.every(POOLS_INTERVAL_MS, () => this.#tendPools()),
      context.clock.every(TRIM_INTERVAL_MS, () => context.headBuffers.trim()),
    ];
  }

  /** Makes the snapshot serve. Resolves with every listener that is not bound once all binding was tried. */
  async apply(message: Apply): Promise<BindFailure[]> {
    for (const { page, buffer } of message.targetPages) this.#table.add(page, buffer);
    for (const id of message.removals) this.#remove(id);
    const opening: ListenerRuntime[] = [];
    for (const settings of message.upserts) this.#upsert(settings, opening);
    for (const { id } of message.upserts) this.#unswept.add(id);
    for (const id of [...this.#unswept, ...message.removals]) this.#sweepTargets(id);
    await Promise.all(opening.map((listener) => this.#open(listener)));
    return this.#failures();
  }

  #upsert(settings: CompiledLoadBalancer, opening: ListenerRuntime[]): void {
    const { thread } = this.#context;
    let loadBalancer = this.#loadBalancers.get(settings.id);
    // The memory of its counters comes as another object each time; one that was made anew was removed before.
    if (loadBalancer === undefined) {
      loadBalancer = new LoadBalancerRuntime(settings, thread, this.#context.clock);
      this.#loadBalancers.set(settings.id, loadBalancer);
    }
    const { drainingTimeoutMs, idleTimeoutMs } = loadBalancer.settings;
    loadBalancer.settings = settings;
    if (settings.maxConnectionsPerTarget !== Infinity) this.#keepToCap(loadBalancer);
    if (settings.idleTimeoutMs !== idleTimeoutMs) {
      this.#changeIdleTimeout(loadBalancer, settings.idleTimeoutMs - idleTimeoutMs);
    }
    const wanted = new Set(settings.listeners.map(listenerKey));
    for (const [key, listener] of loadBalancer.listeners) {
      if (!wanted.has(key)) this.#leave(loadBalancer, key, listener, drainingTimeoutMs);
    }
    for (const [ordinal, compiled] of settings.listeners.entries()) {
      const key = listenerKey(compiled);
      const targets = compiled.targets.map((target) => this.#target(loadBalancer, compiled, target));
      let listener = loadBalancer.listeners.get(key);
      if (listener === undefined) {
        listener = new ListenerRuntime(loadBalancer, compiled, targets, ordinal, this.#context.clock);
        loadBalancer.listeners.set(key, listener);
      } else listener.update(compiled, targets, ordinal);
      if (listener.socket === undefined) opening.push(listener);
    }
  }

  /** Connections that wait already wait as long as the new timeout says, from when they last moved. */
  #changeIdleTimeout(loadBalancer: LoadBalancerRuntime, byMs: number): void {
    const leaving = [...this.#leaving].filter((listener) => listener.loadBalancer === loadBalancer);
    for (const { sessions } of [...loadBalancer.listeners.values(), ...leaving]) {
      for (const session of sessions) session.idleTimeoutChanged(byMs);
    }
    for (const target of this.#targets.get(loadBalancer.settings.id)?.values() ?? []) {
      for (const connection of target.idle) connection.idleTimeoutChanged(byMs);
    }
  }

  /** A cap holds for connections that rest as well: those of before that would not rest now end. */
  #keepToCap({ mayRest, settings }: LoadBalancerRuntime): void {
    for (const target of this.#targets.get(settings.id)?.values() ?? []) {
      const isOver = (): boolean => !mayRest || target.totalConnections > settings.maxConnectionsPerTarget;
      while (target.idle.length > 0 && isOver()) target.popIdle()!.close();
    }
  }

  #remove(id: LoadBalancerId): void {
    const loadBalancer = this.#loadBalancers.get(id);
    if (loadBalancer === undefined) return;
    this.#loadBalancers.delete(id);
    for (const [key, listener] of loadBalancer.listeners) {
      this.#leave(loadBalancer, key, listener, loadBalancer.settings.drainingTimeoutMs);
    }
  }

  /** A listener that is gone stops accepting at once; what it serves may go on for as long as draining allows. */
  #leave(loadBalancer: LoadBalancerRuntime, key: string, listener: ListenerRuntime, drainingTimeoutMs: number): void {
    loadBalancer.listeners.delete(key);
    listener.drain();
    if (drainingTimeoutMs === 0) {
      listener.cut();
      return;
    }
    this.#leaving.add(listener);
    this.#context.clock.after(drainingTimeoutMs, () => {
      listener.cut();
      this.#leaving.delete(listener);
    });
  }

  #target(loadBalancer: LoadBalancerRuntime, listener: CompiledListener, compiled: CompiledTarget): HttpTarget {
    const { settings, countLog } = loadBalancer;
    const { instanceProtocol, backendPublicKeys: keys } = listener;
    // Other keys make another target: what was pooled under the old ones is not used again.
    const key = [compiled.slot, instanceProtocol, compiled.host, compiled.port, compiled.zone, ...(keys ?? [])].join(
      ' ',
    );
    const known = this.#targets.get(settings.id) ?? new Map<string, HttpTarget>();
    this.#targets.set(settings.id, known);
    let target = known.get(key);
    if (target === undefined) {
      const page = this.#table.page(compiled.slot);
      const tls = isTls(instanceProtocol) ? backendTls(keys) : undefined;
      target = new Target(settings.id, compiled, instanceProtocol, tls, page, countLog, this.#context.thread);
      known.set(key, target);
    }
    // A load balancer that was made anew has another log; what is still in flight counts there too.
    target.log = countLog;
    target.zoneCells = loadBalancer.zoneCells(compiled.zone);
    return target;
  }

  /** Marks what no listener routes to any more, closes its pooled connections, forgets it when it has no others. */
  #sweepTargets(id: LoadBalancerId): void {
    const known = this.#targets.get(id) ?? new Map<string, HttpTarget>();
    const routed = new Set<HttpTarget>();
    for (const { targets } of this.#loadBalancers.get(id)?.listeners.values() ?? []) {
      for (const target of targets) routed.add(target);
    }
    for (const [key, target] of known) {
      target.routed = routed.has(target);
      if (target.routed) continue;
      closeIdle(target);
      if (target.connections.size === 0) known.delete(key);
    }
    if (known.size === 0) this.#targets.delete(id);
    // What is still in flight is looked at again with the next change of whatever load balancer.
    if (known.size > routed.size) this.#unswept.add(id);
    else this.#unswept.delete(id);
  }

  *#allTargets(): Generator<HttpTarget> {
    for (const known of this.#targets.values()) yield* known.values();
  }

  *#listeners(): Generator<ListenerRuntime> {
    for (const loadBalancer of this.#loadBalancers.values()) yield* loadBalancer.listeners.values();
  }

  async #open(listener: ListenerRuntime): Promise<void> {
    const { address, port, protocol } = listener.compiled;
    const accept =
      layerOf(protocol) === 7
        ? (connection: Connection) => void new HttpClient(this.#context, listener, connection)
        : (connection: Connection) => new Relay(this.#context, listener, undefined, connection).start();
    const admit = (connection: Connection): void => {
      if (listener.admits(connection)) accept(connection);
      else connection.destroy();
    };
    try {
      const socket = await this.#context.transport.listen(
        address,
        port,
        // With TLS it is asked before the handshake.
        listener.tls === undefined ? admit : accept,
        listener.tls,
        listener.loadBalancer.extraSockets,
      );
      // It may have been taken away again while it was being bound.
      if (listener.draining) socket.close();
      else listener.socket = socket;
      listener.failure = undefined;
    } catch (error) {
      listener.failure = messageOf(error);
    }
  }

  #failures(): BindFailure[] {
    const failures: BindFailure[] = [];
    for (const { failure: notBound, tls, compiled } of this.#listeners()) {
      const failure = notBound ?? tls?.failure;
      if (failure !== undefined) failures.push({ address: compiled.address, port: compiled.port, message: failure });
    }
    return failures;
  }

  /** Ends everything on these slots of the target table at once. */
  cut(slots: readonly number[]): void {
    const wanted = new Set(slots);
    const cut = [...this.#allTargets()].filter((target) => wanted.has(target.slot));
    for (const target of cut) target.cut();
    for (const id of new Set(cut.map(({ loadBalancer }) => loadBalancer))) this.#sweepTargets(id);
  }

  /** Stops accepting; resolves when every connection has finished, or was cut at the deadline. */
  async stop(timeoutMs: number): Promise<void> {
    const { clock } = this.#context;
    for (const timer of this.#timers) timer.cancel();
    const listeners = [...this.#listeners(), ...this.#leaving];
    for (const listener of listeners) listener.drain();
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    while (listeners.some((listener) => listener.sessions.size > 0) && clock.monotonicMs() < deadlineMs) {
      await sleep(clock, STOP_POLL_MS);
    }
    for (const listener of listeners) listener.cut();
    // What is left are pooled connections.
    for (const target of this.#allTargets()) target.cut();
  }

  /** Who is out of service may come back as somebody else: no connection of before waits for that. */
  #tendPools(): void {
    for (const target of this.#allTargets()) if (!target.inService) closeIdle(target);
    this.#keepConnected();
  }

  /** Opens a connection to each healthy HTTP target that has none from any thread; each target is one thread's to look after. */
  #keepConnected(): void {
    for (const loadBalancer of this.#loadBalancers.values()) {
      if (!loadBalancer.settings.preconnect || !loadBalancer.mayRest) continue;
      for (const { compiled, targets } of loadBalancer.listeners.values()) {
        if (layerOf(compiled.protocol) === 7) this.#preconnectTargets(loadBalancer, targets);
      }
    }
  }

  #preconnectTargets(loadBalancer: LoadBalancerRuntime, targets: readonly HttpTarget[]): void {
    for (const target of targets) {
      const mine = target.slot % this.#threads === this.#context.thread;
      if (mine && target.inService && target.totalConnections === 0) {
        HttpBackend.open(this.#context, loadBalancer, target);
      }
    }
  }
}

function closeIdle(target: HttpTarget): void {
  for (let idle = target.popIdle(); idle !== undefined; idle = target.popIdle()) idle.close();
}
