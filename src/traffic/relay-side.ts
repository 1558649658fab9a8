/** One direction of a relay (traffic/relay.ts). */
import { BUFFERS } from '../model/limits.ts';
import type { Connection, ConnectionOwner } from '../transport/transport.ts';
import type { Relay } from './relay.ts';
import { MANY_SMALL_READS, smallReads } from './small-reads.ts';

/** One direction: what arrives on `connection` goes to `peer`. */
export class RelaySide implements ConnectionOwner {
  connection: Connection;
  peer: RelaySide | undefined;
  ended = false;
  /** What has arrived. */
  bytes = 0;
  readonly #relay: Relay;
  readonly #counter: number;
  #smallReads = 0;

  constructor(relay: Relay, connection: Connection, counter: number) {
    this.#relay = relay;
    this.connection = connection;
    this.#counter = counter;
    connection.owner = this;
  }

  onConnect(): void {
    this.#relay.connected();
  }

  onData(connection: Connection, bytes: Buffer, start: number, end: number): void {
    const relay = this.#relay;
    relay.touch();
    relay.count(this.#counter, end - start);
    const first = this.bytes === 0;
    this.bytes += end - start;
    if (first) relay.log?.arrived(relay.isClient(this));
    if (this.peer === undefined) {
      relay.hold(bytes, start, end);
      return;
    }
    const to = this.peer.connection;
    if (connection.readingBulk) {
      to.sendBulk(connection, start, end);
      this.#smallReads = smallReads(this.#smallReads, end - start);
      connection.bulk = this.#smallReads < MANY_SMALL_READS;
    } else {
      relay.send(to, bytes, start, end);
      if (end - start === BUFFERS.sharedRead) connection.bulk = true;
      this.#smallReads = 0;
    }
    if (first) relay.log?.sent(relay.isClient(this));
    if (to.pending) connection.pause();
  }

  onEnd(): void {
    this.ended = true;
    this.peer?.connection.end();
    this.#relay.sideEnded();
  }

  onDrain(): void {
    this.#relay.touch();
    this.peer?.connection.resume();
    this.#relay.sideEnded();
  }

  onClose(_connection: Connection, code: string): void {
    this.#relay.lost(this, code);
  }

  /** In good order where everything is sent; a peer that takes nothing is not waited for. */
  leave(): void {
    if (this.connection.pending) this.connection.destroy();
    else this.connection.finish();
  }
}
