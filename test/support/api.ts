/** The real API on a port of its own, over a store in memory and a played control, with the AWS SDK as its client. */
import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { ElasticLoadBalancingClient } from '@aws-sdk/client-elastic-load-balancing';
import { KeyRing } from '../../src/api/credentials.ts';
import type { Credential } from '../../src/api/credentials.ts';
import { createApi } from '../../src/api/server.ts';
import type { Api, ApiOptions } from '../../src/api/server.ts';
import type { BindRefusal, Control, InstanceState, Unanswered, WantedListener } from '../../src/control/control.ts';
import { systemClock } from '../../src/kit/clock.ts';
import type { LogFields } from '../../src/kit/log.ts';
import { SeededRandom } from '../../src/kit/random.ts';
import type { Configuration } from '../../src/model/configuration.ts';
import { iamCertificateArn } from '../../src/model/certificate.ts';
import type { LoadBalancer } from '../../src/model/load-balancer.ts';
import type { CloudWatchSeries } from '../../src/observe/cloudwatch-series.ts';
import { loadBalancerId } from '../../src/model/load-balancer.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { createSecrets } from '../../src/store/secrets.ts';
import type { Secrets } from '../../src/store/secrets.ts';
import { certificateChange } from '../../src/store/store.ts';
import type { Store } from '../../src/store/store.ts';

export const KEY: Credential = {
  profile: 'default',
  accessKeyId: 'AKIAWEIRTEST00000001',
  secretAccessKey: 'secret-of-the-first-key',
  accountId: '000000000000',
  readOnly: false,
};
export const OTHER_ACCOUNT: Credential = {
  ...KEY,
  profile: 'other',
  accessKeyId: 'AKIAWEIRTEST00000002',
  accountId: '111111111111',
};
export const READ_ONLY: Credential = { ...KEY, profile: 'reader', accessKeyId: 'AKIAWEIRTEST00000003', readOnly: true };

/** When the weir of a harness was set up. */
export const CREATED = new Date('2026-01-02T03:04:05Z');

export function testConfiguration(overrides: Partial<Configuration> = {}): Configuration {
  return {
    dataDir: '/nowhere',
    api: { host: '127.0.0.1', port: 0, auth: 'sigv4' },
    addresses: { 'internet-facing': ['127.41.0.0/24'], internal: ['127.42.0.0/24'] },
    threads: 1,
    platform: 'vpc',
    region: 'us-east-1',
    domain: 'localhost',
    zones: [],
    subnets: {},
    securityGroups: {},
    certificates: {},
    instances: { inventory: {}, allowReserved: false },
    limits: { loadBalancers: 20, listeners: 100, instances: 1000 },
    preconnect: false,
    stopTimeout: 1,
    log: { level: 'silent', format: 'json' },
    ...overrides,
  };
}

/** A running system that does as it is told. */
class PlayedControl implements Control {
  readonly tried: WantedListener[] = [];
  /** Revisions that a call waited for. */
  readonly awaited: number[] = [];
  readonly names = new Map<string, string>();
  /** Names that nobody answers for, and for how many times. */
  readonly unanswered = new Map<string, number>();
  /** Names that were asked for. */
  readonly asked: string[] = [];
  readonly states = new Map<string, Omit<InstanceState, 'instanceId'>>();
  readonly draining: string[] = [];
  refusal: BindRefusal | undefined;
  isApplied = true;
  /** Called while a trial is under way. */
  onTry: (() => Promise<void>) | undefined;

  async tryBind(wanted: readonly WantedListener[]): Promise<BindRefusal | undefined> {
    this.tried.push(...wanted);
    await this.onTry?.();
    return this.refusal;
  }

  async applied(revision: number): Promise<boolean> {
    this.awaited.push(revision);
    return this.isApplied;
  }

  instanceState(_loadBalancer: string, instanceId: string): InstanceState {
    const description = 'Instance registration is still in progress.';
    const state = this.states.get(instanceId);
    return { instanceId, ...(state ?? { state: 'OutOfService', reasonCode: 'ELB', description }) };
  }

  drainingInstances(): readonly string[] {
    return this.draining;
  }

  addressOf(host: string): string | undefined {
    return isIP(host) === 0 ? this.names.get(host) : host;
  }

  async resolveHost(host: string): Promise<string | Unanswered | undefined> {
    this.asked.push(host);
    const times = this.unanswered.get(host) ?? 0;
    this.unanswered.set(host, Math.max(0, times - 1));
    return times > 0 ? { cause: `EAI_AGAIN ${host}` } : this.names.get(host);
  }
}

export interface LogLine extends LogFields {
  readonly level: string;
  readonly message: string;
}

export interface HarnessOptions {
  readonly configuration?: Partial<Configuration>;
  readonly pages?: ApiOptions['pages'];
  readonly store?: Store;
  readonly ec2?: ApiOptions['ec2'];
  readonly metrics?: CloudWatchSeries;
}

/** What an SDK error says. */
export interface Refused {
  readonly code: string;
  readonly status: number | undefined;
  readonly message: string;
  readonly type: string | undefined;
  readonly requestId: string | undefined;
}

export class ApiHarness {
  readonly control = new PlayedControl();
  readonly keys = new KeyRing([KEY, OTHER_ACCOUNT, READ_ONLY]);
  readonly lines: LogLine[] = [];
  readonly store: Store;
  /** With a master key. */
  readonly secrets: Secrets = createSecrets(new SeededRandom(8), new SeededRandom(9).bytes(32));
  readonly api: Api;
  endpoint = '';
  port = 0;
  /** The first key, in us-east-1. */
  elb: ElasticLoadBalancingClient;
  readonly #clients: ElasticLoadBalancingClient[] = [];

  private constructor(options: HarnessOptions) {
    this.store = options.store ?? createMemoryStore();
    const log = (level: string) => (fields: LogFields, message: string) =>
      void this.lines.push({ ...fields, level, message });
    this.api = createApi({
      store: this.store,
      secrets: this.secrets,
      control: this.control,
      configuration: testConfiguration(options.configuration),
      credentials: this.keys,
      createdMs: CREATED.getTime() + 678,
      clock: systemClock,
      random: new SeededRandom(7),
      log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
      pages: options.pages ?? {},
      ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
      ...(options.ec2 === undefined ? {} : { ec2: options.ec2 }),
    });
    this.elb = this.client();
  }

  static async start(options: HarnessOptions = {}): Promise<ApiHarness> {
    const harness = new ApiHarness(options);
    const { host, port } = await harness.api.listen();
    harness.port = port;
    harness.endpoint = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
    harness.elb = harness.client();
    return harness;
  }

  /** An SDK client that tries once, or so many times. */
  client(credentials: Credential = KEY, region = 'us-east-1', maxAttempts = 1): ElasticLoadBalancingClient {
    const client = new ElasticLoadBalancingClient({ endpoint: this.endpoint, region, credentials, maxAttempts });
    this.#clients.push(client);
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await this.api.close(1000);
    await this.store.close();
  }

  record(name: string, accountId = '000000000000', region = 'us-east-1'): LoadBalancer {
    const record = this.store.view().get('load-balancer', loadBalancerId(accountId, region, name));
    assert.ok(record, `no load balancer ${name}`);
    return record;
  }

  /** Puts an IAM certificate into the store that no key belongs to; its ARN. */
  async addCertificate(name: string, accountId = '000000000000'): Promise<string> {
    const arn = iamCertificateArn(accountId, 'us-east-1', '/', name);
    const details = {
      domainNames: [name],
      subject: `CN=${name}`,
      issuer: name,
      serial: '01',
      notBeforeMs: 0,
      notAfterMs: Date.UTC(2100, 0, 1),
      keyAlgorithm: 'EC_prime256v1',
      signatureAlgorithm: 'SHA256WITHECDSA',
      keyUsages: [],
      extendedKeyUsages: [],
    };
    const common = { accountId, arn, body: '', chain: '', details, sealedKey: '', createdTimeMs: 0, tags: [] };
    const record = { ...common, kind: 'iam', id: 'ASCA', name, path: '/' } as const;
    await this.store.commit(this.store.view().revision, [certificateChange(arn, record)]);
    return arn;
  }

  /** Runs a call that must be refused and must change nothing. */
  async refused(call: () => Promise<unknown>): Promise<Refused> {
    const { revision } = this.store.view();
    const error = await call().then(
      () => assert.fail('the call was not refused'),
      (error: unknown) => error,
    );
    assert.ok(error instanceof Error);
    const {
      Code,
      Error: detail,
      $metadata,
    } = error as Error & {
      readonly Code?: string;
      readonly Error?: { readonly Type?: string };
      readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
    };
    assert.equal(this.store.view().revision, revision, 'a refused call changes nothing');
    return {
      code: Code ?? error.name,
      status: $metadata?.httpStatusCode,
      message: error.message,
      type: detail?.Type,
      requestId: $metadata?.requestId,
    };
  }
}
