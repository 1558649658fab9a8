/** How a well-behaved client fares: a steady trickle of requests from a process of its own, while others misbehave. */
import { HTTP_PORT } from '../../bench/addresses.ts';
import { CURL_HEADERS } from '../../bench/load/headers.ts';
import { runWrk } from '../../bench/load/wrk.ts';
import type { ClientFigures } from '../../bench/sample.ts';
import { errorCount, errorsText, milliseconds } from './figures.ts';
import type { Lab } from './lab.ts';
import { PATHS } from './servers.ts';

const CONNECTIONS = 10;
const RATE_PER_SECOND = 200;
/**
 * What passes for the same on a machine that others use as well. The misbehaving clients run on the same cores, so that
 * some of what is seen is theirs.
 */
const ALLOWED = { p50: { factor: 2, plusUs: 3000 }, p99: { factor: 3, plusUs: 25_000 } } as const;

/** Sends for `seconds` over that many connections and tells what it saw. */
export function measureLatency(
  lab: Lab,
  seconds: number,
  { connections = CONNECTIONS, starter }: { readonly connections?: number; readonly starter?: readonly string[] } = {},
): Promise<ClientFigures> {
  return runWrk(lab.processes, {
    url: `http://${lab.addresses.front}:${HTTP_PORT}${PATHS.small}`,
    connections,
    seconds,
    headers: CURL_HEADERS,
    ratePerSecond: RATE_PER_SECOND,
    expectedBodyBytes: 1024,
    cpus: undefined,
    starter,
  });
}

/** Puts a measurement without the others into the table. */
export function noteLatency(lab: Lab, when: string, seen: ClientFigures): void {
  lab.figures.note(`latency ${when}: p50`, milliseconds(seen.p50Us));
  lab.figures.note(`latency ${when}: p99`, milliseconds(seen.p99Us));
}

/** Demands that a client saw about the same `when` the others were there as it did `before`. */
export function demandUnharmed(lab: Lab, when: string, before: ClientFigures, during: ClientFigures): void {
  const p50 = before.p50Us * ALLOWED.p50.factor + ALLOWED.p50.plusUs;
  const p99 = before.p99Us * ALLOWED.p99.factor + ALLOWED.p99.plusUs;
  const { figures } = lab;
  figures.demand(`latency ${when}: p50`, milliseconds(during.p50Us), `<= ${milliseconds(p50)}`, during.p50Us <= p50);
  figures.demand(`latency ${when}: p99`, milliseconds(during.p99Us), `<= ${milliseconds(p99)}`, during.p99Us <= p99);
  figures.demand(`errors ${when}`, errorsText(during.errors), 'none', errorCount(during.errors) === 0);
  figures.note(`requests ${when}`, during.requests);
}
