/** Very many clients that mean no good: each connects, sends a little, or a little now and then, and waits. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { sleep, systemClock, type Timer } from '../../src/kit/clock.ts';

const OPENED_AT_ONCE = 50;
const DIAL_MS = 10_000;
/** IPv4 and TCP with timestamps: what a segment weighs beside its bytes, and the first one of all. */
const SEGMENT_BYTES = 52;
const SYN_BYTES = 60;

export interface CrowdPlan {
  readonly host: string;
  readonly port: number;
  /** Where they come from, in turn. */
  readonly sources: readonly string[];
  readonly count: number;
  readonly first: Buffer;
  /** Sent by each of them again and again. */
  readonly drip?: { readonly bytes: Buffer; readonly everyMs: number };
}

export class Crowd {
  readonly #plan: CrowdPlan;
  readonly #sockets = new Set<Socket>();
  #drip: Timer | undefined;
  #segments = 0;
  #payload = 0;
  /** Connections that could not be made. */
  refused = 0;

  constructor(plan: CrowdPlan) {
    this.#plan = plan;
  }

  /** Those that the other side has not closed. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Bytes that clients have handed to TCP. */
  get payloadBytes(): number {
    return this.#payload;
  }

  /** The least that they have sent over the network for it: a handshake each, and a segment for each piece. */
  get wireBytes(): number {
    return this.#plan.count * (SYN_BYTES + SEGMENT_BYTES) + this.#segments * SEGMENT_BYTES + this.#payload;
  }

  async gather(): Promise<void> {
    let left = this.#plan.count;
    const some = async (): Promise<void> => {
      while (left-- > 0) await this.#join(left);
    };
    await Promise.all(Array.from({ length: OPENED_AT_ONCE }, some));
    const { drip } = this.#plan;
    if (drip === undefined) return;
    const tenth = drip.everyMs / 10;
    let turn = 0;
    // A tenth of them at a time, so that they do not all come at once.
    this.#drip = systemClock.every(tenth, () => {
      turn = (turn + 1) % 10;
      for (const [index, socket] of [...this.#sockets].entries())
        if (index % 10 === turn) this.#send(socket, drip.bytes);
    });
  }

  async #join(index: number): Promise<void> {
    const { host, port, sources, first } = this.#plan;
    const localAddress = sources[index % sources.length]!;
    const socket = connect({ host, port, localAddress });
    socket.on('error', () => undefined);
    const connected = once(socket, 'connect').then(() => true);
    if (!(await Promise.race([connected, sleep(systemClock, DIAL_MS)]).catch(() => false))) {
      this.refused++;
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket)).resume();
    if (first.length > 0) this.#send(socket, first);
  }

  #send(socket: Socket, bytes: Buffer): void {
    if (socket.destroyed || socket.writableLength > 0) return;
    socket.write(bytes);
    this.#segments += Math.ceil(bytes.length / 1400);
    this.#payload += bytes.length;
  }

  /** Goes away, without a goodbye. */
  disperse(): void {
    this.#drip?.cancel();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    this.#sockets.clear();
  }
}

/** Opens connections and drops them as fast as it can for `ms`. Resolves with how many there were. */
export async function storm(plan: Pick<CrowdPlan, 'host' | 'port' | 'sources'>, ms: number): Promise<number> {
  const endMs = systemClock.monotonicMs() + ms;
  let opened = 0;
  const one = async (index: number): Promise<void> => {
    while (systemClock.monotonicMs() < endMs) {
      const localAddress = plan.sources[index % plan.sources.length]!;
      const socket = connect({ host: plan.host, port: plan.port, localAddress });
      await new Promise<void>((resolve) => {
        socket.once('connect', () => {
          opened++;
          socket.resetAndDestroy();
        });
        socket.on('error', () => undefined).once('close', () => resolve());
      });
    }
  };
  await Promise.all(Array.from({ length: OPENED_AT_ONCE }, (_, index) => one(index)));
  return opened;
}
