/** Puts control together: store → reconciler → traffic threads, with health, names, ports and drains beside it. */
import type { Clock } from '../kit/clock.ts';
import { HealthMonitor } from '../health/monitor.ts';
import { createProbe } from '../health/probe.ts';
import { initialHealth } from '../health/threshold-counter.ts';
import { addressProblem } from '../model/instance-address.ts';
import { idOf, type LoadBalancerId } from '../model/load-balancer.ts';
import type { Change, Store, View } from '../store/store.ts';
import { TargetTable } from '../traffic/target-table.ts';
import { affectedBy } from './affected.ts';
import { testBind } from './bind.ts';
import type { ControlOptions, LiveConfiguration } from './control-options.ts';
import type { BindRefusal, Control, InstanceState, Unanswered, WantedListener } from './control.ts';
import { CookieKeyring } from './cookie-keys.ts';
import { Drains, type DrainReason } from './drains.ts';
import { instanceState } from './instance-state.ts';
import { ListenerGate } from './listener-gate.ts';
import { Reconciler, type RecordChange, type Running } from './reconcile.ts';
import { HostResolver, systemLookup } from './resolve.ts';
import { Slots } from './slots.ts';
import { statusOf, type ControlStatus, type ListenerFailure, type LoadBalancerStatus } from './status.ts';
import { Supervisor } from './supervisor.ts';
import { ThreadFailures } from './thread-failures.ts';
import { TicketKeys } from './ticket-keys.ts';
import { tellReports, tlsFailures } from './tls-reports.ts';
import { TlsSettings } from './tls-settings.ts';
import { Waiters } from './waiters.ts';
import { trafficThreadUrl, workerThreads } from './worker.ts';

/** {@link Control}, and what the process itself does with it. */
export interface RunningControl extends Control {
  /** Brings up what the store says. Resolves when threads are started; {@link ready} tells when they serve. */
  start(): Promise<void>;
  /** Threads stop accepting and finish what is in flight, for `timeoutMs` at most; resolves when all is ended. */
  stop(timeoutMs: number): Promise<void>;
  /** From the first moment that every listener of the store is up, until `stop`. */
  ready(): boolean;
  status(): ControlStatus;
  /** Listeners that do not serve. */
  bindFailures(): readonly ListenerFailure[];
  /** The configuration was read again: what can change while running does. The number of threads cannot. */
  reconfigure(configuration: LiveConfiguration): void;
}

/** Control over the load balancers of `store`. Nothing runs before `start`. */
export function createControl(options: ControlOptions): RunningControl {
  return new RunningSystem(options);
}

class RunningSystem implements RunningControl {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #waiters: Waiters;
  readonly #slots: Slots;
  readonly #supervisor: Supervisor;
  readonly #drains: Drains;
  readonly #gate: ListenerGate;
  readonly #resolver: HostResolver;
  readonly #monitor: HealthMonitor;
  readonly #tickets: TicketKeys;
  readonly #cookieKeys: CookieKeyring;
  readonly #reconciler: Reconciler;
  readonly #threadFailures: ThreadFailures;
  #configuration: LiveConfiguration;
  #phase: 'new' | 'starting' | 'ready' | 'stopping' = 'new';
  #endWatch: (() => void) | undefined;
  /** The state as far as it was followed. */
  #view: View;

  constructor(options: ControlOptions) {
    const { store, clock, configuration, log } = options;
    this.#store = store;
    this.#view = store.view();
    this.#clock = clock;
    this.#configuration = configuration;
    this.#waiters = new Waiters(clock);
    this.#slots = new Slots(new TargetTable(configuration.threads));
    this.#supervisor = this.#makeSupervisor(options);
    this.#drains = new Drains({
      clock,
      slots: this.#slots,
      cut: (slots) => this.#supervisor.cut(slots),
      released: this.#released,
    });
    this.#gate = this.#makeGate(options);
    this.#resolver = this.#makeResolver(options);
    this.#monitor = this.#makeMonitor(options);
    this.#tickets = new TicketKeys(options);
    this.#cookieKeys = new CookieKeyring(options, this.#onCookieKeys);
    this.#reconciler = new Reconciler({
      threads: configuration.threads,
      configuration,
      slots: this.#slots,
      drains: this.#drains,
      gate: this.#gate,
      resolver: this.#resolver,
      monitor: this.#monitor,
      tls: this.#makeTlsSettings(options),
      cookieKeys: () => this.#cookieKeys.keys,
      onTls: (record, before, now) => tellReports(log, record.name, before, now),
      apply: (change) => this.#supervisor.apply(change),
      cut: (slots) => this.#supervisor.cut(slots),
      onRemove: (id, running) => options.onRemove?.(this.#statusOf(id, running)),
      accessLogs: options.accessLogs,
    });
    this.#threadFailures = this.#makeThreadFailures(options);
  }

  async start(): Promise<void> {
    this.#phase = 'starting';
    this.#resolver.start();
    this.#gate.start();
    this.#threadFailures.start();
    this.#tickets.start();
    this.#cookieKeys.start();
    for (const record of this.#store.view().list('load-balancer')) {
      const hosts = record.instances.map(({ host }) => host);
      this.#resolver.use(idOf(record), hosts);
    }
    await this.#resolver.settle();
    if (this.#phase !== 'starting') return;
    this.#view = this.#store.view();
    const records = this.#view.list('load-balancer').map((record): RecordChange => [idOf(record), record]);
    this.#reconciler.commit(this.#view.revision, records, true);
    this.#endWatch = this.#store.watch((view, changes) => this.#onCommit(view, changes));
    this.#supervisor.start();
  }

  async stop(timeoutMs: number): Promise<void> {
    this.#phase = 'stopping';
    this.#endWatch?.();
    this.#threadFailures.stop();
    this.#tickets.stop();
    this.#cookieKeys.stop();
    this.#gate.stop();
    this.#resolver.stop();
    this.#monitor.stop();
    await this.#supervisor.stop(timeoutMs);
    this.#drains.stop();
  }

  ready(): boolean {
    if (this.#phase === 'starting' && this.#endWatch !== undefined && this.#allUp()) this.#phase = 'ready';
    return this.#phase === 'ready';
  }

  tryBind(wanted: readonly WantedListener[]): Promise<BindRefusal | undefined> {
    return this.#gate.tryBind(wanted);
  }

  async applied(revision: number, timeoutMs: number): Promise<boolean> {
    const deadlineMs = this.#clock.monotonicMs() + timeoutMs;
    const until = (condition: () => boolean): Promise<boolean> =>
      this.#waiters.wait(deadlineMs - this.#clock.monotonicMs(), condition);
    if (!(await until(() => this.#reconciler.revision >= revision))) return false;
    const lastWish = this.#gate.lastWish;
    if (!(await until(() => this.#gate.decided(lastWish)))) return false;
    const { sequence } = this.#supervisor;
    return until(() => this.#supervisor.served(sequence));
  }

  instanceState(id: LoadBalancerId, instanceId: string): InstanceState {
    const running = this.#reconciler.running.get(id);
    const isDraining = (reason: DrainReason): boolean => this.#drains.isDraining(id, instanceId, reason);
    if (running !== undefined) {
      const [instance, health] = [running.instances.get(instanceId), this.#monitor.of(id, instanceId)];
      return { instanceId, ...instanceState(running.record, instance, health, isDraining) };
    }
    // The API answers before anything runs: what the store has is registered, and nothing is known of it yet.
    const record = this.#store.view().get('load-balancer', id);
    const instance = record?.instances.find((one) => one.instanceId === instanceId);
    return { instanceId, ...instanceState(record, instance, initialHealth(true), isDraining) };
  }

  drainingInstances(id: LoadBalancerId): readonly string[] {
    const registered = this.#reconciler.running.get(id)?.instances;
    return this.#drains.instances(id).filter((instanceId) => registered?.has(instanceId) !== true);
  }

  resolveHost(host: string): Promise<string | Unanswered | undefined> {
    return this.#resolver.resolve(host);
  }

  bindFailures(): readonly ListenerFailure[] {
    const ofTls = Array.from(this.#reconciler.running, ([id, { tlsReports }]) => tlsFailures(id, tlsReports));
    return [...this.#gate.refusals, ...this.#threadFailures.current, ...ofTls.flat()];
  }

  status(): ControlStatus {
    return {
      revision: this.#reconciler.revision,
      threads: this.#supervisor.status,
      threadCounters: this.#supervisor.threadCounters,
      loadBalancers: Array.from(this.#reconciler.running, ([id, running]) => this.#statusOf(id, running)),
      bindFailures: this.bindFailures(),
      drains: this.#drains.current.map((drain) => ({ ...drain, outstanding: this.#slots.outstanding(drain.slot) })),
      probesInFlight: this.#monitor.probesInFlight,
      heldSlots: this.#slots.held,
    };
  }

  addressOf(host: string): string | undefined {
    return this.#resolver.addressOf(host);
  }

  reconfigure(configuration: LiveConfiguration): void {
    this.#configuration = configuration;
    this.#reconciler.reconfigure(configuration);
  }

  #statusOf(id: LoadBalancerId, running: Running): LoadBalancerStatus {
    return statusOf(id, running, this.#slots, {
      stateOf: (instanceId) => this.instanceState(id, instanceId),
      resultsOf: (instanceId) => this.#monitor.of(id, instanceId)?.results ?? [],
    });
  }

  #allUp(): boolean {
    if (!this.#gate.decided(this.#gate.lastWish) || this.bindFailures().length > 0) return false;
    return this.#supervisor.served(this.#supervisor.sequence);
  }

  #onCookieKeys = (): void => this.#reconciler.recompile(this.#reconciler.withStickiness.map(idOf));

  #released = (sequence: number): boolean => this.#supervisor.released(sequence);

  #onCommit(view: View, changes: readonly Change[]): void {
    this.#view = view;
    // What uses a changed certificate or key is compiled anew; where nothing has changed, nothing is sent.
    const ticketed = this.#tickets.follow(view) ? this.#reconciler.withTls : [];
    const sticky = this.#cookieKeys.follow(view) ? this.#reconciler.withStickiness : [];
    this.#reconciler.commit(view.revision, affectedBy(changes, view, [...ticketed, ...sticky]));
    this.#waiters.check();
  }

  #onProgress(): void {
    this.#gate.release(this.#released);
    this.#drains.advance();
    this.#threadFailures.update(this.#supervisor.failures);
  }

  #makeSupervisor({ clock, log, configuration, transport, startThread, accessLogs }: ControlOptions): Supervisor {
    return new Supervisor({
      clock,
      log,
      threads: configuration.threads,
      transport: transport ?? 'auto',
      start: startThread ?? workerThreads(trafficThreadUrl()),
      table: this.#slots.table,
      logRings: accessLogs?.rings ?? [],
      waiters: this.#waiters,
      snapshot: () => this.#reconciler.snapshot(),
      onProgress: () => this.#onProgress(),
      onReport: (report) => this.#reconciler.onReport(report),
      onDeath: (thread) => this.#reconciler.forgetThread(thread),
    });
  }

  #makeGate({ clock, log, testBind: test = testBind }: ControlOptions): ListenerGate {
    const onDecided = (id: LoadBalancerId): void => {
      this.#reconciler.recompile([id]);
      this.#waiters.check();
    };
    return new ListenerGate({ clock, log, test, nextSequence: () => this.#supervisor.sequence + 1, onDecided });
  }

  #makeResolver({ clock, log, lookup = systemLookup, isOwnApi = () => false }: ControlOptions): HostResolver {
    const allowsReserved = () => this.#configuration.instances.allowReserved;
    // A name can come to stand for an address that would have been refused when the instance was registered.
    const accept = (address: string): boolean => {
      const problem = addressProblem(address);
      return problem === undefined || (problem === 'link-local' && allowsReserved());
    };
    const mayConnect = (address: string, port: number) => allowsReserved() || !isOwnApi(address, port);
    const onChange = (users: readonly LoadBalancerId[]): void => this.#reconciler.readdress(users);
    return new HostResolver({ clock, log, lookup, accept, mayConnect, onChange });
  }

  #makeMonitor({ clock, log, random, probe = createProbe(clock) }: ControlOptions): HealthMonitor {
    const onChange = (id: LoadBalancerId, instanceId: string, inService: boolean): void =>
      this.#reconciler.onHealth(id, instanceId, inService);
    const onUnreached = (id: LoadBalancerId, instanceId: string) => this.#reconciler.onUnreached(id, instanceId);
    return new HealthMonitor({ clock, log, random, probe, onChange, onUnreached });
  }

  #makeTlsSettings({ secrets }: ControlOptions): TlsSettings {
    const ticketMaster = () => this.#tickets.master;
    return new TlsSettings({ secrets, certificateOf: (arn) => this.#view.get('certificate', arn), ticketMaster });
  }

  #makeThreadFailures({ clock, log }: ControlOptions): ThreadFailures {
    return new ThreadFailures({
      clock,
      log,
      ownerOf: ({ address, port }) => this.#gate.ownerOf({ address, port }),
      retry: (ids) => this.#reconciler.resend(ids),
    });
  }
}
