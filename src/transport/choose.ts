import type { Clock } from '../kit/clock.ts';
import { messageOf } from '../kit/assert.ts';
import { TRANSPORT_TRIAL_MS } from '../model/limits.ts';
import { HandleTransport } from './handle-transport.ts';
import { NetTransport } from './net-transport.ts';
import { nodeInternals } from './node-internals.ts';
import type { Connection, ConnectionOwner, ListeningSocket, Transport, TransportEvents } from './transport.ts';

const PING = 'ping';

/**
 * The handle transport where this Node's handles do what it expects (tried with one loopback connection),
 * else the portable one. `why` says what was found, for the log. `maxConnections`: open at once, of either side.
 */
export async function chooseTransport(
  wanted: 'auto' | 'handle' | 'net',
  events: TransportEvents,
  clock: Clock,
  maxConnections = Infinity,
): Promise<{ transport: Transport; why: string }> {
  if (wanted === 'net') return { transport: new NetTransport(events, clock, maxConnections), why: 'asked for' };
  const internals = nodeInternals();
  if (internals === undefined) {
    return {
      transport: new NetTransport(events, clock, maxConnections),
      why: "this Node does not offer its TCP handles' interface",
    };
  }
  const transport = new HandleTransport(internals, events, clock, maxConnections);
  const problem = await tryEcho(transport, clock);
  if (problem === undefined) return { transport, why: 'the TCP handles of this Node do what is expected of them' };
  return { transport: new NetTransport(events, clock, maxConnections), why: problem };
}

/** Sends a few bytes through a listening socket and back. Resolves to what went wrong, or undefined. */
async function tryEcho(transport: HandleTransport, clock: Clock): Promise<string | undefined> {
  let listening: ListeningSocket | undefined;
  try {
    listening = await transport.listen('127.0.0.1', 0, (connection) => {
      connection.owner = echoOwner(transport);
    });
    const answer = await echoed(transport, listening.port, clock);
    return answer === PING ? undefined : 'the TCP handles of this Node lost bytes';
  } catch (error) {
    return `the TCP handles of this Node failed a trial: ${messageOf(error)}`;
  } finally {
    listening?.close();
  }
}

function echoed(transport: HandleTransport, port: number, clock: Clock): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const connection = transport.connect('127.0.0.1', port, {
    onConnect() {
      transport.outbox.text(PING);
      connection.send(transport.outbox);
    },
    onData: (_connection, bytes, start, end) => resolve(bytes.toString('latin1', start, end)),
    onEnd: () => reject(new Error('ended early')),
    onDrain: () => {},
    onClose: (_connection, code) => reject(new Error(code)),
  });
  const timer = clock.after(TRANSPORT_TRIAL_MS, () => reject(new Error(`no answer within ${TRANSPORT_TRIAL_MS} ms`)));
  return promise.finally(() => {
    timer.cancel();
    connection.destroy();
  });
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
