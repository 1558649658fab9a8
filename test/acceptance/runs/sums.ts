/**
 * Mixed requests over four threads, and afterwards four counts of them: the clients' own, the access log's, Prometheus's
 * and CloudWatch's. Not one request may be missing anywhere, or be counted twice.
 */
import { createServer, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CloudWatchClient, GetMetricStatisticsCommand } from '@aws-sdk/client-cloudwatch';
import { ModifyLoadBalancerAttributesCommand } from '@aws-sdk/client-elastic-load-balancing';
import { HTTP_PORT, TCP_PORT } from '../../../bench/addresses.ts';
import { ATHENA, rejectedByAthena, rejectedByGoAccess } from '../../../scripts/check-access-log.ts';
import { systemClock } from '../../../src/kit/clock.ts';
import { SeededRandom } from '../../../src/kit/random.ts';
import { readMessage } from '../../support/http-reader.ts';
import { dial, type Peer } from '../../support/peers.ts';
import { seconds } from '../figures.ts';
import { until, type AcceptanceRun, type Lab } from '../lab.ts';
import { WeirUnderTest } from '../weir.ts';

const REQUESTS = 100_000;
const THREADS = 4;
const CLIENTS = 32;
/** Requests to a load balancer without instances: 503. */
const UNSERVED = 1000;
const TCP_CONNECTIONS = 500;
const INSTANCE_PORT = 9301;
const EMPTY_PORT = 8081;
/** A CloudWatch point is there when its minute is over. */
const CLOUDWATCH_MS = 130_000;

/** What is counted, by the name that CloudWatch has for it. */
const COUNTED = [
  'RequestCount',
  'HTTPCode_Backend_2XX',
  'HTTPCode_Backend_3XX',
  'HTTPCode_Backend_4XX',
  'HTTPCode_Backend_5XX',
  'HTTPCode_ELB_4XX',
  'HTTPCode_ELB_5XX',
] as const;
type Counted = (typeof COUNTED)[number];
type Sums = Record<Counted, number>;

const HEADERS = 'Host: www.example.com\r\nUser-Agent: acceptance/1.0 (sums)\r\n';
const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\n${HEADERS}${more}\r\n`;
const post = (body: string) => `POST /200 HTTP/1.1\r\n${HEADERS}Content-Length: ${body.length}\r\n\r\n${body}`;

/** What a client may do next, and what it is counted as. The last three end the connection. */
const KINDS: readonly {
  readonly request: string;
  readonly is: Counted;
  readonly bodiless?: true;
  readonly last?: true;
}[] = [
  { request: get('/200'), is: 'HTTPCode_Backend_2XX' },
  { request: get('/200?chunked'), is: 'HTTPCode_Backend_2XX' },
  { request: get('/200').replace('GET', 'HEAD'), is: 'HTTPCode_Backend_2XX', bodiless: true },
  { request: post('x'.repeat(3000)), is: 'HTTPCode_Backend_2XX' },
  { request: get('/204'), is: 'HTTPCode_Backend_2XX' },
  { request: get('/301'), is: 'HTTPCode_Backend_3XX' },
  { request: get('/304'), is: 'HTTPCode_Backend_3XX' },
  { request: get('/404'), is: 'HTTPCode_Backend_4XX' },
  { request: get('/500'), is: 'HTTPCode_Backend_5XX' },
  { request: get('/200', 'Connection: close\r\n'), is: 'HTTPCode_Backend_2XX', last: true },
  { request: get('/200', 'Host: another\r\n'), is: 'HTTPCode_ELB_4XX', last: true },
  { request: `${'M'.repeat(128)} / HTTP/1.1\r\n${HEADERS}\r\n`, is: 'HTTPCode_ELB_4XX', last: true },
];
/** Of so many requests one is of the last three kinds. */
const LASTS = 20;

export const sums: AcceptanceRun = {
  name: 'sums',
  about: `${REQUESTS} mixed requests over ${THREADS} threads: access log, Prometheus and CloudWatch agree to the last one`,
  needs: [],
  limitSeconds: 420,
  async run(lab) {
    await startInstances(lab);
    const weir = await WeirUnderTest.start(lab, { threads: THREADS });
    await createLoadBalancers(lab, weir);
    const startedMs = systemClock.monotonicMs();
    const sent = noSums();
    const random = new SeededRandom(7);
    await Promise.all(Array.from({ length: CLIENTS }, (_, client) => runClient(lab, sent, random, client)));
    for (let i = 0; i < TCP_CONNECTIONS; i++) await runTcp(lab, sent);
    const unserved = noSums();
    await runUnserved(lab, unserved);
    lab.figures.note('time', seconds(systemClock.monotonicMs() - startedMs));
    const [web, empty] = [await prometheus(weir, 'web'), await prometheus(weir, 'empty')];
    const [webPoints, emptyPoints] = [await cloudWatch(weir, 'web', sent), await cloudWatch(weir, 'empty', unserved)];
    await weir.demandSoundEnd(lab);
    const lines = linesIn(join(lab.folder, 'weir-data-default', 'access-logs'));
    demandEqual(lab, 'web', sent, { Prometheus: web, CloudWatch: webPoints, 'access log': sumsOf(lines, 'web') });
    demandEqual(lab, 'empty', unserved, {
      Prometheus: empty,
      CloudWatch: emptyPoints,
      'access log': sumsOf(lines, 'empty'),
    });
    demandReadable(lab, lines);
  },
};

function noSums(): Sums {
  return Object.fromEntries(COUNTED.map((name) => [name, 0])) as Sums;
}

/** Instances that answer with the status that the path names. */
async function startInstances(lab: Lab): Promise<void> {
  for (const address of lab.addresses.backends) {
    const server = createServer((request, response) => {
      request.resume().on('end', () => answer(response, request.url ?? '/'));
    });
    server.keepAliveTimeout = 600_000;
    server.listen(INSTANCE_PORT, address);
    await once(server, 'listening');
    lab.own(() => {
      server.close();
      server.closeAllConnections();
    });
  }
}

function answer(response: ServerResponse, path: string): void {
  const status = Number(path.slice(1, 4));
  response.statusCode = status;
  if (path.endsWith('chunked')) response.write('in two');
  else if (status !== 204 && status !== 304) response.setHeader('Content-Length', 6);
  response.end(status === 204 || status === 304 ? undefined : ' parts');
}

async function createLoadBalancers(lab: Lab, weir: WeirUnderTest): Promise<void> {
  const healthCheck = {
    Target: `TCP:${INSTANCE_PORT}`,
    Interval: 5,
    Timeout: 2,
    HealthyThreshold: 2,
    UnhealthyThreshold: 10,
  };
  const listener = (protocol: 'HTTP' | 'TCP', port: number) => ({ protocol, port, instancePort: INSTANCE_PORT });
  const listeners = [listener('HTTP', HTTP_PORT), listener('TCP', TCP_PORT)];
  await weir.create({ name: 'web', listeners, instances: lab.addresses.backends, healthCheck });
  await weir.create({ name: 'empty', listeners: [listener('HTTP', EMPTY_PORT)], instances: [], healthCheck });
  for (const LoadBalancerName of ['web', 'empty']) {
    const AccessLog = { Enabled: true, S3BucketName: 'sums', EmitInterval: 5 };
    await weir.client.send(
      new ModifyLoadBalancerAttributesCommand({ LoadBalancerName, LoadBalancerAttributes: { AccessLog } }),
    );
  }
}

/** One client's share of the requests, one after the other over as few connections as they allow. */
async function runClient(lab: Lab, sent: Sums, random: SeededRandom, client: number): Promise<void> {
  const ordinary = KINDS.filter(({ last }) => last !== true);
  const lasts = KINDS.filter(({ last }) => last === true);
  let peer: Peer | undefined;
  for (let i = client; i < REQUESTS; i += CLIENTS) {
    const among = random.below(LASTS) === 0 ? lasts : ordinary;
    const kind = among[random.below(among.length)]!;
    peer ??= await dial(HTTP_PORT, lab.addresses.front);
    peer.send(kind.request);
    await readMessage(peer, { bodiless: kind.bodiless === true });
    sent.RequestCount++;
    sent[kind.is]++;
    if (kind.last !== true) continue;
    peer.end();
    await peer.close();
    peer = undefined;
  }
  peer?.socket.destroy();
}

async function runTcp(lab: Lab, sent: Sums): Promise<void> {
  const peer = await dial(TCP_PORT, lab.addresses.front);
  peer.send(get('/200', 'Connection: close\r\n'));
  await readMessage(peer);
  peer.end();
  await peer.close();
  sent.RequestCount++;
}

async function runUnserved(lab: Lab, sent: Sums): Promise<void> {
  const peer = await dial(EMPTY_PORT, lab.addresses.front);
  for (let i = 0; i < UNSERVED; i++) {
    peer.send(get('/'));
    await readMessage(peer);
    sent.RequestCount++;
    sent.HTTPCode_ELB_5XX++;
  }
  peer.socket.destroy();
}

async function prometheus(weir: WeirUnderTest, name: string): Promise<Sums> {
  const of = (metric: string, code = '') => weir.metric(`weir_${metric}_total{load_balancer="${name}"${code}}`);
  return {
    RequestCount: await of('requests'),
    HTTPCode_Backend_2XX: await of('backend_responses', ',code="2xx"'),
    HTTPCode_Backend_3XX: await of('backend_responses', ',code="3xx"'),
    HTTPCode_Backend_4XX: await of('backend_responses', ',code="4xx"'),
    HTTPCode_Backend_5XX: await of('backend_responses', ',code="5xx"'),
    HTTPCode_ELB_4XX: await of('error_responses', ',code="4xx"'),
    HTTPCode_ELB_5XX: await of('error_responses', ',code="5xx"'),
  };
}

/** The sums of all points, once there are as many requests as `wanted` or it has taken too long. */
async function cloudWatch(weir: WeirUnderTest, name: string, wanted: Sums): Promise<Sums> {
  const { endpoint } = weir;
  const client = new CloudWatchClient({ endpoint, region: 'us-east-1', credentials: weir.client.config.credentials });
  const sumOf = async (MetricName: string): Promise<number> => {
    const nowMs = systemClock.epochMs();
    const command = new GetMetricStatisticsCommand({
      Namespace: 'AWS/ELB',
      MetricName,
      Period: 60,
      Statistics: ['Sum'],
      Dimensions: [{ Name: 'LoadBalancerName', Value: name }],
      StartTime: new Date(nowMs - 3_600_000),
      EndTime: new Date(nowMs + 3_600_000),
    });
    const { Datapoints: points = [] } = await client.send(command);
    return points.reduce((sum, { Sum = 0 }) => sum + Sum, 0);
  };
  const enough = async () => (await sumOf('RequestCount')) >= wanted.RequestCount;
  await until(`points of ${name} in CloudWatch`, CLOUDWATCH_MS, enough).catch(() => undefined);
  const found = noSums();
  for (const metric of COUNTED) found[metric] = await sumOf(metric);
  client.destroy();
  return found;
}

/** All lines that were delivered. */
function linesIn(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.log'));
  return files.flatMap((name) => readFileSync(join(folder, name), 'latin1').split('\n').slice(0, -1));
}

/** What the lines of the load balancer called `name` add up to. */
function sumsOf(lines: readonly string[], name: string): Sums {
  const found = noSums();
  for (const line of lines) {
    const fields = ATHENA.exec(line);
    if (fields?.[2] !== name) continue;
    found.RequestCount++;
    const [status = '', backend = ''] = [fields[10], fields[11]];
    if (status === '-') continue;
    const counted = backend === '0' ? `HTTPCode_ELB_${status[0]}XX` : `HTTPCode_Backend_${backend[0]}XX`;
    found[counted as Counted]++;
  }
  return found;
}

function demandEqual(lab: Lab, name: string, sent: Sums, counts: Readonly<Record<string, Sums>>): void {
  for (const metric of COUNTED) {
    if (sent[metric] === 0 && Object.values(counts).every((count) => count[metric] === 0)) continue;
    const measured = Object.entries(counts).map(([who, count]) => `${who} ${count[metric]}`);
    const holds = Object.values(counts).every((count) => count[metric] === sent[metric]);
    lab.figures.demand(`${name}: ${metric}`, measured.join(', '), `= ${sent[metric]}`, holds);
  }
}

function demandReadable(lab: Lab, lines: readonly string[]): void {
  const athena = rejectedByAthena(lines).length;
  lab.figures.demand("lines that Athena's expression rejects", athena, '0', athena === 0);
  const goaccess = rejectedByGoAccess(lines)?.length;
  if (goaccess === undefined) lab.figures.note('GoAccess', 'not installed: apt-get install goaccess');
  else lab.figures.demand('lines that GoAccess rejects', goaccess, '0', goaccess === 0);
}
