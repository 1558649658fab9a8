/** What a client may be sent in answer to its requests. */
import { isDeepStrictEqual } from 'node:util';
import type { DesyncMitigationMode } from '../../src/model/load-balancer.ts';
import { relayedInterim, relayedResponse } from '../support/reference-forwarding.ts';
import { fold, passesUpgrade, valuesOf } from '../support/reference-headers.ts';
import type { Header } from '../support/reference-request-head.ts';
import type { RequestMessage } from '../support/reference-reader.ts';
import { readResponse, type MeasuredResponse, type ResponseMessage } from '../support/reference-response.ts';
import { behind, hold, isHeadWhole, readWithRestarts, shown, type Answer, type Conversation } from './engine-record.ts';
import type { Attributed, Record } from './engine-properties.ts';
import { hopeFor, hopeForResponse } from './http-properties.ts';
import type { World } from './engine-world.ts';

/** What weir answers by itself. */
const OWN_ANSWER =
  /^HTTP\/1\.1 (?:(400) BAD_REQUEST|(405) METHOD_NOT_ALLOWED|(408) REQUEST_TIMEOUT|(502) Bad Gateway|(503) Service Unavailable: Back-end server is at capacity|(504) GATEWAY_TIMEOUT)\r\nContent-Length: 0\r\nConnection: (?:Close|keep-alive)\r\n\r\n$/;

const IDEMPOTENT = ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'];

/** The status of an answer of our own; undefined for what came from a back end. */
export function ownStatus({ text, reading }: Answer): number | undefined {
  let final = text;
  for (let i = 0; i < reading.interim.length; i++) final = final.slice(final.indexOf('\r\n\r\n') + 4);
  const match = OWN_ANSWER.exec(final);
  return match === null ? undefined : Number(match.slice(1).find((group) => group !== undefined));
}

/** Every answer is that to its request, in order, whole or recognisably not, and nothing else is sent. */
export function assertAnswers(conversation: Conversation, record: Record): void {
  const { client, connection, answers, requests } = conversation;
  const mine = record.exchanges.filter((exchange) => exchange.conversation === conversation);
  answers.forEach((answer, index) => {
    const attempts = mine.filter((exchange) => exchange.index === index);
    const message = requests.messages[index] ?? requests.unfinished;
    const what = `answer ${index} to ${client.name}`;
    assertRetries(attempts, what, record.world);
    const own = ownStatus(answer);
    if (own === undefined) assertRelayed(answer, attempts.at(-1), message, what, record.world);
    else assertOwn({ status: own, index, answer, what }, attempts, conversation, record.world);
    const closes = announcesClose(answer, message);
    if (closes) hold(index === answers.length - 1, () => `${what} announces the end, and another one follows`);
  });
  for (const { index, backend } of mine) {
    const before = answers[index - 1];
    const closed = before !== undefined && announcesClose(before, requests.messages[index - 1]);
    hold(
      !closed,
      () => `${backend.name} is sent request ${index} of ${client.name}, whose connection was to end before`,
    );
  }
  const last = answers.at(-1)?.reading.response;
  const cut = connection.peer.received.length < connection.sent.text.length;
  const passesForWhole = last?.framing === 'close' && cut && connection.peer.sawEnd && !client.aborted;
  hold(!passesForWhole, () => `${client.name}: a response that was cut off passes for whole`);
}

/** A request was sent again only if that is safe. */
function assertRetries(attempts: readonly Attributed[], what: string, { preconnect }: World): void {
  hold(attempts.length <= 2, () => `${what}: the request was sent ${attempts.length} times`);
  const [first, second] = attempts;
  if (first === undefined || second === undefined) return;
  // One that was opened in advance may have waited for so long that it counts as reused.
  const reused = first.number > 0 || preconnect;
  const safe = reused && first.answer === '' && first.whole && IDEMPOTENT.includes(first.request.method);
  hold(
    safe,
    () => `${what}: the request was sent again: ${JSON.stringify(first.request)}, answered ${shown(first.answer)}`,
  );
  hold(
    first.connection.closedAt < second.startedAt,
    () => `${what}: the request was sent again while it was being served`,
  );
}

/** It is what the back end answered. */
function assertRelayed(
  { reading, text }: Answer,
  exchange: Attributed | undefined,
  message: RequestMessage | undefined,
  what: string,
  world: World,
): void {
  hold(exchange !== undefined && message !== undefined, () => `${what} comes from nowhere: ${shown(text)}`);
  const expected = responseTo(exchange, message, world);
  const interim = message.version === '1.0' ? [] : expected.interim.map(relayedInterim);
  const told = (): string => `${what} is ${shown(text)}; ${exchange.backend.name} answered ${shown(exchange.answer)}`;
  const { response } = reading;
  if (response === undefined) {
    hold(isDeepStrictEqual(reading.interim, interim.slice(0, reading.interim.length)), told);
    return;
  }
  hold(isDeepStrictEqual(reading.interim, interim) && expected.response !== undefined, told);
  const wanted = relayedResponse(expected.response, message.version);
  const served = world.slotOf(exchange.connection);
  const { bare, option } = withoutOurs(response, world.sessions?.cookiesFor(message, expected.response, served) ?? 0);
  const options = optionsOf(wanted, message.version);
  hold(options.includes(option), () => `${what} says of its connection ${JSON.stringify(option)}: ${shown(text)}`);
  const framing = text.slice(0, text.indexOf('\r\n\r\n')).match(/\n(?:content-length|transfer-encoding):/gi) ?? [];
  hold(new Set(framing.map(fold)).size <= 1, () => `${what} is told twice how long it is: ${shown(text)}`);
  const whole = reading.end !== 'unfinished';
  if (whole) {
    const complete = expected.end === 'complete' || expected.end === 'spent';
    hold(complete, () => `${what} passes for whole, which it was not (${expected.end}): ${told()}`);
    hold(isDeepStrictEqual(bare, wanted), told);
    return;
  }
  const head = (each: ResponseMessage): ResponseMessage => ({ ...each, body: '', trailers: [] });
  hold(isDeepStrictEqual(head(bare), head(wanted)) && wanted.body.startsWith(bare.body), told);
}

/** What may stand in the Connection header of such a response. */
function optionsOf({ status, headers }: ResponseMessage, clientVersion: '1.0' | '1.1'): string[] {
  if (status === 101) return ['upgrade'];
  if (clientVersion === '1.0') return ['close', 'keep-alive'];
  return valuesOf(headers, 'Upgrade').length > 0 ? ['close, upgrade', 'upgrade'] : ['close', ''];
}

/** What the back end answered, as far as weir was given it. */
export function responseTo(exchange: Attributed, message: RequestMessage, world: World): MeasuredResponse {
  const { endedAt, closedAt } = exchange.connection;
  const upgrade = world.upgrade && passesUpgrade(message.version, message.headers);
  return readResponse(exchange.answer, message.method, endedAt < closedAt, upgrade);
}

/** Our last headers: `cookies` of a sticky session, and Connection. */
function withoutOurs(response: ResponseMessage, cookies: number): { bare: ResponseMessage; option: string } {
  const option = ourOption(response);
  const headers = option === '' ? response.headers : response.headers.slice(0, -1);
  const isOurs = ([name, value]: Header): boolean =>
    name === 'Set-Cookie' && /^AWSELB(?:CORS)?=[0-9A-F]+(?:;|$)/.test(value);
  const found = headers.filter(isOurs).length;
  hold(
    found === cookies,
    () => `a response has ${found} cookies of a session, not ${cookies}: ${JSON.stringify(headers)}`,
  );
  return { bare: { ...response, headers: headers.slice(0, headers.length - cookies) }, option };
}

function ourOption({ headers }: ResponseMessage): string {
  const last = headers.at(-1);
  return last?.[0] === 'Connection' ? last[1] : '';
}

/** Does the answer say that it is the last one? */
export function announcesClose({ reading }: Answer, message: RequestMessage | undefined): boolean {
  if (reading.response === undefined || reading.response.status === 101) return false;
  const option = ourOption(reading.response);
  return fold(option).startsWith('close') || (message?.version === '1.0' && fold(option) !== 'keep-alive');
}

/** There was a reason for an answer of our own. */
function assertOwn(
  { status, index, answer, what }: { status: number; index: number; answer: Answer; what: string },
  attempts: readonly Attributed[],
  { connection, restarts }: Conversation,
  { faults, mode, silentSince }: World,
): void {
  const { given, endedAt } = connection;
  const answeredAt = connection.sent.momentOf(answer.end - 1);
  const late = answeredAt > silentSince;
  // What came later was not looked at any more.
  const asked = given.text.slice(0, given.before(answeredAt));
  const requests = readWithRestarts(asked, restarts, mode);
  const { end, messages } = requests;
  const because = (reason: boolean): void =>
    hold(reason, () => `${what} is ${status}, without a reason; the requests end ${JSON.stringify(end)}`);
  const last = attempts.at(-1);
  const ended = endedAt < answeredAt;
  const isLast = index === messages.length;
  switch (status) {
    case 400:
    case 405:
      if (end.kind === 'refused') because(isLast && end.status === status);
      else because(isLast && end.kind === 'unfinished' && (ended || isHopeless(asked, restarts, mode)));
      return;
    case 408:
      because(isLast && (ended || late) && (end.kind === 'unfinished' || !isHeadWhole(behind(asked, requests))));
      return;
    case 502:
      because(last !== undefined && isBroken(last, requests.messages[index] ?? requests.unfinished));
      return;
    case 503:
      because(faults.connects || faults.control);
      return;
    default:
      because(late || faults.control || (last !== undefined && last.answer === ''));
  }
}

/** Can what was asked, from the last restart on, become no request any more? */
function isHopeless(asked: string, restarts: readonly number[], mode: DesyncMitigationMode): boolean {
  return hopeFor(asked.slice(restarts.at(-1) ?? 0), mode) === undefined;
}

/** Is what came back no response, or the beginning of one that is not to be had? */
function isBroken({ answer, connection }: Attributed, message: RequestMessage | undefined): boolean {
  const method = message?.method ?? 'GET';
  const { end, response } = readResponse(answer, method, false);
  if (end === 'refused') return true;
  const codings = valuesOf(response?.headers ?? [], 'Transfer-Encoding')
    .map(fold)
    .join();
  if (message?.version === '1.0' && response?.framing === 'chunked' && codings !== 'chunked') return true;
  if (end !== 'unfinished' || answer === '') return false;
  return (response === undefined && connection.closed) || hopeForResponse(answer, method) === undefined;
}
