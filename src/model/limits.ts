/**
 * Bounds: AWS's quotas, and what peers may send and weir may hold; a detail of one file is bounded there. What AWS documents
 * carries its number; *ours* are marked.
 * The relations between them are asserted at the end of the file.
 */
import { assert } from '../kit/assert.ts';

const KiB = 1024;

/** Quotas of one account in one region; the configuration can change the first three. */
export const DEFAULT_QUOTAS = { loadBalancers: 20, listeners: 100, instances: 1000 } as const;

export const MAX_TAGS = 50;
export const MAX_TAG_KEY_LENGTH = 128;
export const MAX_TAG_VALUE_LENGTH = 256;
export const MAX_NAME_LENGTH = 32;
export const MAX_PAGE_SIZE = 400;
export const MAX_PORT = 65_535;

/** *Ours*: traffic threads, each of which has its place in shared memory. */
export const MAX_THREADS = 256;

/** Security groups of one load balancer. */
export const MAX_SECURITY_GROUPS = 5;

/** Policies of one load balancer. */
export const POLICIES = {
  /** What cloud-provider-aws found; the one that comes with a TLS listener does not count. */
  maxCount: 98,
  /** *Ours*, as are all that follow. */
  maxNameLength: 255,
  maxCookieNameLength: 255,
  maxPublicKeyLength: 16 * KiB,
  /** Seconds: 68 years. */
  maxCookiePeriod: 2 ** 31 - 1,
} as const;

/** Idle timeout of a load balancer, in seconds. */
export const IDLE_TIMEOUT = { min: 1, max: 4000, default: 60 } as const;
/** Connection draining timeout, in seconds. */
export const DRAINING_TIMEOUT = { min: 1, max: 3600, default: 300 } as const;

/** Health check: seconds and counts. */
export const HEALTH_CHECK = {
  interval: { min: 5, max: 300, default: 30 },
  timeout: { min: 2, max: 60, default: 5 },
  unhealthyThreshold: { min: 2, max: 10, default: 2 },
  healthyThreshold: { min: 2, max: 10, default: 10 },
  maxPathBytes: 1024,
  /** *Ours*: a probe's answer is read up to this many bytes. */
  maxResponseBytes: 64 * KiB,
  /** *Ours*: probe results kept per target. */
  keptResults: 10,
  /** *Ours*: probes under way at once, over all load balancers. */
  maxInFlight: 1024,
} as const;

/** HTTP heads (*ours*, in the magnitude of AWS's published quotas). Bytes, line ends included. */
export const HTTP_HEAD = {
  maxMethodLength: 127,
  maxLineBytes: 16 * KiB,
  maxHeaderBytes: 16 * KiB,
  maxBytes: 64 * KiB,
  maxHeaders: 256,
} as const;

/** *Ours*: request heads that do not end within so many bytes, as ordinary ones do, are read in turns (kit/turns.ts). */
export const LONG_HEAD = {
  bytes: 8 * KiB,
  /** They are gone on with for as long as everything else takes, between these, before everybody else has a turn; */
  shortestMs: 0.2,
  longestMs: 1,
  /** and so many of them, each of which is then read from: up to 0.05 ms where its memory is new. */
  perTurn: 16,
} as const;

/** HTTP bodies. */
export const HTTP_BODY = {
  /** Longest chunk-size line, extensions included. */
  maxChunkLineBytes: 4 * KiB,
  maxTrailerBytes: 16 * KiB,
  maxTrailers: 64,
} as const;

/** *Ours*: file descriptors, of those that the process may have open. */
export const DESCRIPTORS = {
  /** Kept for the API, the store, the logs and the health checks. */
  minReserve: 64,
  maxReserve: 4096,
  reserveShare: 1 / 8,
  /** Of a thread's connections: only for those to back ends, so that who is connected can be served. */
  shareForBackends: 1 / 4,
  /** The same: for listening sockets besides the first of each listener. */
  shareForListening: 1 / 16,
  minPerThread: 8,
} as const;

/** *Ours*: the sockets of a listener in each thread (transport/listen.ts). */
export const LISTENING = {
  /** Connections that may wait to be accepted; the kernel's `net.core.somaxconn` bounds it further. */
  backlog: 4096,
  /** Of each socket besides the first: all of them together may keep as many waiting as the first. */
  extraBacklog: 1024,
  maxSockets: 4,
  /** After so many connections it is looked whether somebody waits all the time. */
  looksAfter: 16,
  /** Of the connections that could be accepted in the same turns of the event loop. */
  crowdedFrom: 7 / 8,
} as const;

/** *Ours*: a connection to a back end that takes longer is given up and another instance tried. */
export const CONNECT_TIMEOUT_MS = 5000;

/** *Ours*: a TLS handshake that takes longer is given up. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;

/** *Ours*: handshakes that an instance may ask for on a connection that is up, with nothing said in between. */
export const MAX_RENEGOTIATIONS = 3;

/** *Ours*: handshakes begin for as long as everything else takes, between these, one at least, before everybody else has a turn. */
export const HANDSHAKE_TURN = { shortestMs: 0.2, longestMs: 1, perTurn: Infinity } as const;

/** *Ours*: TLS is set up for a client when its ClientHello is whole; a longer one goes to OpenSSL in pieces, which takes 128 KiB. */
export const MAX_HELD_HELLO_BYTES = 16 * KiB;

/** *Ours*: handshakes of one thread that hold a hundred times what their clients have sent, and more (transport/small-hellos.ts). */
export const SMALL_HELLO = {
  /** A hello of that many is not small: with the rest of what it weighs on the wire it is a hundredth of what a handshake holds. */
  bytes: 400,
  /** As many as a thread can answer in half a second or more: none that goes on is in danger. */
  maxWaiting: 1024,
} as const;

/** *Ours*: how long the trial of Node's TCP handles at start may take before the portable transport is chosen. */
export const TRANSPORT_TRIAL_MS = 5000;

/** *Ours*: after an error answer, what the client still sends is read and dropped for this long, so that the answer arrives. */
export const LINGER_MS = 2000;

/** Sending a request a second time. */
export const RETRY = {
  /** Sent again after a reused connection broke; connecting elsewhere goes on while there are instances. */
  maxReplays: 1,
  /** *Ours*: what a reused connection was sent so long before it broke its instance has had, and may have begun with. */
  withinMs: 1000,
  /** *Ours*: a larger request is not kept for it. */
  maxReplayBytes: 64 * KiB,
} as const;

/** Interim (1xx) responses relayed for one request. */
export const MAX_INTERIM_RESPONSES = 16;

/** Requests (TCP: connections) of one load balancer that wait for a back end. */
export const SURGE_QUEUE_LENGTH = 1024;
/**
 * *Ours*: whoever comes while so many wait, and there is capacity, is refused only when its connection is not up so soon: of
 * thousands who come in one moment, all connections are being made before it is heard of the first that it is there.
 */
export const SURGE_PATIENCE_MS = 2000;

/** Buffers of the traffic threads, in bytes. */
export const BUFFERS = {
  /** The read buffer that all connections of a thread share, */
  sharedRead: 16 * KiB,
  /** and as much of it as a client is read into until it has filled that: more than an ordinary head, and cheap to keep. */
  firstRead: 8 * KiB,
  /** A private buffer of a connection whose body or stream outlives its first reads. */
  bulk: 128 * KiB,
  /** Bulk buffers a thread hands out at full size, in bytes; past that they are small. */
  bulkGenerous: 32 * 1024 * KiB,
  bulkSmall: 64 * KiB,
  /** What one connection may read before the others of its thread have had a look. */
  turn: 128 * KiB,
  /** Where a message to be sent is put together: an ordinary head and the body bytes that came with it. */
  compose: 24 * KiB,
} as const;

/** Access logs. All but the length of the user agent are *ours*. */
export const ACCESS_LOG = {
  maxUserAgentBytes: 8 * KiB,
  /** Per traffic thread, between it and the control thread; a power of two. What does not fit is dropped and counted. */
  ringBytes: 8 * 1024 * KiB,
  /** How often the control thread takes what is there. */
  pollMs: 50,
  /** A file is complete so long after its interval, when every thread has handed over what belongs to it. */
  graceMs: 2000,
  /** Files that are written to at once; more are opened and closed for every write. */
  maxOpenFiles: 256,
  /** Of what is not delivered: past it the oldest files go. */
  maxSpoolBytes: 1024 * 1024 * KiB,
  /** Between two attempts to deliver to one bucket. */
  minBackoffMs: 1000,
  maxBackoffMs: 5 * 60_000,
  /** An attempt that takes longer has failed. */
  putTimeoutMs: 60_000,
  /** How long a stopping process tries to deliver what it has. */
  stopMs: 2000,
} as const;

/** Certificates: sizes as AWS has them; counts are *ours*, since there is nobody to ask for more than AWS's 20. */
export const CERTIFICATES = {
  iam: { maxCount: 1000, maxBodyLength: 16_384, maxKeyLength: 16_384, maxChainLength: 2_097_152 },
  acm: { maxCount: 2500, maxBodyLength: 32_768, maxKeyLength: 5120, maxChainLength: 2_097_152 },
  maxChainLength: 16,
  /** *Ours*: of PEM that is told again as it was given, comments and all; what is longer is told as it is kept. */
  maxGivenLength: 64 * KiB,
  /** Names of one requested certificate. */
  maxDomainNames: 100,
  /** *Ours*: days that a requested (self-signed) certificate is valid. */
  validDays: 397,
  /** *Ours*: from so many days before its end on, a certificate is warned of. */
  warnDays: 30,
} as const;

/** Days that the points of CloudWatch's metrics are kept: AWS keeps one-minute points as long. */
export const METRIC_DAYS = 15;

/** *Ours*: what the EC2 endpoint of the configuration may take and answer. */
export const EC2_ENDPOINT = {
  /** One call, to the last byte of its answer. */
  timeoutMs: 5000,
  maxAnswerBytes: 8 * 1024 * KiB,
  maxDepth: 32,
  maxPages: 32,
  /** AWS takes so many values of one filter. */
  idsPerCall: 200,
  /** Calls under way at once. */
  maxAsking: 16,
  /** What was asked for is known for so long, and is asked for again as often. */
  refreshMs: 60_000,
  /** How long a start waits for the first answers. */
  patienceMs: 6000,
} as const;

/** The API endpoint. All but the clock skew are *ours*. */
export const API = {
  maxBodyBytes: 1024 * KiB,
  /** Bodies of all requests that are being read or answered. */
  maxBufferedBytes: 64 * 1024 * KiB,
  /** Request line and headers: a presigned call with a page of names fits. */
  maxHeaderBytes: 64 * KiB,
  maxHeaders: 256,
  maxConnections: 1024,
  maxParameters: 8192,
  maxNesting: 16,
  maxListIndex: 2048,
  clockSkewMs: 15 * 60_000,
  /** From the first byte of a request to the end of its headers, and to its end. */
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  /** An idle connection between requests, and one whose peer takes no bytes of an answer. */
  idleTimeoutMs: 60_000,
  /** How long a change may take to reach the traffic threads before its call is answered all the same. */
  appliedTimeoutMs: 5000,
  /** How often a call decides again because another process committed first. */
  maxAttempts: 16,
  /** Host names that one call looks up at once. */
  maxLookUps: 16,
} as const;

assert(HTTP_HEAD.maxLineBytes <= HTTP_HEAD.maxBytes, 'a line fits into a head');
assert(LONG_HEAD.bytes <= BUFFERS.firstRead, 'one read tells that a head is long');
assert(BUFFERS.compose >= BUFFERS.sharedRead + 4 * KiB, 'one read and the lines that we add fit');
assert(HEALTH_CHECK.timeout.min < HEALTH_CHECK.interval.min, 'the shortest timeout is below the shortest interval');
assert(
  LISTENING.extraBacklog * (LISTENING.maxSockets - 1) <= LISTENING.backlog,
  'more sockets at most double how many may wait',
);
