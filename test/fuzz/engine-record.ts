/** What happened in a run, read by the reference reader: which request went where, and what came back for it. */
import type { FakeConnection } from '../support/fake-connection.ts';
import type { DesyncMitigationMode } from '../../src/model/load-balancer.ts';
import { FORWARDED_LIMITS } from '../support/reference-forwarding.ts';
import { asksForUpgrade, connectionOptions, passesUpgrade } from '../support/reference-headers.ts';
import { readRequests, type MeasuredRequests, type RequestMessage } from '../support/reference-reader.ts';
import { readRequestHead } from '../support/reference-request-head.ts';
import { readResponse, type MeasuredResponse } from '../support/reference-response.ts';
import type { ScriptedClient } from './engine-actors.ts';
import type { ScriptedBackend } from './engine-backend.ts';
import { KEPT_FINDINGS } from './http-properties.ts';
import type { World } from './engine-world.ts';

/** One request as it went to a back end, and what that sent until the next one. */
export interface Exchange {
  readonly backend: ScriptedBackend;
  readonly connection: FakeConnection;
  /** Its number on the connection, from 0. */
  readonly number: number;
  readonly request: RequestMessage;
  /** All of it was sent. */
  readonly whole: boolean;
  readonly startedAt: number;
  /** When its last byte was sent; Infinity when it was not. */
  readonly wholeAt: number;
  /** What weir was given from then on. */
  readonly answer: string;
  /** When weir was given the last of it; -Infinity when there is nothing. */
  readonly answeredAt: number;
  /** What was sent behind the request after a switch of protocols. */
  tunnel: string;
}

/** A response as it went to a client. */
export interface Answer {
  readonly reading: MeasuredResponse;
  /** All bytes of it, interim responses included. */
  readonly text: string;
  /** Where it ends in what was sent; Infinity when it does not. */
  readonly end: number;
}

/** What a client asked and was answered. */
export interface Conversation {
  readonly client: ScriptedClient;
  readonly connection: FakeConnection;
  readonly requests: MeasuredRequests;
  /** Where reading went on after a declined Upgrade: offsets in what weir was given. */
  readonly restarts: readonly number[];
  readonly answers: readonly Answer[];
  /** The protocol was switched; what followed, towards the client. */
  readonly tunnelled: boolean;
  readonly tunnel: string;
}

export class Defect extends Error {
  override name = 'Defect';
}

/** Fails the run unless `condition` holds. */
export function hold(condition: boolean, what: () => string): asserts condition {
  if (!condition) throw new Defect(what());
}

/** All requests that went to a back end over one connection. */
export function exchangesOf(backend: ScriptedBackend, world: World): Exchange[] {
  const { connection } = backend;
  const { text } = connection.sent;
  const starts: { at: number; request: RequestMessage; size: number | undefined }[] = [];
  for (let at = 0; at < text.length;) {
    const rest = text.slice(at);
    const { messages, sizes, unfinished, end } = readRequests(rest, 'monitor', FORWARDED_LIMITS);
    hold(
      end.kind !== 'refused',
      () => `${backend.name} is sent what is no request (${JSON.stringify(end)}): ${shown(rest)}`,
    );
    const request = messages[0] ?? unfinished;
    hold(request !== undefined, () => `${backend.name} is sent part of a head: ${shown(rest)}`);
    hold(connection.sent.beginsAt(at), () => `${backend.name}: a request is sent together with the one before it`);
    assertPlain(rest, backend.name);
    starts.push({ at, request, size: sizes[0] });
    if (sizes[0] === undefined || switchedAfter(connection, at, request, world)) break;
    at += sizes[0];
  }
  return starts.map(({ at, request, size }, number) => {
    const startedAt = connection.sent.momentOf(at);
    const next = starts[number + 1];
    const from = connection.given.before(startedAt);
    const to =
      next === undefined ? connection.given.text.length : connection.given.before(connection.sent.momentOf(next.at));
    return {
      backend,
      connection,
      number,
      request,
      whole: size !== undefined,
      startedAt,
      wholeAt: size === undefined ? Infinity : connection.sent.momentOf(at + size - 1),
      answer: connection.given.text.slice(from, to),
      answeredAt: from === to ? -Infinity : connection.given.momentOf(to - 1),
      tunnel: next === undefined && size !== undefined ? text.slice(at + size) : '',
    };
  });
}

/** Is what follows the request at `at` another protocol? */
function switchedAfter(connection: FakeConnection, at: number, request: RequestMessage, world: World): boolean {
  if (!world.upgrade || !passesUpgrade(request.version, request.headers)) return false;
  const answer = connection.given.text.slice(connection.given.before(connection.sent.momentOf(at)));
  return readResponse(answer, request.method, false, true).response?.status === 101;
}

/** What is forwarded can be read in one way only: nothing is left that the classifier objects to, but what it keeps on purpose. */
function assertPlain(text: string, name: string): void {
  const { reason, head } = readRequestHead(text, FORWARDED_LIMITS);
  const lines = text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n');
  hold('method' in head && KEPT_FINDINGS.has(reason), () => `${name} is sent a head that is ${reason}: ${shown(text)}`);
  hold(lines[0]!.endsWith(' HTTP/1.1'), () => `${name} is sent another version than HTTP/1.1: ${shown(text)}`);
  const framing = lines.filter((line) => /^(transfer-encoding|content-length):/i.test(line));
  hold(framing.length <= 1, () => `${name} is told twice how long a request is: ${shown(text)}`);
}

/** What went between weir and a client. */
export function conversationOf(client: ScriptedClient, connection: FakeConnection, world: World): Conversation {
  const { given } = connection;
  const restarts: number[] = [];
  for (;;) {
    const requests = readWithRestarts(given.text, restarts, world.mode);
    const size = requests.sizes.reduce((sum, each) => sum + each, 0);
    if (given.text.length === size || !goesOn(client, connection, requests, size, world)) {
      const answers = answersTo(client, connection, requests, world, Infinity);
      return { client, connection, requests, restarts, ...answers };
    }
    restarts.push(size);
  }
}

/**
 * Was the last request an Upgrade that was declined? What had come before the answer was not for us to read; if nothing had,
 * HTTP goes on.
 */
function goesOn(
  client: ScriptedClient,
  connection: FakeConnection,
  requests: MeasuredRequests,
  size: number,
  world: World,
): boolean {
  if (!mayGoOn(requests)) return false;
  const { length } = requests.messages;
  const answer = answersTo(client, connection, requests, world, length).answers[length - 1];
  if (answer === undefined || answer.end === Infinity || answer.reading.response?.status === 101) return false;
  return connection.given.before(connection.sent.momentOf(answer.end - 1)) === size;
}

/** What stands behind the requests that were read. */
export function behind(text: string, { sizes }: MeasuredRequests): string {
  return text.slice(sizes.reduce((sum, each) => sum + each, 0));
}

/** Is there an empty line? A head that came in parts is looked at when it may be whole. */
export function isHeadWhole(text: string): boolean {
  return /\n\r?\n/.test(text);
}

/** Reads requests, and goes on reading at some offsets where the reference reader itself would stop. */
export function readWithRestarts(
  text: string,
  restarts: readonly number[],
  mode: DesyncMitigationMode,
): MeasuredRequests {
  let requests = readRequests(text, mode);
  for (const offset of restarts.filter((each) => each < text.length)) {
    const more = readRequests(text.slice(offset), mode);
    const messages = [...requests.messages, ...more.messages];
    requests = { ...more, messages, sizes: [...requests.sizes, ...more.sizes] };
  }
  return requests;
}

/** Is the end that the last request asks for another protocol, and nothing else? */
function mayGoOn({ messages, end, suspect }: MeasuredRequests): boolean {
  const last = messages.at(-1);
  if (last === undefined || end.kind !== 'closed' || suspect) return false;
  return asksForUpgrade(last.version, last.headers) && !connectionOptions(last.headers).includes('close');
}

function answersTo(
  client: ScriptedClient,
  connection: FakeConnection,
  requests: MeasuredRequests,
  world: World,
  max: number,
): Pick<Conversation, 'answers' | 'tunnelled' | 'tunnel'> {
  const { text } = connection.sent;
  const answers: Answer[] = [];
  for (let at = 0; at < text.length && answers.length < max;) {
    const message = requests.messages[answers.length] ?? requests.unfinished;
    const upgrade = world.upgrade && message !== undefined && passesUpgrade(message.version, message.headers);
    const rest = text.slice(at);
    const { sawEnd } = connection.peer;
    const reading = readResponse(rest, message?.method ?? 'GET', sawEnd, upgrade, FORWARDED_LIMITS);
    hold(
      reading.end !== 'refused',
      () => `${client.name} is sent what is no response (${reading.why}): ${shown(rest)}`,
    );
    const over = reading.end === 'unfinished';
    answers.push({
      reading,
      text: over ? rest : rest.slice(0, reading.size),
      end: over ? Infinity : at + reading.size,
    });
    if (over) break;
    at += reading.size;
    if (reading.response?.status === 101) return { answers, tunnelled: true, tunnel: text.slice(at) };
  }
  return { answers, tunnelled: false, tunnel: '' };
}

/** Bytes in a message to whoever looks into a finding. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 600 ? `${text.slice(0, 500)}…${text.slice(-80)}` : text);
}
