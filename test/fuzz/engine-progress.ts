/** What must have happened once everybody has done what they wanted, where nobody but clients made trouble. */
import type { DesyncMitigationMode } from '../../src/model/load-balancer.ts';
import { asksForUpgrade } from '../support/reference-headers.ts';
import type { RequestMessage } from '../support/reference-reader.ts';
import { announcesClose, ownStatus, responseTo } from './engine-answers.ts';
import type { Attributed, Record } from './engine-properties.ts';
import { behind, isHeadWhole, hold, shown, type Conversation } from './engine-record.ts';
import { hopeFor } from './http-properties.ts';

/** Every request is answered by a back end, asked once; nobody waits for anything but time. */
export function assertServed(record: Record): void {
  const { faults } = record.world;
  if (faults.backends || faults.connects || faults.silence || faults.control) return;
  // An unfinished request, and a connection that has switched protocols, keep others from a capacity that is used up.
  const blocks = ({ requests, tunnelled }: Conversation): boolean => requests.unfinished !== undefined || tunnelled;
  if (record.world.capacity !== Infinity && record.conversations.some(blocks)) return;
  for (const conversation of record.conversations) {
    if (conversation.client.aborted) continue;
    const mine = record.exchanges.filter((exchange) => exchange.conversation === conversation);
    assertAllServed(conversation, mine, record);
  }
}

function assertAllServed(conversation: Conversation, exchanges: readonly Attributed[], record: Record): void {
  const { client, connection, requests, answers } = conversation;
  const { peer, given } = connection;
  hold(peer.onItsWay === '' || connection.closed, () => `${client.name}: ${peer.onItsWay.length} bytes are not read`);
  for (const [index, message] of requests.messages.entries()) {
    const what = `request ${index} of ${client.name}`;
    const answer = answers[index];
    const attempts = exchanges.filter((exchange) => exchange.index === index);
    hold(answer !== undefined, () => `${what} is not answered: ${shown(given.text)}`);
    hold(attempts.length === 1, () => `${what} was sent ${attempts.length} times`);
    const [exchange] = attempts;
    hold(ownStatus(answer) === undefined, () => `${what} is refused: ${answer.text}`);
    const expected = responseTo(exchange!, message, record.world);
    const whole = answer.reading.end !== 'unfinished' || expected.end === 'unfinished';
    hold(whole, () => `${what} is answered in part: ${shown(answer.text)}`);
    if (expected.response?.status === 101) {
      assertTunnel(conversation, exchange!, expected.size);
      return;
    }
    if (!announcesClose(answer, message)) continue;
    hold(peer.sawEnd, () => `${client.name}: the end that was announced does not come`);
    if (requests.suspect && index === requests.messages.length - 1) assertLingers(conversation);
    return;
  }
  assertEnd(conversation, record.world.mode);
}

/** Behind the last request. */
function assertEnd(conversation: Conversation, mode: DesyncMitigationMode): void {
  const { client, connection, requests, restarts, answers } = conversation;
  const { end, messages, unfinished } = requests;
  const { peer, given } = connection;
  const answer = answers[messages.length];
  const status = answer === undefined ? undefined : ownStatus(answer);
  const rest = behind(given.text, requests);
  const allowed: (number | undefined)[] = [];
  if (end.kind === 'refused') allowed.push(end.status, ...(isHeadWhole(rest) ? [] : [408, undefined]));
  else if (end.kind !== 'unfinished') allowed.push(undefined);
  else {
    allowed.push(peer.ended ? (unfinished === undefined ? 400 : 408) : undefined);
    if (hopeFor(given.text.slice(restarts.at(-1) ?? 0), mode) === undefined) allowed.push(400, 405);
    // Half of an empty line is the beginning of nothing yet.
    if (/^(?:\r\n)*\r$/.test(rest)) allowed.push(undefined);
  }
  const what = `${client.name}, whose requests end ${JSON.stringify(end)}: ${shown(given.text)}`;
  hold(allowed.includes(status), () => `${status} is the answer to ${what}`);
  // After a declined Upgrade the connection is kept, unless there were bytes that nobody can tell the meaning of.
  const closed = end.kind === 'closed' && (rest !== '' || !declinedUpgrade(messages));
  const over = status !== undefined || closed || peer.ended;
  hold(peer.sawEnd === over, () => `the connection is ${peer.sawEnd ? 'closed' : 'open'} to ${what}`);
  if (status !== undefined) assertLingers(conversation);
}

/** Who may still be sending is read for a while: closing at once would reset the answer away. */
function assertLingers({ client, connection }: Conversation): void {
  const lingers = !connection.closed || connection.endedAt < connection.closedAt;
  hold(lingers, () => `${client.name} may lose its answer: the connection is closed while it is still sending`);
}

function declinedUpgrade(messages: readonly RequestMessage[]): boolean {
  const last = messages.at(-1);
  return last !== undefined && asksForUpgrade(last.version, last.headers);
}

/** Both ways every byte has arrived. */
function assertTunnel(conversation: Conversation, exchange: Attributed, answerSize: number): void {
  const { client, connection, requests, tunnel } = conversation;
  const asked = requests.sizes.slice(0, exchange.index + 1).reduce((sum, size) => sum + size, 0);
  hold(tunnel === exchange.answer.slice(answerSize), () => `${client.name} gets through the tunnel ${shown(tunnel)}`);
  const up = connection.given.text.slice(asked);
  hold(
    exchange.tunnel === up,
    () => `${exchange.backend.name} gets through the tunnel ${shown(exchange.tunnel)}, not ${shown(up)}`,
  );
}
