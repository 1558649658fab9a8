/** The one place where everything is put together. */
import { openCredentials } from '../api/credentials-file.ts';
import { KeyRing, type Credential } from '../api/credentials.ts';
import { createApi, type Api } from '../api/server.ts';
import { createElbService, type ElbService } from '../api/services/elb/runner.ts';
import { createControl, type RunningControl } from '../control/create.ts';
import { Ec2Directory } from '../control/ec2-directory.ts';
import type { LoadBalancerStatus } from '../control/status.ts';
import { messageOf } from '../kit/assert.ts';
import type { Clock } from '../kit/clock.ts';
import { hostOf } from '../kit/ip.ts';
import type { Random } from '../kit/random.ts';
import type { Configuration } from '../model/configuration.ts';
import type { AccessLogs } from '../observe/access-logs.ts';
import { CertificateWatch } from '../observe/certificate-watch.ts';
import { createLogger, type Logger } from '../observe/logger.ts';
import { ProcessMonitor } from '../observe/process-metrics.ts';
import { adoptSecrets } from '../store/secrets-at-start.ts';
import type { Secrets } from '../store/secrets.ts';
import { openSqliteStore } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { accessLogStore, openAccessLogs } from './access-logs.ts';
import { fixedKeyOf, type Environment } from './configuration.ts';
import { openCloudWatch, type CloudWatch } from './cloudwatch.ts';
import { adoptCertificates } from './configured-certificates.ts';
import { dataDirectory, type DataDirectory } from './data-directory.ts';
import { awsKeyOf } from './aws-key.ts';
import { StartError, whyNoApi } from './failure.ts';
import { idsOfEc2, refreshInventory } from './inventory-refresh.ts';
import { reread } from './live-configuration.ts';
import { secretsOf } from './master-key.ts';
import { createStatusPages } from './status-pages.ts';
import { withoutTraffic } from './without-traffic.ts';

/** How long a start waits for its listeners before it goes on without those that are not up. */
const SERVED_TIMEOUT_MS = 30_000;
/** What calls in flight get at the end of a stop, when the traffic has ended. */
const API_CLOSE_MS = 1000;

export interface WeirOptions {
  /** Reads the configuration: at the start, and again on SIGHUP. */
  readonly configure: () => Configuration;
  /** May fix a key (WEIR_ACCESS_KEY_ID, WEIR_SECRET_ACCESS_KEY), and name a master key (WEIR_MASTER_KEY_FILE). */
  readonly environment: Environment;
  readonly clock: Clock;
  readonly random: Random;
  /** Hears how to take away what tells others of this process, when there is something: it may have to end before it has started. */
  readonly onAnnounced?: ((withdraw: () => void) => void) | undefined;
}

/** A weir that was started: the API answers, and the listeners come up. */
export interface RunningWeir {
  readonly configuration: Configuration;
  readonly log: Logger;
  /** `http://127.0.0.1:7600`, with the actual port. */
  readonly endpoint: string;
  readonly files: DataDirectory;
  readonly store: Store;
  readonly control: RunningControl;
  readonly cloudWatch: CloudWatch;
  /** The API without the way over the network. */
  readonly elb: ElbService;
  /** Resolves when every listener that can be is up. */
  served(): Promise<void>;
  /** Reads configuration and credentials again. What is wrong with them is told in the log, and changes nothing. */
  reload(): Promise<void>;
  /** Finishes what is in flight, for `timeoutMs` at most, and closes everything. */
  stop(timeoutMs: number): Promise<void>;
  /** Takes away what tells others of this process, which ends now. */
  abandon(): void;
}

/**
 * Starts a weir in this process.
 * @throws ConfigurationError, StoreError, CredentialsError, {@link StartError}: what the operator can put right.
 */
export async function startWeir(options: WeirOptions): Promise<RunningWeir> {
  const configuration = options.configure();
  const files = dataDirectory(configuration.dataDir);
  const secrets = secretsOf(options);
  const store = openSqliteStore(files.state, { witness: files.metrics });
  const weir = new Weir(options, configuration, files, store, secrets);
  try {
    await weir.start();
    return weir;
  } catch (error) {
    await weir.stop(0);
    throw error;
  }
}

class Weir implements RunningWeir {
  readonly #options: WeirOptions;
  readonly log: Logger;
  readonly files: DataDirectory;
  readonly store: Store;
  readonly control: RunningControl;
  readonly #secrets: Secrets;
  readonly #api: Api;
  readonly #keys = new KeyRing([]);
  readonly #monitor: ProcessMonitor;
  readonly #certificates: CertificateWatch;
  readonly #accessLogs: AccessLogs;
  readonly #ec2: Ec2Directory;
  readonly cloudWatch: CloudWatch;
  configuration: Configuration;
  #draining = false;

  constructor(
    options: WeirOptions,
    configuration: Configuration,
    files: DataDirectory,
    store: Store,
    secrets: Secrets,
  ) {
    const { clock, random, environment } = options;
    this.#options = options;
    this.configuration = configuration;
    this.files = files;
    this.store = store;
    this.#secrets = secrets;
    this.log = createLogger(configuration.log);
    this.#monitor = new ProcessMonitor(clock);
    const shared = { store, secrets, clock, random, log: this.log };
    this.#certificates = new CertificateWatch(shared);
    this.#ec2 = this.#makeEc2Directory();
    this.#accessLogs = openAccessLogs({ configuration, environment, files, clock, random, log: this.log });
    const onRemove = (status: LoadBalancerStatus) => this.cloudWatch.ending(status);
    const ways = { accessLogs: this.#accessLogs, isOwnApi: this.#isOwnApi, onRemove };
    this.control = createControl({ ...shared, ...ways, configuration });
    this.cloudWatch = openCloudWatch({ path: files.metrics, clock, log: this.log, control: () => this.control });
    this.#api = createApi({
      ...shared,
      metrics: this.cloudWatch.series,
      createdMs: files.createdMs(),
      configuration,
      control: this.control,
      ec2: this.#ec2,
      credentials: this.#keys,
      pages: this.#pages(),
    });
  }

  /** That of the API, so that ports are tried by one at a time. */
  get elb(): ElbService {
    return this.#api.elb;
  }

  get endpoint(): string {
    const { host, port } = this.#api.bound ?? this.configuration.api;
    return `http://${hostOf(host)}:${port}`;
  }

  async start(): Promise<void> {
    this.files.announceProcess(this.log);
    this.#options.onAnnounced?.(() => this.abandon());
    this.#keys.replace(await this.#readKeys());
    const sealed = await adoptSecrets(this.store, this.#secrets);
    if (sealed > 0) this.log.info({ sealed }, 'private keys that stood in the clear are sealed now');
    await this.#adoptCertificates();
    await this.#listen();
    this.files.announceApi(this.endpoint, this.log);
    await this.#ec2.start();
    // Before the traffic starts, so that none of it goes where an instance no longer is; nothing serves yet.
    await this.#refreshInventory(this.#elbWithoutTraffic());
    await this.#accessLogs.start();
    await this.control.start();
    this.#certificates.start();
    this.cloudWatch.start();
  }

  async served(): Promise<void> {
    const { revision } = this.store.view();
    const served = await this.control.applied(revision, SERVED_TIMEOUT_MS);
    const failures = this.control.bindFailures();
    for (const { address, port, message } of failures)
      this.log.error({ address, port, cause: message }, 'a listener is not up');
    const fields = { api: this.endpoint, dataDir: this.files.path, threads: this.configuration.threads, revision };
    if (served && failures.length === 0) this.log.info(fields, 'ready');
    else this.log.warn({ ...fields, listenersDown: failures.length }, 'running, but not everything is up');
  }

  async reload(): Promise<void> {
    try {
      const { files } = this;
      const { environment, configure } = this.#options;
      const { configuration, changed, kept } = reread(this.configuration, configure());
      const keys = await this.#readKeys();
      const logs = changed.includes('accessLogs') ? accessLogStore({ configuration, files, environment }) : undefined;
      this.#keys.replace(keys);
      this.configuration = configuration;
      this.log.setLevel(configuration.log.level);
      this.#takeOver();
      if (logs !== undefined) this.#accessLogs.delivery.deliverTo(logs);
      this.log.info({ changed }, 'configuration and credentials read again');
      if (kept.length > 0) this.log.warn({ kept }, 'these options take effect when weir is started again');
    } catch (error) {
      this.log.error({ cause: messageOf(error) }, 'the configuration was not taken over: everything stays as it was');
      return;
    }
    await this.#adoptCertificates().catch((error: unknown) => {
      this.log.error({ cause: messageOf(error) }, 'the certificates of the configuration were not taken over');
    });
    await this.#ec2.refresh();
    await this.#refreshInventory(this.elb);
  }

  async stop(timeoutMs: number): Promise<void> {
    this.#draining = true;
    this.#certificates.stop();
    this.#ec2.stop();
    await this.control.stop(timeoutMs);
    await this.#accessLogs.stop();
    await this.#api.close(API_CLOSE_MS);
    this.cloudWatch.stop();
    await this.store.close();
    this.#monitor.close();
    this.abandon();
  }

  abandon(): void {
    this.files.withdraw();
  }

  async #readKeys(): Promise<readonly Credential[]> {
    const { random, environment } = this.#options;
    const fixed = fixedKeyOf(environment);
    return openCredentials({ path: this.files.credentials, random, ...(fixed === undefined ? {} : { fixed }) });
  }

  #adoptCertificates(): Promise<void> {
    const { store, log, configuration } = this;
    const nowMs = this.#options.clock.epochMs();
    const { certificates } = configuration;
    return adoptCertificates({ store, secrets: this.#secrets, log, nowMs, certificates });
  }

  async #listen(): Promise<void> {
    const { host, port } = this.configuration.api;
    try {
      await this.#api.listen();
    } catch (error) {
      throw new StartError(`the API cannot listen on ${host}:${port}: ${whyNoApi(error)}`);
    }
  }

  #isOwnApi = (address: string, port: number) => this.#api.isOwnApi(address, port);

  /** For changes before control is started, which nobody could serve yet. Not for any that opens ports. */
  #elbWithoutTraffic(): ElbService {
    const { clock, random } = this.#options;
    const control = withoutTraffic(this.control);
    const configuration = () => this.#ec2.complete(this.configuration);
    const { store, log } = this;
    const isOwnApi = this.#isOwnApi;
    return createElbService({ store, control, configuration, clock, random, log, isOwnApi, ec2: this.#ec2 });
  }

  #refreshInventory(service: ElbService): Promise<void> {
    const { configuration, log } = this;
    return refreshInventory({ view: this.store.view(), configuration, ec2: this.#ec2, service, log });
  }

  /** What the configuration and the EC2 endpoint say together is in force from now on. */
  #takeOver(): void {
    const configuration = this.#ec2.complete(this.configuration);
    this.#api.reconfigure(configuration);
    this.control.reconfigure(configuration);
  }

  #makeEc2Directory(): Ec2Directory {
    const { clock, environment } = this.#options;
    return new Ec2Directory({
      clock,
      log: this.log,
      endpoint: () => this.configuration.instances.ec2,
      key: (endpoint) => awsKeyOf(environment, endpoint),
      registered: () => idsOfEc2(this.store.view(), this.configuration),
      onNetwork: () => this.#takeOver(),
      onRefresh: () => void this.#refreshInventory(this.elb),
    });
  }

  #pages() {
    return createStatusPages({
      accessLogs: this.#accessLogs,
      store: this.store,
      control: this.control,
      clock: this.#options.clock,
      monitor: this.#monitor,
      region: this.configuration.region,
      endpoint: () => this.endpoint,
      credentialsFile: this.configuration.api.auth === 'none' ? undefined : this.files.credentials,
      draining: () => this.#draining,
    });
  }
}
