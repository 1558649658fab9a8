/** What `weir top` reads: one answer of `/metrics`, from the wire to numbers. The peer may be anything: all is bounded. */
import { get } from 'node:http';
import { errorCode, messageOf } from '../kit/assert.ts';
import type { Clock } from '../kit/clock.ts';
import type { Endpoint } from './configuration-values.ts';

/** Several thousand load balancers fit. */
const MAX_PAGE_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MS = 10_000;
/** A label has 255 characters at most, each escaped; reading time grows faster than the length of a line. */
const MAX_LINE_LENGTH = 4096;

/** A bucket of a histogram: how many were at or below the bound, in seconds. */
export interface Bucket {
  readonly bound: number;
  readonly count: number;
}

export interface InstanceCounts {
  inService: boolean;
  /** By instance port. */
  readonly ports: Map<string, { outstanding: number; connections: number }>;
}

/** The samples of one load balancer. */
export interface LoadBalancerCounts {
  requests: number;
  /** Of back ends (`2xx` … `5xx`, `other`), and of weir itself (`elb 4xx`, `elb 5xx`). */
  readonly codes: Map<string, number>;
  readonly latency: Bucket[];
  queue: number;
  spillover: number;
  clientConnections: number;
  backendConnections: number;
  readonly instances: Map<string, InstanceCounts>;
}

export interface Scrape {
  /** Monotonic. */
  readonly atMs: number;
  version: string;
  ready: boolean;
  startTimeSeconds: number;
  /** Seconds since 1970, of the one who asked. */
  readonly epochSeconds: number;
  threadsUp: number;
  threads: number;
  readonly loadBalancers: Map<string, LoadBalancerCounts>;
}

/** Asks for the page, and reads it. Rejects with an error whose message says why there is none. */
export async function scrape(endpoint: Endpoint, clock: Clock): Promise<Scrape> {
  const text = await fetchPage(endpoint, '/metrics', clock);
  return readScrape(text, clock.monotonicMs(), clock.epochMs() / 1000);
}

/** The text of a page at the API address. Rejects with an error whose message says why there is none. */
export function fetchPage({ host, port }: Endpoint, path: string, clock: Clock): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ host, port, path, agent: false }, (response) => {
      if (response.statusCode !== 200) request.destroy(new Error(`it answers ${response.statusCode} to GET ${path}`));
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > MAX_PAGE_BYTES) request.destroy(new Error(`its page is longer than ${MAX_PAGE_BYTES} bytes`));
      });
      response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
      response.on('error', (error) => reject(new Error(whyNot(error))));
      response.on('close', () => deadline.cancel());
    });
    const deadline = clock.after(TIMEOUT_MS, () =>
      request.destroy(new Error(`there is no whole answer after ${TIMEOUT_MS / 1000} s`)),
    );
    request.on('error', (error) => {
      deadline.cancel();
      reject(new Error(whyNot(error)));
    });
  });
}

function whyNot(error: unknown): string {
  switch (errorCode(error)) {
    case 'ECONNREFUSED':
      return 'nothing listens there';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'that host name has no address';
    case 'ECONNRESET':
      return 'it ended the connection';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'there is no way to that address';
    default:
      return messageOf(error);
  }
}

/**
 * The numbers of a page. What is not known is passed over, so that an older weir can be watched, and a newer one.
 * @throws Error when it is no page of a weir.
 */
export function readScrape(text: string, atMs: number, epochSeconds: number): Scrape {
  const scrape: Scrape = {
    atMs,
    epochSeconds,
    version: '',
    ready: false,
    startTimeSeconds: 0,
    threadsUp: 0,
    threads: 0,
    loadBalancers: new Map(),
  };
  for (const line of text.split('\n')) {
    if (line.length > MAX_LINE_LENGTH) continue;
    const brace = line.indexOf('{');
    const space = line.lastIndexOf(' ');
    const take = TAKERS.get(line.slice(0, brace === -1 ? space : brace));
    if (take === undefined) continue;
    const labels = brace === -1 ? NO_LABELS : readLabels(line.slice(brace + 1, space - 1));
    take(scrape, Number(line.slice(space + 1)), labels);
  }
  if (scrape.version === '') throw new Error('what answers there is no weir');
  return scrape;
}

type Labels = ReadonlyMap<string, string>;
type Taker = (scrape: Scrape, value: number, labels: Labels) => void;
const NO_LABELS: Labels = new Map();

/** By the name of the metric (observe/prometheus.ts). */
const TAKERS: ReadonlyMap<string, Taker> = new Map<string, Taker>([
  ['weir_build_info', (scrape, _value, labels) => void (scrape.version = labels.get('version') ?? '?')],
  ['weir_ready', (scrape, value) => void (scrape.ready = value === 1)],
  ['process_start_time_seconds', (scrape, value) => void (scrape.startTimeSeconds = value)],
  [
    'weir_thread_up',
    (scrape, value) => {
      scrape.threads++;
      scrape.threadsUp += value;
    },
  ],
  ['weir_requests_total', ofLoadBalancer((counts, value) => void (counts.requests = value))],
  [
    'weir_backend_responses_total',
    ofLoadBalancer((counts, value, labels) => void counts.codes.set(labels.get('code') ?? '', value)),
  ],
  [
    'weir_error_responses_total',
    ofLoadBalancer((counts, value, labels) => void counts.codes.set(`elb ${labels.get('code') ?? ''}`, value)),
  ],
  ['weir_latency_seconds_bucket', ofLoadBalancer(takeBucket)],
  ['weir_surge_queue_length', ofLoadBalancer((counts, value) => void (counts.queue = value))],
  ['weir_spillover_total', ofLoadBalancer((counts, value) => void (counts.spillover = value))],
  ['weir_client_connections', ofLoadBalancer((counts, value) => void (counts.clientConnections = value))],
  ['weir_backend_connections', ofLoadBalancer((counts, value) => void (counts.backendConnections = value))],
  ['weir_instance_in_service', ofInstance((instance, value) => void (instance.inService = value === 1))],
  [
    'weir_instance_outstanding_requests',
    ofInstance((instance, value, port) => void (portOf(instance, port).outstanding = value)),
  ],
  [
    'weir_instance_connections',
    ofInstance((instance, value, port) => void (portOf(instance, port).connections = value)),
  ],
]);

function ofLoadBalancer(take: (counts: LoadBalancerCounts, value: number, labels: Labels) => void): Taker {
  return ({ loadBalancers }, value, labels) => {
    const name = labels.get('load_balancer') ?? '';
    let counts = loadBalancers.get(name);
    if (counts === undefined) {
      counts = {
        requests: 0,
        codes: new Map(),
        latency: [],
        queue: 0,
        spillover: 0,
        clientConnections: 0,
        backendConnections: 0,
        instances: new Map(),
      };
      loadBalancers.set(name, counts);
    }
    take(counts, value, labels);
  };
}

function ofInstance(take: (instance: InstanceCounts, value: number, port: string) => void): Taker {
  return ofLoadBalancer(({ instances }, value, labels) => {
    const id = labels.get('instance_id') ?? '';
    let instance = instances.get(id);
    if (instance === undefined) instances.set(id, (instance = { inService: false, ports: new Map() }));
    take(instance, value, labels.get('instance_port') ?? '');
  });
}

function portOf({ ports }: InstanceCounts, port: string): { outstanding: number; connections: number } {
  let counts = ports.get(port);
  if (counts === undefined) ports.set(port, (counts = { outstanding: 0, connections: 0 }));
  return counts;
}

/** Buckets stand in the order of their bounds. */
function takeBucket({ latency }: LoadBalancerCounts, count: number, labels: Labels): void {
  const le = labels.get('le') ?? '';
  latency.push({ bound: le === '+Inf' ? Infinity : Number(le), count });
}

function readLabels(text: string): Labels {
  const labels = new Map<string, string>();
  for (const [, name = '', value = ''] of text.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)) {
    labels.set(name, value.includes('\\') ? value.replaceAll(/\\(.)/g, (_, one) => (one === 'n' ? '\n' : one)) : value);
  }
  return labels;
}
