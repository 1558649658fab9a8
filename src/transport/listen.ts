import type { Server } from 'node:net';
import type { Connection, ListeningSocket } from './transport.ts';

/** Connections that may wait to be accepted; the kernel's `net.core.somaxconn` bounds it further. */
const BACKLOG = 4096;

/** Binds `server` with SO_REUSEPORT and listens. Rejects with the system's error. */
export function listenServer(server: Server, address: string, port: number): Promise<ListeningSocket> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port, reusePort: true, backlog: BACKLOG }, () => {
      server.off('error', reject);
      const bound = server.address();
      let closed = false;
      resolve({
        address,
        port: typeof bound === 'object' && bound !== null ? bound.port : port,
        get closed() {
          return closed;
        },
        close() {
          closed = true;
          server.close();
        },
      });
    });
  });
}

/** `onConnection` while `listening` is: a handshake that ends later ends for nobody. */
export function whileOpen(
  listening: ListeningSocket,
  onConnection: (connection: Connection) => void,
): (connection: Connection) => void {
  return (connection) => {
    if (listening.closed) connection.destroy();
    else onConnection(connection);
  };
}
