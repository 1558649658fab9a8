/** One attack: what it takes of a weir, what it costs who leads it, and what others notice. */
import { HTTP_PORT } from '../../bench/addresses.ts';
import type { ClientFigures } from '../../bench/sample.ts';
import { medianOf } from '../../bench/summary.ts';
import { errorCount, errorsText, megabytes, milliseconds, renderTable } from './figures.ts';
import { Flood, wireBytes, type FloodFigures, type FloodPlan } from './flood.ts';
import { measureLatency } from './latency.ts';
import { lastFor, until, type Lab } from './lab.ts';
import { peakWhile } from './memory.ts';
import { PATHS } from './servers.ts';

export const HTTPS_PORT = HTTP_PORT + 363;
export const ATTACK_SECONDS = 6;
/** So many that others who have to wait are more than one in a hundred, however few of them wait at once. */
const PROBE_CONNECTIONS = 50;
/** Of those who are not connected yet. */
const NEW_PER_SECOND = 20;
const REQUEST = Buffer.from(`GET ${PATHS.small} HTTP/1.1\r\nHost: www.example.test\r\nConnection: close\r\n\r\n`);
/** Of a first time, once all that stay are there. */
const REHEARSAL_MS = 2000;
const RECOVERY_MS = 30_000;
/** Clients that are no attack. */
const FEW = 20;
/** Of the rate that was asked for: less is another attack. */
const MIN_OFFERED = 0.95;
const P99_FACTOR = 2;
/** So often are others watched, before and during: one pause of a few milliseconds is a p99, and comes and goes. */
const WATCHES = 3;

export interface Attack extends Pick<FloodPlan, 'count' | 'ratePerSecond' | 'together' | 'drip' | 'leave'> {
  readonly name: string;
  readonly first: Buffer;
  readonly secure?: boolean;
  /** They come from many addresses: who closes in good order keeps its port for a minute. */
  readonly scattered?: boolean;
}

/** Who is attacked. */
export interface Attacked {
  readonly residentBytes: number;
  readonly cpuSeconds: number;
  /** Connections of HTTP that it has accepted since it was started. */
  accepted(): Promise<number>;
  /** Clients of HTTP that are connected now. */
  connected(): Promise<number>;
}

/** Who is attacked, and what starts those who are watched meanwhile ({@link servedFirst}). */
export interface Stage {
  readonly attacked: Attacked;
  readonly starter: readonly string[];
}

/** What it held for the clients of an attack. */
interface Held {
  readonly flood: FloodFigures;
  readonly startBytes: number;
  readonly peakBytes: number;
}

/** What others saw: those who are connected, and those who come, ask once and go. */
interface Others {
  readonly connected: ClientFigures;
  readonly new: FloodFigures;
}

/** One time that it was led while others were watched. */
interface Watch {
  readonly flood: FloodFigures;
  /** How many were accepted, where that is told. */
  readonly accepted: number | undefined;
  /** Just before it. */
  readonly before: Others;
  readonly during: Others;
  readonly cpuSeconds: number;
}

/** What came of it. */
export interface Endured {
  readonly attack: Attack;
  /** The first time: memory that has been used once is used again. */
  readonly held: Held;
  readonly watches: readonly Watch[];
}

/** Leads the attack, and then again a few times while others go on as they did before. */
export async function endure(lab: Lab, stage: Stage, attack: Attack): Promise<Endured> {
  lab.say(`${attack.name}: ${attack.count} clients, ${attack.ratePerSecond} a second`);
  const held = await rehearse(lab, stage.attacked, attack);
  const watches: Watch[] = [];
  while (watches.length < WATCHES) watches.push(await watch(lab, stage, attack));
  return { attack, held, watches };
}

async function watch(lab: Lab, { attacked, starter }: Stage, attack: Attack): Promise<Watch> {
  const before = await probe(lab, starter);
  const { cpuSeconds: cpuBefore } = attacked;
  const acceptedBefore = await attacked.accepted();
  const flood = await Flood.start(lab, planOf(lab, attack));
  const stays = attack.leave === undefined;
  const [during] = await Promise.all([probe(lab, starter), stays ? flood.gathered() : undefined]);
  const cpuSeconds = attacked.cpuSeconds - cpuBefore;
  const figures = await flood.end();
  await untilGone(attacked);
  const accepted = attack.secure === true ? undefined : (await attacked.accepted()) - acceptedBefore;
  return { flood: figures, accepted, before, during, cpuSeconds };
}

/**
 * The first time: memory is new, machine code is being made, the table of descriptors grows. All of that is over for a weir that has
 * stood for a while, which is what others are watched at.
 */
async function rehearse(lab: Lab, attacked: Attacked, attack: Attack): Promise<Held> {
  const { residentBytes: startBytes } = attacked;
  const flood = await Flood.start(lab, planOf(lab, attack));
  const { peakBytes } = await peakWhile(attacked, async () => {
    await (attack.leave === undefined ? flood.gathered() : flood.begun());
    await lastFor(REHEARSAL_MS);
  });
  const figures = await flood.end();
  await untilGone(attacked);
  return { flood: figures, startBytes, peakBytes };
}

async function probe(lab: Lab, starter: readonly string[]): Promise<Others> {
  const { front: host, sources } = lab.addresses;
  const trickle = { host, port: HTTP_PORT, sources, count: 2 * ATTACK_SECONDS * NEW_PER_SECOND };
  const leave = { afterMs: 60_000, how: 'close' } as const;
  const first = REQUEST.toString('base64');
  const comers = await Flood.startTrickle(lab, { ...trickle, ratePerSecond: NEW_PER_SECOND, first, leave }, starter);
  await comers.begun();
  const connected = await measureLatency(lab, ATTACK_SECONDS, { connections: PROBE_CONNECTIONS, starter });
  return { connected, new: await comers.end() };
}

function planOf(lab: Lab, attack: Attack): FloodPlan {
  const { front: host, sources } = lab.addresses;
  const { count, ratePerSecond, together, drip, leave, first, secure, scattered } = attack;
  return {
    host,
    port: secure === true ? HTTPS_PORT : HTTP_PORT,
    sources: scattered === true ? sources : [],
    count,
    ratePerSecond,
    first: first.toString('base64'),
    ...(together === undefined ? {} : { together }),
    ...(drip === undefined ? {} : { drip }),
    ...(leave === undefined ? {} : { leave }),
  };
}

function untilGone(attacked: Attacked): Promise<unknown> {
  return until('the clients are gone', RECOVERY_MS, async () => (await attacked.connected()) < FEW);
}

/** Memory that is held for each byte that those who stay have sent over the network; undefined where all leave. */
export function amplification({ attack, held }: Endured): number | undefined {
  const { flood, startBytes, peakBytes } = held;
  return attack.leave === undefined ? Math.max(0, peakBytes - startBytes) / wireBytes(flood) : undefined;
}

const perSecond = ({ offered, offeredMs }: FloodFigures): number => (offered / offeredMs) * 1000;
const factorOf = ({ before, during }: Watch): number => during.connected.p99Us / before.connected.p99Us;
const errorsOf = ({ during }: Watch): number => errorCount(during.connected.errors);

/** The median of what was measured each time. */
function typical({ watches }: Endured, of: (watch: Watch) => number): number {
  return medianOf(watches.map(of));
}

/** p50 and p99 of those whom `of` names. */
function both(endured: Endured, of: (watch: Watch) => Pick<ClientFigures, 'p50Us' | 'p99Us'>): string {
  const p50Us = typical(endured, (watch) => of(watch).p50Us);
  return `${milliseconds(p50Us)}, ${milliseconds(typical(endured, (watch) => of(watch).p99Us))}`;
}

/** How many times the p99 of before others see meanwhile: the median, the least and the most. */
function factorText(endured: Endured): string {
  const all = endured.watches.map(factorOf);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  return `${typical(endured, factorOf).toFixed(2)} (${least.toFixed(2)}-${most.toFixed(2)})`;
}

/** Puts into the table what must hold of every attack, and what it has cost. */
export function demandBounds({ figures }: Lab, endured: Endured): void {
  const { attack, held, watches } = endured;
  const { name, ratePerSecond } = attack;
  const wanted = ratePerSecond * MIN_OFFERED;
  const offered = typical(endured, ({ flood }) => perSecond(flood));
  figures.demand(`${name}: offered, a second`, offered.toFixed(0), `>= ${wanted.toFixed(0)}`, offered >= wanted);
  if (attack.leave === undefined) {
    const connected = typical(endured, ({ flood }) => flood.connected);
    const lost = watches.reduce((sum, { flood }) => sum + flood.failed + flood.ended, 0);
    figures.demand(`${name}: held, lost`, `${connected}, ${lost}`, '0 lost', lost === 0);
  }
  figures.note(`${name}: RSS before, at most`, `${megabytes(held.startBytes)}, ${megabytes(held.peakBytes)}`);
  const cpuSeconds = typical(endured, (watch) => watch.cpuSeconds);
  const cpuUs = typical(endured, (watch) => (watch.cpuSeconds * 1e6) / Math.max(1, watch.flood.connected));
  figures.note(`${name}: CPU of weir`, `${cpuSeconds.toFixed(1)} s, ${cpuUs.toFixed(0)} us for each connection`);
  figures.note(`${name}: others before: p50, p99`, before(endured));
  figures.note(`${name}: others: p50, p99`, during(endured));
  const unharmed = typical(endured, factorOf) < P99_FACTOR;
  figures.demand(`${name}: others' p99, times that before`, factorText(endured), `< ${P99_FACTOR}`, unharmed);
  const failed = watches.find((watch) => errorsOf(watch) > 0)?.during.connected.errors ?? {};
  figures.demand(`${name}: others' errors`, errorsText(failed), 'none', errorCount(failed) === 0);
  figures.note(`${name}: new clients before, during: p50, p99`, `${newBefore(endured)}; ${newDuring(endured)}`);
}

const before = (endured: Endured): string => both(endured, (watch) => watch.before.connected);
const during = (endured: Endured): string => both(endured, (watch) => watch.during.connected);
const newBefore = (endured: Endured): string => both(endured, (watch) => watch.before.new);
const newDuring = (endured: Endured): string => both(endured, (watch) => watch.during.new);

/** A line for each. */
export function attackTable(all: readonly Endured[]): string {
  const head = ['attack', 'offered', 'a second', 'accepted', 'held for each', 'per byte sent'];
  const others = ['before: p50, p99', 'during: p50, p99', 'p99 times', 'new clients before', 'during', 'verdict'];
  return renderTable([...head, ...others], all.map(attackRow), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
}

function attackRow(endured: Endured): string[] {
  const { attack, held, watches } = endured;
  const amplified = amplification(endured);
  const heldBytes = (held.peakBytes - held.startBytes) / Math.max(1, held.flood.connected);
  const isUnharmed = typical(endured, factorOf) < P99_FACTOR && watches.every((watch) => errorsOf(watch) === 0);
  return [
    attack.name,
    String(typical(endured, ({ flood }) => flood.offered)),
    typical(endured, ({ flood }) => perSecond(flood)).toFixed(0),
    acceptedText(endured),
    amplified === undefined ? '' : `${(heldBytes / 1024).toFixed(1)} KB`,
    amplified?.toFixed(1) ?? '',
    before(endured),
    during(endured),
    factorText(endured),
    newBefore(endured),
    newDuring(endured),
    isUnharmed ? 'unharmed' : 'HARMED',
  ];
}

function acceptedText(endured: Endured): string {
  if (endured.attack.secure === true) return `${typical(endured, ({ flood }) => flood.answered)} answered`;
  return String(typical(endured, ({ accepted }) => accepted ?? 0));
}
