/** The command line of the bench. */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { fileURLToPath } from 'node:url';
import { ALONE } from './alone.ts';
import { haproxyPeer } from './peers/haproxy.ts';
import { nginxPeer } from './peers/nginx.ts';
import type { Peer } from './peers/peer.ts';
import { weirCheckout, weirPeer } from './peers/weir.ts';
import { SCENARIOS, scenariosNamed, type Scenario } from './scenarios.ts';

export interface Options {
  readonly scenarios: readonly Scenario[];
  readonly peers: readonly Peer[];
  readonly rounds: number;
  readonly seconds: number;
  /** Discarded before every measurement, in seconds. */
  readonly warmUp: number;
  readonly threads: number;
  /** Instead of the scenario's own number. */
  readonly connections: number | undefined;
  readonly pin: boolean;
  readonly record: boolean;
  readonly json: string | undefined;
  /** Instead of `node bin/weir.js`. */
  readonly weirCommand: string | undefined;
}

interface RawOptions {
  readonly peers: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUp: number;
  readonly threads: number;
  readonly connections?: number;
  readonly pin: boolean;
  readonly record?: boolean;
  readonly json?: string;
  readonly weirCommand?: string;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Reads the arguments (without node and script). `help` or a mistake: what is to be printed instead. */
export function parseOptions(args: readonly string[]): Options | { readonly exitCode: number; readonly text: string } {
  let said = '';
  const command = definition()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => (said += text),
      writeErr: (text) => (said += text),
    });
  try {
    command.parse(args, { from: 'user' });
    const raw = command.opts<RawOptions>();
    return {
      scenarios: command.args.includes('all') ? SCENARIOS : [...new Set(command.args.flatMap(scenariosNamed))],
      peers: peersFrom(raw.peers, raw.weirCommand),
      rounds: raw.rounds,
      seconds: raw.seconds,
      warmUp: raw.warmUp,
      threads: raw.threads,
      connections: raw.connections,
      pin: raw.pin,
      record: raw.record ?? false,
      json: raw.json,
      weirCommand: raw.weirCommand,
    };
  } catch (error) {
    if (error instanceof CommanderError) return { exitCode: error.exitCode === 0 ? 0 : 2, text: said };
    return { exitCode: 2, text: `${error instanceof Error ? error.message : String(error)}\n` };
  }
}

function definition(): Command {
  const width = Math.max(...SCENARIOS.map((scenario) => scenario.name.length));
  const line = (name: string, about: string): string => `  ${name.padEnd(width)}  ${about}\n`;
  const scenarios = SCENARIOS.map(({ name, about }) => line(name, about)).join('');
  const alone = Object.entries(ALONE).map(([name, { about }]) => line(name, about));
  return new Command('npm run bench --')
    .description('Measures weir, HAProxy and nginx side by side, in interleaved rounds, on loopback (Linux only).')
    .argument('<scenario...>', 'one or more of the scenarios below, or "all"')
    .option(
      '--peers <list>',
      'weir, weir:DIRECTORY (another checkout), haproxy, haproxy-splice, nginx',
      'weir,haproxy,nginx',
    )
    .option('--rounds <n>', 'rounds; the table shows their medians', wholeNumber(1, 1000), 5)
    .option('--seconds <n>', 'seconds of each measurement', wholeNumber(1, 3600), 4)
    .option('--warm-up <n>', 'seconds of the same load before each measurement, discarded', wholeNumber(1, 600), 1)
    .option('--threads <n>', 'threads (worker processes) that carry traffic, for every peer', wholeNumber(1, 64), 1)
    .option('--connections <n>', "client connections instead of the scenario's own number", wholeNumber(1, 6000))
    .option(
      '--no-pin',
      'let the system choose CPUs; otherwise the peer has the first ones, client and back end the rest',
    )
    .option(
      '--weir-command <command>',
      'run this for the peer "weir", in this folder, such as "node --cpu-prof bin/weir.js"',
    )
    .option('--json <file>', 'write every sample to this file')
    .option('--record', "put the table into bench/RESULTS.md, in place of the scenario's previous one")
    .addHelpText(
      'after',
      `\nScenarios:\n${scenarios}\nOf weir alone, each in a run of its own with no option but --record:\n${alone.join('')}\n` +
        'Install HAProxy, nginx and the clients first: bench/setup.sh',
    );
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

function peersFrom(list: string, weirCommand: string | undefined): Peer[] {
  const peers = list.split(',').map((name) => peerNamed(name.trim(), weirCommand));
  const labels = peers.map((peer) => peer.label);
  const twice = labels.find((label, i) => labels.indexOf(label) !== i);
  if (twice !== undefined) throw new Error(`--peers: "${twice}" is named twice`);
  return peers;
}

function peerNamed(name: string, weirCommand: string | undefined): Peer {
  if (name.startsWith('weir:')) return weirPeer(weirCheckout(name.slice('weir:'.length)));
  switch (name) {
    case 'weir':
      return weirPeer({
        label: 'weir',
        directory: ROOT,
        command: weirCommand?.split(/\s+/).filter((word) => word !== ''),
      });
    case 'haproxy':
      return haproxyPeer('haproxy', { splice: false });
    case 'haproxy-splice':
      return haproxyPeer('haproxy-splice', { splice: true });
    case 'nginx':
      return nginxPeer('nginx');
    default:
      throw new Error(`--peers: "${name}" is none of weir, weir:DIRECTORY, haproxy, haproxy-splice, nginx`);
  }
}
