/** The access log of a run of the engine: every request has its line, and that says what happened. */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../src/kit/clock.ts';
import { LogRingReader, makeLogRing } from '../../src/traffic/log-ring.ts';
import { LogWriter } from '../../src/traffic/log-writer.ts';
import { ownStatus } from './engine-answers.ts';
import type { Record } from './engine-properties.ts';
import { hold, type Conversation } from './engine-record.ts';

/** Of the threads; they are large, and used from run to run. */
const RINGS = [makeLogRing(), makeLogRing()];

export class WorldLog {
  readonly #writers: LogWriter[] = [];
  readonly #readers: LogRingReader[] = [];

  /** The log of the next thread. */
  add(clock: Clock): LogWriter {
    const ring = RINGS[this.#writers.length]!;
    const writer = new LogWriter(clock, ring);
    const reader = new LogRingReader(ring);
    // A run that failed has left lines behind.
    reader.read(() => {});
    reader.release();
    this.#writers.push(writer);
    this.#readers.push(reader);
    return writer;
  }

  /** All lines, thread by thread. */
  take(): string[] {
    let text = '';
    for (const writer of this.#writers) writer.tick();
    for (const reader of this.#readers) {
      reader.read((_ordinal, _second, lines) => (text += lines.toString('latin1')));
      reader.release();
    }
    return text.split('\n').slice(0, -1);
  }
}

const LINE = new RegExp(
  String.raw`^2026-01-01T\d\d:\d\d:\d\d\.\d{6}Z fuzz (?<client>[\d.]+):\d+ (?<backend>-|[\d.]+:\d+) ` +
    String.raw`(?<times>(?:(?:-1|\d+\.\d{6}) ){3})(?<elb>-|\d{3}) (?<status>\d{1,3}) (?<received>\d+) (?<sent>\d+) ` +
    String.raw`"(?:\S+ http:\/\/\S+ HTTP\/1\.[01]|- - - )" "[\x20-\x7e]+" - -$`,
);

interface Line {
  readonly text: string;
  readonly client: string;
  /** The load balancer's, and the instance's. */
  readonly statuses: readonly [string, string];
  readonly received: number;
  readonly sent: number;
}

function parse(text: string): Line {
  const groups = LINE.exec(text)?.groups;
  hold(groups !== undefined, () => `no line of the access log: ${text}`);
  const { client, backend, times, elb, status, received, sent } = groups;
  const missing = times!.match(/-1 /g)?.length ?? 0;
  hold(missing === (backend === '-' ? 3 : 0), () => `times that do not go with the instance: ${text}`);
  hold(status === '0' || (backend !== '-' && elb === status), () => `the status of nobody: ${text}`);
  return { text, client: client!, statuses: [elb!, status!], received: Number(received), sent: Number(sent) };
}

/** To be called when everything is over, and once. */
export function assertLogged({ world, conversations }: Record): void {
  const lines = world.log.take().map(parse);
  hold(lines.length === world.requests, () => `${lines.length} lines of ${world.requests} requests`);
  for (const conversation of conversations) {
    assertConversation(
      conversation,
      lines.filter(({ client }) => client === conversation.client.address),
    );
  }
}

function assertConversation({ client, answers, requests }: Conversation, lines: readonly Line[]): void {
  const told = (): string =>
    `${client.name} is answered ${answers.length} times, and logged as ${JSON.stringify(lines)}`;
  hold(lines.length === answers.length || lines.length === answers.length + 1, told);
  for (const [index, answer] of answers.entries()) {
    const { response } = answer.reading;
    if (response === undefined) continue;
    const line = lines[index]!;
    const own = ownStatus(answer);
    const statuses = own === undefined ? [String(response.status), String(response.status)] : [String(own), '0'];
    const what = (): string => `answer ${index} to ${client.name}, ${answer.text}, is logged as ${line.text}`;
    hold(isDeepStrictEqual(line.statuses, statuses), what);
    const { length } = response.body;
    // Of one that was cut off more may have come than was sent; behind a 101 there is no HTTP.
    if (response.status !== 101)
      hold(answer.reading.end === 'unfinished' ? line.sent >= length : line.sent === length, what);
    const message = requests.messages[index];
    hold(message === undefined || response.status === 101 || line.received <= message.body.length, what);
  }
}
