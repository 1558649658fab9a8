import type { Clock } from '../kit/clock.ts';
import { messageOf } from '../kit/assert.ts';
import { HandleTransport } from './handle-transport.ts';
import { NetTransport } from './net-transport.ts';
import { nodeInternals } from './node-internals.ts';
import type { Connection, ConnectionOwner, Transport, TransportEvents } from './transport.ts';

/**
 * The handle transport where this Node's handles do what it expects (tried with one loopback connection),
 * else the portable one. `why` says what was found, for the log.
 */
export async function chooseTransport(
  wanted: 'auto' | 'handle' | 'net',
  events: TransportEvents,
  clock: Clock,
): Promise<{ transport: Transport; why: string }> {
  if (wanted === 'net') return { transport: new NetTransport(events, clock), why: 'asked for' };
  const internals = nodeInternals();
  if (internals === undefined) {
    return { transport: new NetTransport(events, clock), why: "this Node does not offer its TCP handles' interface" };
  }
  const transport = new HandleTransport(internals, events, clock);
  const problem = await tryEcho(transport);
  if (problem === undefined) return { transport, why: 'the TCP handles of this Node do what is expected of them' };
  return { transport: new NetTransport(events, clock), why: problem };
}

/** Sends a few bytes through a listening socket and back. Resolves to what went wrong, or undefined. */
async function tryEcho(transport: HandleTransport): Promise<string | undefined> {
  const ping = 'ping';
  try {
    const listening = await transport.listen('127.0.0.1', 0, (connection) => {
      connection.owner = echoOwner(transport);
    });
    const answer = await new Promise<string>((resolve, reject) => {
      transport.connect('127.0.0.1', listening.port, {
        onConnect(connection) {
          transport.outbox.text(ping);
          connection.send(transport.outbox);
        },
        onData(connection, bytes, start, end) {
          resolve(bytes.toString('latin1', start, end));
          connection.destroy();
        },
        onEnd: () => reject(new Error('ended early')),
        onDrain: () => {},
        onClose: (_connection, code) => reject(new Error(code)),
      });
    });
    listening.close();
    return answer === ping ? undefined : 'the TCP handles of this Node lost bytes';
  } catch (error) {
    return `the TCP handles of this Node failed a trial: ${messageOf(error)}`;
  }
}

function echoOwner(transport: Transport): ConnectionOwner {
  return {
    onConnect: () => {},
    onData(connection: Connection, bytes, start, end) {
      transport.outbox.copy(bytes, start, end);
      connection.send(transport.outbox);
    },
    onEnd: (connection) => connection.destroy(),
    onDrain: () => {},
    onClose: () => {},
  };
}
