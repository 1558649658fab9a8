/** Everything that the guide takes for granted: a weir, instances in two zones, certificates, clients. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { DescribeInstanceHealthCommand, ElasticLoadBalancingClient } from '@aws-sdk/client-elastic-load-balancing';
import { parseCredentials, type Credential } from '../../../src/api/credentials.ts';
import { present } from '../../../src/kit/assert.ts';
import { sleep, systemClock } from '../../../src/kit/clock.ts';
import { issue, type Issued } from '../../support/issued.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { WeirProcess } from '../../support/weir-process.ts';
import { Flow } from './flow.ts';
import { Instance, type Answered } from './instances.ts';

export const REGION = 'us-west-2';
/** The guide's load balancer. */
export const NAME = 'my-loadbalancer';
/** Ids of the guide, and the zones that they are in here. */
const INSTANCE_ZONES = {
  'i-4f8cf126': 'us-west-2a',
  'i-0bb7ca62': 'us-west-2b',
  'i-4e05f721': 'us-west-2a',
} as const;
type InstanceId = keyof typeof INSTANCE_ZONES;
/** Load balancer ports: 80 and 443 in the guide, free ones here. */
export type PortName = 'http' | 'https' | 'secure' | 'tcp' | 'internal';
const PORT_NAMES: readonly PortName[] = ['http', 'https', 'secure', 'tcp', 'internal'];

export interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Undefined where the load balancer answered by itself. */
  readonly answered: Answered | undefined;
  /** Common name of the load balancer's certificate, and what was negotiated. */
  readonly tls?: { readonly commonName: string; readonly cipher: string; readonly protocol: string | null };
}

export interface GetOptions {
  readonly port?: PortName;
  readonly headers?: Readonly<Record<string, string>>;
  readonly tls?: ConnectionOptions;
}

export class Site {
  readonly weir: WeirProcess;
  readonly flow = new Flow();
  readonly credential: Credential;
  /** What `<name>` stands for in a command. */
  readonly values: Map<string, string>;
  readonly instances: ReadonlyMap<string, Instance>;
  /** Requests that are under way while a command runs. */
  held: Promise<Got | Error>[] = [];
  readonly #client: ElasticLoadBalancingClient;

  private constructor(
    weir: WeirProcess,
    endpoint: string,
    values: Map<string, string>,
    instances: ReadonlyMap<string, Instance>,
  ) {
    this.weir = weir;
    this.values = values;
    this.instances = instances;
    const path = join(weir.dataDir, 'credentials');
    this.credential = present(parseCredentials(readFileSync(path, 'utf8'), path)[0], 'a key');
    const { credential: credentials } = this;
    this.#client = new ElasticLoadBalancingClient({ endpoint, region: REGION, credentials, maxAttempts: 1 });
  }

  static async start(test: TestContext): Promise<Site> {
    const instances = new Map(Object.keys(INSTANCE_ZONES).map((id) => [id, new Instance(id)]));
    for (const instance of instances.values()) await instance.start();
    const folder = temporaryDirectory(test);
    const file = join(folder, 'weir.yaml');
    writeFileSync(file, configuration([...instances.values()]));
    const weir = new WeirProcess(test, { flags: [file] });
    const endpoint = await weir.ready();
    const values = new Map([['endpoint', endpoint]]);
    const ports = await quietPorts(PORT_NAMES.length);
    PORT_NAMES.forEach((name, index) => values.set(name, String(ports[index])));
    addFiles(folder, instances, values);
    const site = new Site(weir, endpoint, values, instances);
    test.after(async () => {
      await site.flow.stop();
      site.#client.destroy();
      for (const instance of instances.values()) await instance.stop();
    });
    return site;
  }

  get endpoint(): string {
    return present(this.values.get('endpoint'), 'the endpoint');
  }

  port(name: PortName): number {
    return Number(this.values.get(name));
  }

  instance(id: InstanceId): Instance {
    return present(this.instances.get(id), id);
  }

  /** One request on a connection of its own; through TLS where the listener speaks it. Rejects when it is cut or refused. */
  get(path: string, { port = 'http', headers = {}, tls = {} }: GetOptions = {}): Promise<Got> {
    const options = { host: '127.0.0.1', port: this.port(port), path, headers, agent: false as const };
    const anyTls = { rejectUnauthorized: false, minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0', ...tls } as const;
    const secure = port === 'https' || port === 'secure';
    return new Promise((resolve, reject) => {
      const sent = secure ? requestHttps({ ...options, ...anyTls }) : requestHttp(options);
      let text = '';
      sent.on('error', reject).end();
      sent.on('response', (response) => {
        const seen = secure ? { tls: negotiated(response.socket as TLSSocket) } : {};
        response.setEncoding('utf8').on('data', (data: string) => (text += data));
        response.on('error', reject).on('end', () => {
          const answered = text === '' ? undefined : (JSON.parse(text) as Answered);
          resolve({ status: response.statusCode ?? 0, headers: response.headers, answered, ...seen });
        });
      });
    });
  }

  /** How many of `count` requests each instance answered. */
  async shares(count: number, options: GetOptions = {}): Promise<Readonly<Record<string, number>>> {
    const shares: Record<string, number> = {};
    for (let i = 0; i < count; i++) {
      const { status, answered } = await this.get('/', options);
      assert.equal(status, 200);
      const id = present(answered, 'an instance answered').instance;
      shares[id] = (shares[id] ?? 0) + 1;
    }
    return shares;
  }

  /** Resolves when exactly these instances answer, some rounds of requests in a row. */
  async servedBy(ids: readonly InstanceId[], options: GetOptions = {}): Promise<void> {
    const wanted = ids.toSorted();
    await this.weir.until(`answers from ${ids.join(', ')} and nobody else`, async () => {
      const shares = await this.shares(4 * INSTANCE_COUNT, options).catch(() => ({}));
      return Object.keys(shares).toSorted().join() === wanted.join() ? true : undefined;
    });
  }

  /** State and description as DescribeInstanceHealth tells them. */
  async health(id: InstanceId): Promise<string> {
    const input = { LoadBalancerName: NAME, Instances: [{ InstanceId: id }] };
    const { InstanceStates = [] } = await this.#client.send(new DescribeInstanceHealthCommand(input));
    return `${InstanceStates[0]?.State}: ${InstanceStates[0]?.Description}`;
  }

  async inService(...ids: readonly InstanceId[]): Promise<void> {
    for (const id of ids) {
      await this.weir.until(`${id} in service`, async () =>
        (await this.health(id)) === 'InService: N/A' ? true : undefined,
      );
    }
  }

  /** Lets time pass: where something must not happen within it. */
  lastFor(ms: number): Promise<void> {
    return sleep(systemClock, ms);
  }

  /** Has a request under way at the instance, kept in {@link held}; others that come first to somebody else are answered. */
  async hold(id: InstanceId): Promise<void> {
    const instance = this.instance(id);
    while (instance.heldCount === 0) {
      for (const other of this.instances.values()) if (other !== instance) other.release();
      const sent = this.get('/held').catch((error: unknown) => error as Error);
      const total = () => [...this.instances.values()].reduce((sum, one) => sum + one.heldCount, 0);
      await this.weir.until('a request that is held', () => (total() > 0 ? true : undefined));
      if (instance.heldCount > 0) this.held.push(sent);
    }
  }
}

const INSTANCE_COUNT = Object.keys(INSTANCE_ZONES).length;

/**
 * Ports that are free, and stay so until they are used: below those that the system gives to connections, of which
 * the traffic makes many meanwhile.
 */
async function quietPorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  for (let port = 20_000 + (process.pid % 10_000); ports.length < count; port++) {
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    ports.push(port);
  }
  return ports;
}

function negotiated(socket: TLSSocket): NonNullable<Got['tls']> {
  return {
    commonName: String(socket.getPeerCertificate().subject.CN),
    cipher: socket.getCipher().standardName === '' ? '' : socket.getCipher().name,
    protocol: socket.getProtocol(),
  };
}

function configuration(instances: readonly Instance[]): string {
  const inventory = instances.map(({ id, port, securePort }) => {
    const zone = INSTANCE_ZONES[id as InstanceId];
    return `    ${id}: { address: 127.0.0.1, zone: ${zone}, ports: { 80: ${port}, 443: ${securePort} } }\n`;
  });
  return (
    `region: ${REGION}\ninstances:\n  inventory:\n${inventory.join('')}` +
    `subnets: { subnet-4e05f721: us-west-2a, subnet-dea770a9: us-west-2c }\n` +
    'securityGroups:\n' +
    '  sg-b9ffedd5: { ingress: [{ cidr: 127.0.0.0/8, ports: 1-65535 }] }\n' +
    '  sg-53fae93f: { ingress: [{ cidr: 10.0.0.0/8, ports: 1-65535 }] }\n' +
    'log: { format: json }\n'
  );
}

/** What commands of the guide name by `file://`, and keys that they name in full. */
function addFiles(folder: string, instances: ReadonlyMap<string, Instance>, values: Map<string, string>): void {
  const file = (name: string, text: string): void => {
    const path = join(folder, name);
    writeFileSync(path, text);
    values.set(name, `file://${path}`);
  };
  for (const name of ['my-server-certificate', 'my-new-certificate']) {
    // RSA: the guide's own cipher (DHE-RSA-AES256-SHA256) needs it.
    const { certificate, privateKey }: Issued = issue({ commonName: name, key: 'rsa-2048' });
    file(`${name}.pem`, certificate);
    file(`${name}.key`, privateKey);
  }
  const accessLog = { Enabled: true, S3BucketName: 'my-loadbalancer-logs', EmitInterval: 60, S3BucketPrefix: 'my-app' };
  file('access-log.json', JSON.stringify({ AccessLog: accessLog }));
  file('no-access-log.json', JSON.stringify({ AccessLog: { Enabled: false } }));
  for (const Value of ['strictest', 'defensive']) {
    const AdditionalAttributes = [{ Key: 'elb.http.desyncmitigationmode', Value }];
    file(`${Value}.json`, JSON.stringify({ AdditionalAttributes }));
  }
  for (const [id, { issued }] of instances) {
    const pem = issued.publicKeyObject.export({ type: 'spki', format: 'pem' });
    values.set(`key-of-${id}`, pem.replace(/-----[^-]+-----|\s/g, ''));
  }
}
