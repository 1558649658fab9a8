/** What must hold of every run of the engine. */
import { isDeepStrictEqual } from 'node:util';
import type { FakeConnection } from '../support/fake-connection.ts';
import { forwardedRequest } from '../support/reference-forwarding.ts';
import { valuesOf } from '../support/reference-headers.ts';
import type { RequestMessage } from '../support/reference-reader.ts';
import { readResponse } from '../support/reference-response.ts';
import { assertAnswers } from './engine-answers.ts';
import { conversationOf, exchangesOf, hold, shown, type Conversation, type Exchange } from './engine-record.ts';
import type { World } from './engine-world.ts';

/** An exchange, and whose it was. */
export interface Attributed extends Exchange {
  readonly conversation: Conversation;
  /** Which of the client's requests it forwards, from 0. */
  readonly index: number;
}

export interface Record {
  readonly world: World;
  readonly conversations: readonly Conversation[];
  readonly exchanges: readonly Attributed[];
}

/** Reads what has happened so far; fails where something cannot be read. */
export function recordOf(world: World): Record {
  const conversations = world.clients.flatMap((client) =>
    client.connection === undefined ? [] : [conversationOf(client, client.connection, world)],
  );
  const exchanges = world.backends.flatMap((backend) => exchangesOf(backend, world));
  exchanges.sort((a, b) => a.startedAt - b.startedAt);
  return { world, conversations, exchanges: exchanges.map((exchange) => attribute(exchange, conversations)) };
}

/** Whose request is it? The last address in X-Forwarded-For is written by weir; so many responses before it, so many requests. */
function attribute(exchange: Exchange, conversations: readonly Conversation[]): Attributed {
  const address = valuesOf(exchange.request.headers, 'X-Forwarded-For').at(-1)?.split(', ').at(-1);
  const conversation = conversations.find(({ client }) => client.address === address);
  hold(
    conversation !== undefined,
    () => `${exchange.backend.name} is sent a request of nobody: ${JSON.stringify(exchange.request)}`,
  );
  const sent = conversation.connection.sent.before(exchange.startedAt);
  const index = conversation.answers.filter(({ end }) => end <= sent).length;
  return { ...exchange, conversation, index };
}

/** Whatever happens. */
export function assertSafe(record: Record): void {
  for (const exchange of record.exchanges) assertForwarded(exchange, record.world);
  for (const backend of record.world.backends) {
    assertReuse(
      record.exchanges.filter(({ connection }) => connection === backend.connection),
      backend.name,
      record.world,
    );
  }
  for (const conversation of record.conversations) {
    assertAnswers(conversation, record);
  }
  assertCapacity(record.world);
  for (const { transport } of record.world.threads) {
    for (const { sent, peer } of transport.connections) {
      hold(sent.text.startsWith(peer.received), () => `a peer got other bytes than were sent: ${shown(peer.received)}`);
    }
  }
}

/** The request is the client's, as it must be forwarded. */
function assertForwarded(exchange: Attributed, world: World): void {
  const { conversation, index, request, whole, backend } = exchange;
  const { requests, client } = conversation;
  const message = requests.messages[index] ?? (index === requests.messages.length ? requests.unfinished : undefined);
  const what = `${backend.name} is sent request ${index} of ${client.name}`;
  hold(message !== undefined, () => `${what}, which is none: ${JSON.stringify(request)}`);
  const bound = world.sessions?.boundTo(message);
  const elsewhere = bound !== undefined && world.isSteady(bound) && bound !== world.slotOf(exchange.connection);
  hold(!elsewhere, () => `${what}, whose session is bound to b${bound! + 1}`);
  const expected = forwardedRequest(message, {
    clientAddress: client.address,
    nodeAddress: '198.51.100.1',
    port: world.port,
    upgrade: world.upgrade,
  });
  if (whole) {
    hold(index < requests.messages.length, () => `${what} whole, which it is not: ${JSON.stringify(request)}`);
    hold(isDeepStrictEqual(request, expected), () => differ(what, request, expected));
    return;
  }
  const head = (message: RequestMessage): RequestMessage => ({ ...message, body: '', trailers: [] });
  const prefix = isDeepStrictEqual(head(request), head(expected)) && expected.body.startsWith(request.body);
  hold(prefix, () => differ(`${what} in part`, request, expected));
}

function differ(what: string, actual: unknown, expected: unknown): string {
  return `${what}:\n  ${JSON.stringify(actual).slice(0, 2000)}\nexpected\n  ${JSON.stringify(expected).slice(0, 2000)}`;
}

/** A connection serves another request only when everything about the one before was in order. */
function assertReuse(exchanges: readonly Attributed[], name: string, world: World): void {
  const [first] = exchanges;
  if (first === undefined) return;
  const { connection } = first;
  hold(connection.given.before(first.startedAt) === 0, () => `${name} is used though it had sent something unasked`);
  exchanges.slice(1).forEach((next, number) => {
    const { answer, request, whole, wholeAt, answeredAt, conversation, index } = exchanges[number]!;
    const { end, why } = readResponse(answer, request.method, false, world.upgrade);
    hold(end === 'complete', () => `${name} is used again after a response that is ${end} (${why}): ${shown(answer)}`);
    hold(whole && wholeAt < answeredAt, () => `${name} is used again though it answered before the request was whole`);
    hold(connection.endedAt > next.startedAt, () => `${name} is used again though it had ended`);
    const { requests } = conversation;
    const suspect = requests.suspect && index === requests.messages.length - 1;
    hold(!suspect, () => `${name} is used again after a request that others may read differently`);
  });
}

/** No instance has more connections than it may. One that is opened in advance may come on top while it is being made. */
function assertCapacity({ capacity, preconnect, backends, slotOf }: World): void {
  const most = capacity + (preconnect ? 1 : 0);
  for (const { connection, name } of backends) {
    const { openedAt } = connection;
    const isBeside = (other: FakeConnection): boolean => other.openedAt <= openedAt && other.closedAt > openedAt;
    const beside = backends.filter(
      (each) => slotOf(each.connection) === slotOf(connection) && isBeside(each.connection),
    );
    hold(beside.length <= most, () => `${name} is one of ${beside.length} connections to its instance`);
  }
}

/** When everything is over nothing is left. */
export function assertNothingLeft(world: World): void {
  for (const [name, value] of Object.entries(world.gauges)) hold(value === 0, () => `${name} is ${value} at the end`);
  for (const { transport } of world.threads) {
    const open = transport.connections.filter(({ closed }) => !closed);
    hold(open.length === 0, () => `${open.length} connections are open at the end`);
    hold(transport.bulkInUse === 0, () => `${transport.bulkInUse} private buffers are in use at the end`);
  }
}

/** The engine has kept its side of the seam, and nothing of it threw. */
export function assertNoOffence(world: World): void {
  for (const failure of world.failures) {
    hold(false, () => `it threw: ${failure instanceof Error ? failure.stack : String(failure)}`);
  }
  for (const { transport } of world.threads) {
    for (const offence of transport.offences) hold(false, () => `the engine ${offence}`);
  }
}
