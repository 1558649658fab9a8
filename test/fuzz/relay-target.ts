/** The target `tcp-relay`: streams between clients and instances, whatever either of them does. */
import type { Random } from '../../src/kit/random.ts';
import type { FakeConnection } from '../support/fake-connection.ts';
import { Tape } from './choices.ts';
import { Defect, hold, shown } from './engine-record.ts';
import { RelayWorld, type Streamer } from './relay-world.ts';
import { check, type Finding, type FuzzTarget } from './target.ts';

export const relayTarget: FuzzTarget = {
  name: 'tcp-relay',
  about: 'TCP listeners: bytes go through whole, in order and to nobody else, ends and resets too, and nothing is left',
  run: (random) => checkRelay(random),
};

function checkRelay(random: Random): Finding | undefined {
  const tape = new Tape(random);
  const finding = check('a run of the relay', () => play(tape), new Uint8Array());
  if (finding === undefined) return undefined;
  return {
    ...finding,
    bytes: Buffer.from(tape.used),
    fails: (bytes) => play(new Tape(bytes)) !== undefined,
    choices: true,
    script: (bytes) => {
      const script: string[] = [];
      const message = play(new Tape(bytes), script);
      return [...script, `=> ${message}`].join('\n');
    },
  };
}

function play(tape: Tape, script?: string[]): string | undefined {
  try {
    const world = new RelayWorld(tape, script);
    world.settle();
    assertDelivered(world);
    const open = world.end();
    assertWhole(world);
    assertLogged(world);
    hold(open.length === 0, () => `${open.length} connections outlive all timeouts`);
    for (const [name, value] of Object.entries(world.counts.gauges)) hold(value === 0, () => `${name} is ${value}`);
    hold(world.transport.bulkInUse === 0, () => 'private buffers are in use at the end');
    return undefined;
  } catch (error) {
    if (error instanceof Defect) return error.message;
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

/** A client and the instance that it was joined with, as far as bytes tell. */
interface Pair {
  readonly client: Streamer;
  readonly instance: Streamer;
}

/** What the instance gets ahead of the client's first byte. */
function lineFor(world: RelayWorld, { remoteAddress, remotePort, localPort }: FakeConnection): string {
  return world.proxyProtocol ? `PROXY TCP4 ${remoteAddress} 198.51.100.1 ${remotePort} ${localPort}\r\n` : '';
}

/** Whose stream a text is the beginning of; undefined while it is too short to say. */
function nameOf(text: string): string | undefined {
  return /^<(\w+)>/.exec(text)?.[1];
}

function pairsOf(world: RelayWorld): Pair[] {
  const pairs = world.instances.flatMap((instance) => {
    const { sent } = instance.connection!;
    const clients = world.clients.filter(({ name, connection }) => {
      if (connection === undefined) return false;
      const line = lineFor(world, connection);
      const asked = line === '' ? nameOf(sent.text) === name : sent.text.startsWith(line);
      return asked || nameOf(connection.sent.text) === instance.name;
    });
    hold(clients.length <= 1, () => `${instance.name} is joined with several clients`);
    return clients.map((client) => ({ client, instance }));
  });
  for (const { name } of world.clients) {
    hold(
      pairs.filter(({ client }) => client.name === name).length <= 1,
      () => `${name} is joined with several instances`,
    );
  }
  return pairs;
}

/** At any time: what goes out is what came in, and an end or reset is not invented. */
function assertWhole(world: RelayWorld): void {
  const { failures, transport } = world;
  for (const failure of failures)
    hold(false, () => `it threw: ${failure instanceof Error ? failure.stack : String(failure)}`);
  for (const offence of transport.offences) hold(false, () => `the engine ${offence}`);
  const pairs = pairsOf(world);
  for (const { client, instance } of pairs) {
    const [to, from] = [instance.connection!, client.connection!];
    const line = lineFor(world, from);
    assertOneWay(`${client.name} to ${instance.name}`, line + from.given.text, to);
    assertOneWay(`${instance.name} to ${client.name}`, to.given.text, from);
  }
  const joined = new Set(pairs.flatMap(({ client, instance }) => [client, instance]));
  for (const each of [...world.clients, ...world.instances]) {
    const text = joined.has(each) ? '' : (each.connection?.sent.text ?? '');
    hold(
      nameOf(text) === undefined && !text.includes('\n'),
      () => `${each.name} is sent what is of nobody: ${shown(text)}`,
    );
  }
}

function assertOneWay(what: string, given: string, { sent, peer }: FakeConnection): void {
  hold(given.startsWith(sent.text), () => `${what}: ${shown(given)} became ${shown(sent.text)}`);
  hold(sent.text.startsWith(peer.received), () => `${what}: other bytes arrive than were sent`);
}

/** Where nobody makes trouble everything has arrived by now, the ends too. */
function assertDelivered(world: RelayWorld): void {
  assertWhole(world);
  const { clients, connects, backends, silence, control } = world.faults;
  if (!silence && !control) assertNoEndInvented(world);
  if (clients || backends || silence || control) return;
  const all = !connects && world.capacity === Infinity;
  hold(!all || world.instances.length === world.clients.length, () => `${world.instances.length} instances were asked`);
  for (const { client, instance } of pairsOf(world)) {
    const [there, here] = [instance.connection!.peer, client.connection!.peer];
    const sides = [
      [`${client.name}'s`, lineFor(world, client.connection!) + client.stream, client, there],
      [`${instance.name}'s`, instance.stream, instance, here],
    ] as const;
    for (const [whose, stream, from, at] of sides) {
      hold(at.received === stream, () => `of ${whose} ${stream.length} bytes ${at.received.length} arrive`);
      const bothEnded = client.last === 'end' && instance.last === 'end';
      hold(
        at.sawEnd === (from.last === 'end' || bothEnded),
        () => `${whose} end is ${at.sawEnd ? 'invented' : 'lost'}`,
      );
    }
  }
}

/** A side sees the end of the other one's stream only when that has ended it, and behind all of it. */
function assertNoEndInvented(world: RelayWorld): void {
  for (const { client, instance } of pairsOf(world)) {
    const [to, from] = [instance.connection!, client.connection!];
    const sides = [
      [client.name, lineFor(world, from) + from.given.text, from, to.peer],
      [instance.name, to.given.text, to, from.peer],
    ] as const;
    for (const [name, given, { endedAt }, { sawEnd, received }] of sides) {
      const right = !sawEnd || (endedAt < Infinity && received === given);
      hold(right, () => `the end of ${name}'s stream is invented, or comes before it`);
    }
  }
}

const LINE =
  /^\S+Z fuzz (?<client>[\d.]+):\d+ (?<instance>-|[\d.]+:\d+) (?<first>-1|\d+\.\d{6}) (?:(?:-1|\d+\.\d{6}) ){2}- - (?<received>\d+) (?<sent>\d+) "- - - " "-" - -$/;

/** Every connection has its line, with all bytes of both sides. */
function assertLogged(world: RelayWorld): void {
  const lines = world.log.take();
  const accepted = world.clients.filter(({ connection }) => connection !== undefined);
  hold(lines.length === accepted.length, () => `${lines.length} lines of ${accepted.length} connections`);
  hold(world.counts.requests === accepted.length, () => `${world.counts.requests} are counted`);
  const pairs = pairsOf(world);
  for (const { name, connection } of accepted) {
    const text = lines.find((line) => line.includes(` ${connection!.remoteAddress}:${connection!.remotePort} `));
    const groups = text === undefined ? undefined : LINE.exec(text)?.groups;
    hold(groups !== undefined, () => `the line of ${name} is ${text}`);
    const instance = pairs.find(({ client }) => client.name === name)?.instance.connection;
    const told = (): string => `the bytes of ${name} are logged as ${text}`;
    hold(Number(groups['received']) === connection!.given.text.length, told);
    hold(instance === undefined || Number(groups['sent']) === instance.given.text.length, told);
    hold(
      groups['instance'] === '-' || (groups['first'] === '-1') === (groups['received'] === '0'),
      () => `the time to the first byte of ${name} is logged as ${text}`,
    );
    hold(instance === undefined || groups['instance'] !== '-', () => `${name} was joined, and is logged as ${text}`);
  }
}
