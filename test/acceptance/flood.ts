/**
 * Very many clients that mean no good, from a process of their own: each connects, sends a little or a lot, now and then a
 * little more, and leaves or stays. They are opened at the rate that was asked for, whatever becomes of those before.
 */
import { fileURLToPath } from 'node:url';
import type { ManagedProcess } from '../../bench/processes.ts';
import { until, type Lab } from './lab.ts';

const CLIENT = fileURLToPath(new URL('flood-client.ts', import.meta.url));
const GATHER_MS = 60_000;
/** IPv4 and TCP with timestamps: what a segment weighs beside its bytes, and the first one of all. */
const SEGMENT_BYTES = 52;
const SYN_BYTES = 60;

/** What the client program is told. */
export interface FloodPlan {
  readonly host: string;
  readonly port: number;
  /**
   * Where they come from, in turn, each with a port that the system gives to nobody. None: the system chooses. Who closes first keeps a
   * port for a minute, and the system looks for one that is free for longer and longer.
   */
  readonly sources: readonly string[];
  readonly count: number;
  readonly ratePerSecond: number;
  /** In base64: sent by each as soon as it is connected. */
  readonly first: string;
  /** When all are connected, all of them at once. */
  readonly together?: boolean;
  /** Sent by each of them again and again. */
  readonly drip?: { readonly text: string; readonly everyMs: number };
  /** They reset their connections, or close them in good order. Without it they stay until the flood is ended. */
  readonly leave?: { readonly afterMs: number; readonly how: 'reset' | 'close' };
}

/** What the client program tells at its end. */
export interface FloodFigures {
  /** Connections that were begun, and how long that took. */
  readonly offered: number;
  readonly offeredMs: number;
  readonly connected: number;
  readonly failed: number;
  /** By the other side, before we left. */
  readonly ended: number;
  /** Clients that were sent anything at all. */
  readonly answered: number;
  /** From the dial to the first byte of an answer. */
  readonly p50Us: number;
  readonly p99Us: number;
  readonly segments: number;
  readonly payloadBytes: number;
}

/** The least that they have sent over the network: a handshake of TCP each, and a segment for each piece. */
export function wireBytes({ connected, segments, payloadBytes }: FloodFigures): number {
  return connected * (SYN_BYTES + SEGMENT_BYTES) + segments * SEGMENT_BYTES + payloadBytes;
}

export class Flood {
  readonly #process: ManagedProcess;

  private constructor(process: ManagedProcess) {
    this.#process = process;
  }

  /** Starts it. It gets what time nobody else wants of its CPU, so that it does not slow those whom it is to be felt by. */
  static start(lab: Lab, plan: FloodPlan): Promise<Flood> {
    return Flood.#start(lab, plan, ['chrt', '--idle', '0']);
  }

  /** The same with clients that mean well. */
  static startTrickle(lab: Lab, plan: FloodPlan, starter: readonly string[]): Promise<Flood> {
    return Flood.#start(lab, plan, starter);
  }

  static async #start(lab: Lab, plan: FloodPlan, starter: readonly string[]): Promise<Flood> {
    const args = [CLIENT, JSON.stringify(plan)];
    return new Flood(await lab.processes.start({ name: 'the flood', file: process.execPath, args, starter }));
  }

  /** Resolves when the first of them comes: a program that starts takes time of the CPU that others are measured on. */
  begun(): Promise<void> {
    return this.#told('begun');
  }

  /** Resolves when all of them have been opened, whatever has become of them. */
  gathered(): Promise<void> {
    return this.#told('gathered');
  }

  async #told(word: string): Promise<void> {
    await until(`the flood has ${word}`, GATHER_MS, () => {
      if (!this.#process.running) throw new Error(`the flood has ended: ${this.#process.output}`);
      return this.#process.stdout.includes(`${word}\n`) ? true : undefined;
    });
  }

  /** All that are still there reset their connections. */
  async end(): Promise<FloodFigures> {
    await this.#process.stop();
    const line = /^figures (.*)$/m.exec(this.#process.stdout)?.[1];
    if (line === undefined) throw new Error(`the flood told no figures: ${this.#process.output}`);
    return JSON.parse(line) as FloodFigures;
  }
}
