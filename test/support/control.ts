/** Control with everything around it played: threads, probes, names, ports and time. */
import { createControl, type RunningControl } from '../../src/control/create.ts';
import type { Probe } from '../../src/health/probe.ts';
import { FakeClock } from '../../src/kit/clock.ts';
import type { LogFields } from '../../src/kit/log.ts';
import { SeededRandom } from '../../src/kit/random.ts';
import { isTls, type Instance, type LoadBalancer } from '../../src/model/load-balancer.ts';
import type { AccessLogs } from '../../src/observe/access-logs.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { createSecrets } from '../../src/store/secrets.ts';
import type { Change, Store } from '../../src/store/store.ts';
import { FakeThreads, type FakeRequest, type FakeThread } from './fake-threads.ts';
import { put, remove, sampleLoadBalancer } from './records.ts';
import { settled } from './settled.ts';

export class ControlHarness {
  readonly clock = new FakeClock();
  readonly store: Store = createMemoryStore();
  readonly threads = new FakeThreads();
  /** Addresses of instances that answer no probe. */
  readonly down = new Set<string>();
  /** Addresses of instances that answer every handshake with what is no TLS. */
  readonly noTls = new Set<string>();
  /** Ports that another program has. */
  readonly taken = new Set<number>();
  readonly names = new Map<string, string[]>();
  /** `address:port` at which the API of this weir would be reached. */
  readonly ownApi = new Set<string>();
  /** Load balancers that were taken away, and their counters. */
  readonly removed: [name: string, counters: SharedArrayBuffer][] = [];
  readonly lines: [message: string, fields: LogFields][] = [];
  /** Names that were asked for, and how often an instance was. */
  readonly lookups: string[] = [];
  probes = 0;
  /** What answers about names and ports wait for. */
  hold: Promise<void> | undefined;
  readonly control: RunningControl;

  constructor(seed = 1, threadCount = 2, accessLogs?: AccessLogs) {
    const line = (fields: LogFields, message: string): void => void this.lines.push([message, fields]);
    const random = new SeededRandom(seed);
    this.control = createControl({
      store: this.store,
      secrets: createSecrets(random, undefined),
      configuration: {
        threads: threadCount,
        preconnect: false,
        securityGroups: {},
        instances: { inventory: {}, allowReserved: false },
      },
      clock: this.clock,
      random,
      log: { debug: line, info: line, warn: line, error: line },
      startThread: this.threads.start,
      onRemove: ({ name, counters }) => void this.removed.push([name, counters]),
      accessLogs,
      isOwnApi: (address, port) => this.ownApi.has(`${address}:${port}`),
      lookup: async (host) => {
        this.lookups.push(host);
        await this.hold;
        return (
          this.names.get(host) ?? Promise.reject(Object.assign(new Error(`ENOTFOUND ${host}`), { code: 'ENOTFOUND' }))
        );
      },
      testBind: async ({ address, port }) => {
        await this.hold;
        return this.taken.has(port)
          ? { address, port, code: 'EADDRINUSE', message: `port ${port} is taken` }
          : undefined;
      },
      probe: this.#probe,
    });
  }

  readonly #probe: Probe = (target, done) => {
    this.probes++;
    const up = 'address' in target && !this.down.has(target.address);
    const noTls = up && isTls(target.protocol) && this.noTls.has(target.address);
    const cause = 'problem' in target ? target.problem : up ? 'connected' : 'connection refused';
    const unreached = 'address' in target && (!up || noTls);
    const result = { good: up && !noTls, cause, elapsedMs: 0, inconclusive: false, noTls, unreached };
    const timer = this.clock.after(1, () => done(result));
    return () => timer.cancel();
  };

  /** Started, with what the store has. */
  static async started(...records: LoadBalancer[]): Promise<ControlHarness> {
    const harness = new ControlHarness();
    await harness.commit(...records.map(put));
    await harness.control.start();
    await settled();
    return harness;
  }

  async commit(...changes: Change[]): Promise<number> {
    const result = await this.store.commit(this.store.view().revision, changes);
    if (result.outcome !== 'committed') throw new Error(`commit: ${result.outcome}`);
    await settled();
    return result.revision;
  }

  put(...records: LoadBalancer[]): Promise<number> {
    return this.commit(...records.map(put));
  }

  remove(record: LoadBalancer): Promise<number> {
    return this.commit(remove(record));
  }

  /** Lets `ms` pass in steps of `stepMs`, with living threads beating. */
  async pass(ms: number, stepMs = 250): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      for (const thread of this.threads.live) thread.beat();
      this.clock.advance(Math.min(stepMs, ms - passed));
      await settled();
    }
  }

  /** How many lines of the log have said `message`. */
  said(message: string): number {
    return this.lines.filter(([line]) => line.startsWith(message)).length;
  }
}

export function instance(instanceId: string, host: string, over: Partial<Instance> = {}): Instance {
  return { instanceId, host, zone: 'us-east-1a', registeredTimeMs: 1, ...over };
}

/** Load balancer `shop` on port 80 with `instances`, checked on their own port 8080 every 10 s. */
export function shop(instances: readonly Instance[], over: Partial<LoadBalancer> = {}): LoadBalancer {
  const healthCheck = { target: 'TCP:8080', interval: 10, timeout: 2, unhealthyThreshold: 2, healthyThreshold: 3 };
  return sampleLoadBalancer('shop', { healthCheck, instances, ...over });
}

/** Attributes with connection draining on for `timeout` seconds, or off. */
export function draining(timeout: number | undefined): Pick<LoadBalancer, 'attributes'> {
  const { attributes } = sampleLoadBalancer('shop');
  return {
    attributes: { ...attributes, connectionDraining: { enabled: timeout !== undefined, timeout: timeout ?? 300 } },
  };
}

/** What threads would send requests to. */
export const choices = (thread: FakeThread): string[] => thread.choices.map(({ target }) => target.instanceId);

/** Starts a request to `instanceId` on the first thread. */
export function begin(harness: ControlHarness, instanceId: string): FakeRequest {
  const thread = harness.threads.live[0]!;
  return thread.begin(thread.choices.find(({ target }) => target.instanceId === instanceId)!);
}
