/** What the API address answers besides the API: `/-/ready`, `/-/health`, `/metrics` and the page at `/`. */
import type { ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import packageJson from '../../package.json' with { type: 'json' };
import { DEFAULT_ACCOUNT_ID } from '../api/credentials.ts';
import type { WebPage } from '../api/server.ts';
import { renderPage } from '../console/page.ts';
import type { RunningControl } from '../control/create.ts';
import type { ControlStatus, ListenerFailure } from '../control/status.ts';
import type { Clock } from '../kit/clock.ts';
import { hostOf } from '../kit/ip.ts';
import { certificateExpiries } from '../model/certificate.ts';
import { idOf, type LoadBalancer, type LoadBalancerId } from '../model/load-balancer.ts';
import type { AccessLogs } from '../observe/access-logs.ts';
import { EXPOSITION_CONTENT_TYPE } from '../observe/exposition.ts';
import type { ProcessMonitor, ThreadMetrics } from '../observe/process-metrics.ts';
import { renderMetrics } from '../observe/prometheus.ts';
import type { Store } from '../store/store.ts';
import { THREAD_ROW_CELLS } from '../traffic/counters.ts';
import { pageLoadBalancers } from './console-page.ts';
import { drainRows } from './drain-page.ts';
import { instanceRows } from './instances-page.ts';

const README = fileURLToPath(new URL('../../README.md', import.meta.url));

export interface StatusPagesOptions {
  readonly store: Store;
  readonly control: RunningControl;
  readonly clock: Clock;
  readonly monitor: ProcessMonitor;
  readonly accessLogs: Pick<AccessLogs, 'metrics'>;
  /** The region whose load balancers go by their plain names in metrics. */
  readonly region: string;
  /** `http://127.0.0.1:7600`; asked when a page is made, since the port may be known only then. */
  readonly endpoint: () => string;
  readonly credentialsFile: string | undefined;
  /** Whether the process is stopping. */
  readonly draining: () => boolean;
}

interface StatusPage {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Of long pages that are being sent: what a reader does not take stays in memory, and there may be a thousand of them. */
const MAX_UNSENT_BYTES = 32 * 1024 * 1024;
const BUSY: StatusPage = {
  status: 503,
  contentType: 'text/plain; charset=utf-8',
  body: 'Too much is being sent to others who read slowly. Try again.\n',
};

/** The pages by path. */
export function createStatusPages(options: StatusPagesOptions): Readonly<Record<string, WebPage>> {
  const page =
    (make: () => StatusPage): WebPage =>
    (_request, response) =>
      send(response, make());
  let unsentBytes = 0;
  const long =
    (make: () => StatusPage): WebPage =>
    (_request, response) => {
      const made = unsentBytes > MAX_UNSENT_BYTES ? BUSY : make();
      const { length } = made.body;
      unsentBytes += length;
      response.once('close', () => (unsentBytes -= length));
      send(response, made);
    };
  return {
    '/-/ready': page(() => readyPage(options)),
    '/-/health': page(() => json(200, { status: 'ok', version: packageJson.version })),
    '/-/instances': page(() => instancesPage(options)),
    '/-/drains': page(() => drainsPage(options)),
    '/metrics': long(() => ({ status: 200, contentType: EXPOSITION_CONTENT_TYPE, body: metricsPage(options) })),
    '/': long(() => ({ status: 200, contentType: 'text/html; charset=utf-8', body: consolePage(options) })),
  };
}

function send(response: ServerResponse, { status, contentType, body }: StatusPage): void {
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    // The page has a style of its own and nothing else: what slips through the escaping stays text.
    'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
  });
  // Node leaves it out of what answers HEAD.
  response.end(body);
}

function json(status: number, value: unknown): StatusPage {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value)}\n` };
}

function phaseOf({ control, draining }: StatusPagesOptions): 'starting' | 'ready' | 'draining' {
  if (draining()) return 'draining';
  return control.ready() ? 'ready' : 'starting';
}

/** 200 from the first moment that every listener is up until the process stops; else 503 and what is waited for. */
function readyPage(options: StatusPagesOptions): StatusPage {
  const status = phaseOf(options);
  if (status !== 'starting') return json(status === 'ready' ? 200 : 503, { status });
  const { threads, bindFailures } = options.control.status();
  return json(503, {
    status,
    threads: { wanted: threads.length, live: threads.filter(({ live }) => live).length },
    listeners: bindFailures.map(({ address, port, message }) => ({ address, port, message })),
  });
}

function instancesPage(options: StatusPagesOptions): StatusPage {
  return json(200, { instances: instanceRows(options.control.status(), namesOf(options)) });
}

function drainsPage(options: StatusPagesOptions): StatusPage {
  return json(200, { draining: drainRows(options.control.status(), options.draining(), namesOf(options)) });
}

function metricsPage({ store, control, clock, monitor, accessLogs, region }: StatusPagesOptions): string {
  const status = control.status();
  const view = store.view();
  const names = new Map(view.list('load-balancer').map((record) => [idOf(record), metricName(record, region)]));
  const nameOf = (id: LoadBalancerId | undefined, otherwise: string) => (id && names.get(id)) ?? otherwise;
  return renderMetrics({
    process: {
      version: packageJson.version,
      ready: control.ready(),
      revision: view.revision,
      threads: threadMetrics(status),
      threadRestarts: status.threads.reduce((sum, { restarts }) => sum + restarts, 0),
      control: monitor.row,
      usage: monitor.usage(),
    },
    loadBalancers: status.loadBalancers.map(({ id, counters, instances, targets }) => ({
      name: nameOf(id, id),
      counters,
      targets,
      instances: instances.map(({ instanceId, state }) => ({ instanceId, inService: state === 'InService' })),
    })),
    failedListeners: status.bindFailures.map((failure) => ({
      loadBalancer: nameOf(failure.loadBalancer, ''),
      listener: addressAndPort(failure),
    })),
    accessLogs: accessLogs.metrics(),
    certificates: certificateExpiries(view.list('certificate'), clock.epochMs()),
  });
}

/** What load balancers are called, those too that are gone. */
function namesOf({ store, region }: StatusPagesOptions): (id: LoadBalancerId) => string {
  const records = store.view().list('load-balancer');
  const names = new Map(records.map((record) => [idOf(record), metricName(record, region)]));
  const own = `${DEFAULT_ACCOUNT_ID}/${region}/`;
  return (id) => names.get(id) ?? (id.startsWith(own) ? id.slice(own.length) : id);
}

function addressAndPort({ address, port }: ListenerFailure): string {
  return `${hostOf(address)}:${port}`;
}

/** The name alone in the account and region that weir has by itself; in others with them, so that no two are the same. */
function metricName({ accountId, region, name }: LoadBalancer, ownRegion: string): string {
  return accountId === DEFAULT_ACCOUNT_ID && region === ownRegion ? name : `${accountId}/${region}/${name}`;
}

function threadMetrics({ threads, threadCounters }: ControlStatus): ThreadMetrics[] {
  const cells = new Float64Array(threadCounters);
  return threads.map(({ thread, live }) => {
    const start = thread * THREAD_ROW_CELLS;
    return { row: cells.subarray(start, start + THREAD_ROW_CELLS), live };
  });
}

function consolePage(options: StatusPagesOptions): string {
  const { store, control, region, endpoint, credentialsFile } = options;
  const view = store.view();
  return renderPage({
    version: packageJson.version,
    status: phaseOf(options),
    revision: view.revision,
    endpoint: endpoint(),
    credentialsFile,
    documentation: README,
    region,
    loadBalancers: pageLoadBalancers(view.list('load-balancer'), control),
  });
}
