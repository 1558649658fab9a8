/**
 * Counters in shared memory: one buffer per load balancer, one row per traffic thread, one writer per row. A scrape
 * sums the rows and costs the traffic nothing. Cells are float64: whole numbers exact up to 2^53, seconds for sums.
 */

import { assert } from '../kit/assert.ts';
import { MAX_THREADS } from '../model/limits.ts';
import { HANDSHAKE_CELLS } from './handshake-counters.ts';
import { MAX_COUNTED_ZONES, ZONE_BLOCK_CELLS, ZONE_CELLS } from './zone-counters.ts';

/** Upper bounds of the latency buckets, in seconds; one more bucket takes the rest. */
export const LATENCY_BUCKETS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
] as const;

/** Cells of a row, in order. Gauges go up and down within a row; the sum over the rows is the value. */
export const COUNTER = {
  /** Requests completed, and TCP connections once they have reached an instance or ended without (CloudWatch RequestCount). */
  requests: 0,
  backend2xx: 1,
  backend3xx: 2,
  backend4xx: 3,
  backend5xx: 4,
  /** 1xx as final status never happens; statuses from 600 on. */
  backendOther: 5,
  elb4xx: 6,
  elb5xx: 7,
  backendConnectionErrors: 8,
  spillover: 9,
  /** Gauge: this thread's part of the surge queue; the whole is in {@link SHARED}. */
  surgeQueueLength: 10,
  clientConnections: 11,
  /** Gauge. */
  clientConnectionsActive: 12,
  backendConnections: 13,
  /** Gauge. */
  backendConnectionsActive: 14,
  /** Bytes read from clients and written to clients, heads included. */
  receivedBytes: 15,
  sentBytes: 16,
  retries: 17,
  /** Clients that no security group lets in. */
  refusedConnections: 18,
  latencyCount: 19,
  /** Seconds from the request's dispatch to the first byte of the response; layer 4: until the connection is up. */
  latencySum: 20,
  latencyBuckets: 21,
} as const;

/** Seconds from the first byte of a request to the end of its response (HTTP), and its buckets, bounded as those of the latency. */
export const DURATION_SUM = COUNTER.latencyBuckets + LATENCY_BUCKETS.length + 1;
export const DURATION_BUCKETS = DURATION_SUM + 1;

/** One counter for each reason, in the order of wire/desync.ts. */
export const DESYNC_COUNTERS = DURATION_BUCKETS + LATENCY_BUCKETS.length + 1;
export const MAX_DESYNC_REASONS = 32;
/** From here on, what handshakes with clients ended in (traffic/handshake-counters.ts). */
export const HANDSHAKE_COUNTERS = DESYNC_COUNTERS + MAX_DESYNC_REASONS;
export const ROW_CELLS = HANDSHAKE_COUNTERS + HANDSHAKE_CELLS;

/** Int32 cells that all threads write, in front of the rows: the surge queue, where round robin stands, the log of counts. */
export const SHARED = {
  surgeQueueLength: 0,
  /** Number of the last who came to stand in line for capacity. */
  surgeTicket: 1,
  /** Sockets that each listener has in each thread besides its first (transport/extra-sockets.ts). */
  extraSockets: 2,
  /** Turns of round robin; a listener and zone uses one of them by its number. */
  cursors: 3,
  /** Its end, and from the second cell on its entries (traffic/count-log.ts). */
  countLog: 128,
} as const;
export const CURSORS = SHARED.countLog - SHARED.cursors;
/** A power of two. */
export const COUNT_LOG_ENTRIES = 512;
/** By thread and lane: the number of the first in its line for capacity, 0 when there is nobody (traffic/surge-queue.ts). */
export const SURGE_FRONTS = SHARED.countLog + 2 + COUNT_LOG_ENTRIES;
export const SURGE_LANES = 8;
const SHARED_CELLS = SURGE_FRONTS + MAX_THREADS * SURGE_LANES;
/** Behind them a cell for each zone: health checks that came to no connection, which control counts. */
const SHARED_BYTES = (SHARED_CELLS + MAX_COUNTED_ZONES) * Int32Array.BYTES_PER_ELEMENT;
assert(SHARED_BYTES % Float64Array.BYTES_PER_ELEMENT === 0, 'rows begin where numbers of their kind may');

const ROW_BYTES = ROW_CELLS * Float64Array.BYTES_PER_ELEMENT;
const ZONE_BLOCK_BYTES = ZONE_BLOCK_CELLS * Float64Array.BYTES_PER_ELEMENT;

/** The cells of all threads, the rows of all, then what each counts by zone (traffic/zone-counters.ts). */
export function makeCounters(threads: number): SharedArrayBuffer {
  assert(threads <= MAX_THREADS, 'every thread has its place');
  return new SharedArrayBuffer(SHARED_BYTES + threads * (ROW_BYTES + ZONE_BLOCK_BYTES));
}

/** For how many threads `buffer` was made. */
export function threadsOf(buffer: SharedArrayBuffer): number {
  return (buffer.byteLength - SHARED_BYTES) / (ROW_BYTES + ZONE_BLOCK_BYTES);
}

/** The cells that all threads write ({@link SHARED}). */
export function sharedCells(buffer: SharedArrayBuffer): Int32Array {
  return new Int32Array(buffer, 0, SHARED_CELLS);
}

/** The row of one thread: what that thread writes. */
export function counterRow(buffer: SharedArrayBuffer, thread: number): Float64Array {
  return new Float64Array(buffer, SHARED_BYTES + thread * ROW_BYTES, ROW_CELLS);
}

/** What one thread counts by zone. */
export function zoneBlock(buffer: SharedArrayBuffer, thread: number): Float64Array {
  const start = SHARED_BYTES + threadsOf(buffer) * ROW_BYTES + thread * ZONE_BLOCK_BYTES;
  return new Float64Array(buffer, start, ZONE_BLOCK_CELLS);
}

/** A health check has come to no connection with an instance of the zone whose cells begin at `zoneCells`. */
export function countUnreached(buffer: SharedArrayBuffer, zoneCells: number): void {
  Atomics.add(unreachedCells(buffer), zoneCells / ZONE_CELLS, 1);
}

/** The sum of all rows, cell by cell; with what health checks count, as AWS does. */
export function sumCounters(buffer: SharedArrayBuffer): Float64Array {
  const sum = sumOf(new Float64Array(buffer, SHARED_BYTES, threadsOf(buffer) * ROW_CELLS), ROW_CELLS);
  for (const unreached of unreachedCells(buffer)) sum[COUNTER.backendConnectionErrors]! += unreached;
  return sum;
}

/** The sum of what is counted by zone, cell by cell. */
export function sumZones(buffer: SharedArrayBuffer): Float64Array {
  const sum = sumOf(new Float64Array(buffer, SHARED_BYTES + threadsOf(buffer) * ROW_BYTES), ZONE_BLOCK_CELLS);
  for (const [zone, unreached] of unreachedCells(buffer).entries()) {
    sum[zone * ZONE_CELLS + COUNTER.backendConnectionErrors]! += unreached;
  }
  return sum;
}

/** By zone. */
function unreachedCells(buffer: SharedArrayBuffer): Int32Array {
  return new Int32Array(buffer, SHARED_CELLS * Int32Array.BYTES_PER_ELEMENT, MAX_COUNTED_ZONES);
}

function sumOf(cells: Float64Array, width: number): Float64Array {
  const sum = new Float64Array(width);
  for (let start = 0; start < cells.length; start += width) {
    for (let cell = 0; cell < width; cell++) sum[cell]! += cells[start + cell]!;
  }
  return sum;
}

/** Gauges of a thread that died count nothing any more; what it counted stays. */
export function forgetGauges(buffer: SharedArrayBuffer, thread: number): void {
  const row = counterRow(buffer, thread);
  const shared = sharedCells(buffer);
  Atomics.sub(shared, SHARED.surgeQueueLength, row[COUNTER.surgeQueueLength]!);
  for (let lane = 0; lane < SURGE_LANES; lane++) Atomics.store(shared, SURGE_FRONTS + thread * SURGE_LANES + lane, 0);
  for (const cell of [COUNTER.surgeQueueLength, COUNTER.clientConnectionsActive, COUNTER.backendConnectionsActive]) {
    row[cell] = 0;
  }
}

/** Adds one observation, in seconds. */
export function observeLatency(row: Float64Array, seconds: number): void {
  row[COUNTER.latencyCount]!++;
  row[COUNTER.latencySum]! += seconds;
  row[COUNTER.latencyBuckets + bucketOf(seconds)]!++;
}

/** Adds how long a request took from end to end, in seconds. */
export function observeDuration(row: Float64Array, seconds: number): void {
  row[DURATION_SUM]! += seconds;
  row[DURATION_BUCKETS + bucketOf(seconds)]!++;
}

function bucketOf(seconds: number): number {
  let bucket = 0;
  while (bucket < LATENCY_BUCKETS.length && seconds > LATENCY_BUCKETS[bucket]!) bucket++;
  return bucket;
}

/** Upper bounds of the buckets for delays of an event loop, in seconds; one more bucket takes the rest. */
export const LOOP_DELAY_BUCKETS = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] as const;

/** Process-wide cells, a row per thread. */
export const THREAD_COUNTER = {
  /** Revision of the last applied snapshot. */
  revision: 0,
  /** The watchdog's heartbeat: turns of the timer wheel, of control those of its own timer. What counts is that it changes. */
  heartbeat: 1,
  acceptErrors: 2,
  /** By how much turns of the timer wheel came late, in seconds. */
  loopDelaySum: 3,
  loopDelayBuckets: 4,
} as const;
export const THREAD_ROW_CELLS = THREAD_COUNTER.loopDelayBuckets + LOOP_DELAY_BUCKETS.length + 1;

/** Adds by how much an event loop was late, in seconds. */
export function observeLoopDelay(row: Float64Array, seconds: number): void {
  row[THREAD_COUNTER.loopDelaySum]! += seconds;
  let bucket = 0;
  while (bucket < LOOP_DELAY_BUCKETS.length && seconds > LOOP_DELAY_BUCKETS[bucket]!) bucket++;
  row[THREAD_COUNTER.loopDelayBuckets + bucket]!++;
}
