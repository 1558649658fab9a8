/** What is measured: each scenario is a load, the figure that counts, and the figures shown beside it. */
import { LARGE_BYTES, MEDIUM_BYTES, PATHS, SMALL_BYTES } from './backend.ts';
import { BROWSER_HEADERS, CURL_HEADERS } from './load/headers.ts';
import type { Sample } from './sample.ts';
import { KEY_KINDS, TLS_CIPHERS, TLS_CURVE, TLS_VERSION, type KeyKind } from './tls.ts';

const CONNECTIONS = 64;
const LARGE_CONNECTIONS = 16;
/** Enough that one is free for every request of an open loop, also after the peer has stood still for some milliseconds. */
const RATE_CONNECTIONS = 128;
const IDLE_CONNECTIONS = 5000;
const PIPELINE_CONNECTIONS = 16;
const PIPELINE_DEPTH = 16;
const UPLOAD_BYTES = 10 * 1024;
const BUSY_SHARE = 0.7;
/** Always ready: a turn of the peer's event loop is as long as it takes to serve them all. */
const SATURATING_CONNECTIONS = 500;
const NEWCOMERS_PER_SECOND = 100;
/** Handshakes under way at once. */
const HANDSHAKES = 16;

export interface Figure {
  readonly title: string;
  readonly digits: number;
  of(sample: Sample): number;
}

export type Load =
  | { readonly kind: 'wrk'; readonly newConnections: boolean; readonly uploadBytes?: number }
  | { readonly kind: 'pipelining'; readonly depth: number }
  /** An open loop at the rate that keeps the peer busy for `cpuShare` of the time of its threads. */
  | { readonly kind: 'constant-rate'; readonly cpuShare: number }
  | { readonly kind: 'idle' }
  /** Newcomers at a rate, beside connections that ask again as soon as they have their answer. */
  | { readonly kind: 'newcomers'; readonly ratePerSecond: number }
  /** Connections that do nothing but a handshake. */
  | { readonly kind: 'handshakes'; readonly resume: boolean };

export interface Scenario {
  readonly name: string;
  /** One line for the help and for the record. */
  readonly about: string;
  readonly layer: 'http' | 'tcp';
  /** HTTPS, with this kind of certificate. */
  readonly tls?: KeyKind;
  readonly path: string;
  /** Undefined where a run ends in the middle of answers. */
  readonly bodyBytes: number | undefined;
  readonly headers: readonly string[];
  readonly connections: number;
  readonly load: Load;
  /** The figure that ratios are made of. */
  readonly primary: Figure;
  /** Columns beside it. */
  readonly figures: readonly Figure[];
  /**
   * `one-thread`: every peer runs with one and with more threads, on all CPUs, and is compared with itself. `log-off`: every
   * peer that can runs with its access log off and on, and is compared with itself.
   */
  readonly against: 'haproxy' | 'one-thread' | 'log-off';
  /** Memory is measured: every round needs a peer that has just been started. */
  readonly freshPeers: boolean;
}

const cpuPerRequest: Figure = {
  title: 'CPU µs/request',
  digits: 2,
  of: (sample) => (sample.cpuSeconds * 1e6) / sample.requests,
};
const cpuPerConnection: Figure = { ...cpuPerRequest, title: 'CPU µs/connection' };
const cpuPerHandshake: Figure = { ...cpuPerRequest, title: 'CPU µs/handshake', digits: 1 };
const cpuPerGigabyte: Figure = {
  title: 'CPU s/GB',
  digits: 3,
  of: (sample) => (sample.cpuSeconds * 1e9) / sample.bytes,
};
const requestsPerCpuSecond: Figure = {
  title: 'requests/CPU s',
  digits: 0,
  of: (sample) => sample.requests / sample.cpuSeconds,
};
const bytesPerConnection: Figure = {
  title: 'KB/connection',
  digits: 2,
  of: (sample) => (sample.bytesPerConnection ?? NaN) / 1024,
};
const requestsPerSecond: Figure = {
  title: 'requests/s',
  digits: 0,
  of: (sample) => sample.requests / sample.seconds,
};
const handshakesPerSecond: Figure = { ...requestsPerSecond, title: 'handshakes/s' };
const connectedPerSecond: Figure = {
  title: 'connected requests/s',
  digits: 0,
  of: (sample) => sample.connectedPerSecond ?? NaN,
};
const offeredPerSecond: Figure = { title: 'asked/s', digits: 0, of: (sample) => sample.offeredPerSecond ?? NaN };
const gigabytesPerSecond: Figure = { title: 'GB/s', digits: 2, of: (sample) => sample.bytes / 1e9 / sample.seconds };
const cpuShare: Figure = {
  title: 'CPU %',
  digits: 0,
  of: (sample) => (sample.cpuSeconds / sample.seconds) * 100,
};
const p50: Figure = { title: 'p50 ms', digits: 3, of: (sample) => sample.p50Us / 1000 };
const p99: Figure = { title: 'p99 ms', digits: 3, of: (sample) => sample.p99Us / 1000 };
const latePercent: Figure = { title: 'late %', digits: 1, of: (sample) => (sample.late / sample.requests) * 100 };
const resident: Figure = { title: 'RSS MB', digits: 1, of: (sample) => sample.residentBytes / 1024 / 1024 };

/** Small answers, keep-alive, curl's headers: what most scenarios differ from in one thing. */
const base: Omit<Scenario, 'name' | 'about'> = {
  layer: 'http',
  path: PATHS.small,
  bodyBytes: SMALL_BYTES,
  headers: CURL_HEADERS,
  connections: CONNECTIONS,
  load: { kind: 'wrk', newConnections: false },
  primary: cpuPerRequest,
  figures: [requestsPerSecond, p50, p99, cpuShare, resident],
  against: 'haproxy',
  freshPeers: false,
};
const large: Omit<Scenario, 'name' | 'about'> = {
  ...base,
  path: PATHS.large,
  bodyBytes: undefined,
  connections: LARGE_CONNECTIONS,
  primary: cpuPerGigabyte,
  figures: [gigabytesPerSecond, p50, p99, cpuShare, resident],
};

const overTls = (kind: KeyKind): string => `${TLS_VERSION}, ${TLS_CIPHERS[kind]}`;

function tlsScenarios(tls: KeyKind): Scenario[] {
  const handshakes = (resume: boolean): Omit<Scenario, 'name' | 'about'> => ({
    ...base,
    tls,
    connections: HANDSHAKES,
    load: { kind: 'handshakes', resume },
    primary: cpuPerHandshake,
    figures: [handshakesPerSecond, p50, p99, cpuShare, resident],
  });
  return [
    { ...base, name: `https-${tls}`, about: `1 KB answers, keep-alive, the headers of curl, ${overTls(tls)}`, tls },
    {
      ...handshakes(false),
      name: `handshakes-full-${tls}`,
      about: `connections with a full handshake and nothing else, ${overTls(tls)}, ${TLS_CURVE}`,
    },
    {
      ...handshakes(true),
      name: `handshakes-resumed-${tls}`,
      about: `connections with a handshake that resumes a session by ticket and nothing else, ${overTls(tls)}`,
    },
  ];
}

export const SCENARIOS: readonly Scenario[] = [
  { ...base, name: 'http', about: '1 KB answers, keep-alive, the headers of curl' },
  {
    ...base,
    name: 'http-browser',
    about: '1 KB answers, keep-alive, 13 headers of a browser',
    headers: BROWSER_HEADERS,
  },
  { ...base, name: 'http-bare', about: '1 KB answers, keep-alive, no header but Host', headers: [] },
  {
    ...base,
    name: 'http-100k',
    about: '100 KB answers, keep-alive',
    path: PATHS.medium,
    bodyBytes: MEDIUM_BYTES,
    figures: [cpuPerGigabyte, ...base.figures],
  },
  { ...large, name: 'http-10m', about: `10 MB answers, keep-alive, ${LARGE_BYTES} bytes each` },
  {
    ...base,
    name: 'http-post-10k',
    about: 'POST of 10 KB, short answers, keep-alive',
    path: PATHS.upload,
    bodyBytes: undefined,
    load: { kind: 'wrk', newConnections: false, uploadBytes: UPLOAD_BYTES },
  },
  {
    ...base,
    name: 'http-new-connection',
    about: '1 KB answers, a new client connection for every request (Connection: close)',
    headers: [...CURL_HEADERS, 'Connection: close'],
    load: { kind: 'wrk', newConnections: true },
  },
  {
    ...base,
    name: 'http-pipelining',
    about: `1 KB answers, ${PIPELINE_DEPTH} requests in flight on each of ${PIPELINE_CONNECTIONS} connections (h2load)`,
    connections: PIPELINE_CONNECTIONS,
    load: { kind: 'pipelining', depth: PIPELINE_DEPTH },
  },
  { ...large, name: 'tcp', about: '10 MB downloads through a TCP listener', layer: 'tcp' },
  {
    ...base,
    name: 'tcp-new-connection',
    about: 'a new connection through a TCP listener for every 1 KB answer',
    layer: 'tcp',
    headers: [...CURL_HEADERS, 'Connection: close'],
    load: { kind: 'wrk', newConnections: true },
    primary: cpuPerConnection,
  },
  {
    ...base,
    name: 'idle',
    about: `memory of the process per idle client connection, ${IDLE_CONNECTIONS} of them, each after one request`,
    connections: IDLE_CONNECTIONS,
    load: { kind: 'idle' },
    primary: bytesPerConnection,
    figures: [resident],
    freshPeers: true,
  },
  {
    ...base,
    name: 'latency-70',
    about: `latencies at a constant rate (open loop) that keeps the peer ${BUSY_SHARE * 100} % busy`,
    connections: RATE_CONNECTIONS,
    load: { kind: 'constant-rate', cpuShare: BUSY_SHARE },
    primary: p99,
    figures: [p50, offeredPerSecond, requestsPerSecond, latePercent, cpuPerRequest, cpuShare],
  },
  {
    ...base,
    name: 'newcomers',
    about: `what ${NEWCOMERS_PER_SECOND} newcomers a second wait for their answer while ${SATURATING_CONNECTIONS} connections keep the peer busy`,
    connections: SATURATING_CONNECTIONS,
    load: { kind: 'newcomers', ratePerSecond: NEWCOMERS_PER_SECOND },
    primary: p50,
    figures: [p99, connectedPerSecond, cpuShare],
  },
  {
    ...base,
    name: 'log',
    about: 'what the access log costs: 1 KB answers, keep-alive, the headers of curl, with it and without it',
    against: 'log-off',
  },
  {
    ...base,
    name: 'log-browser',
    about: 'what the access log costs where lines are long: 13 headers of a browser, with it and without it',
    headers: BROWSER_HEADERS,
    against: 'log-off',
  },
  {
    ...base,
    name: 'threads',
    about: 'requests per CPU second with two threads against one (1 KB answers, keep-alive)',
    primary: requestsPerCpuSecond,
    figures: [cpuPerRequest, requestsPerSecond, p50, p99, cpuShare],
    against: 'one-thread',
  },
  ...KEY_KINDS.flatMap(tlsScenarios),
];

/** The scenario called `name`, or an error that names all of them. */
export function scenarioNamed(name: string): Scenario {
  return scenariosNamed(name)[0]!;
}

/** The scenario called `name`; all whose names begin with it where there is none (`handshakes`); or an error that names all. */
export function scenariosNamed(name: string): readonly Scenario[] {
  const found = SCENARIOS.filter((scenario) => scenario.name === name);
  const all = found.length > 0 ? found : SCENARIOS.filter((scenario) => scenario.name.startsWith(`${name}-`));
  if (all.length > 0) return all;
  throw new Error(
    `there is no scenario "${name}"; there are: ${SCENARIOS.map((scenario) => scenario.name).join(', ')}`,
  );
}
