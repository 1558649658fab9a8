import type { Server } from 'node:net';
import type { ListeningSocket } from './transport.ts';

/** Connections that may wait to be accepted; the kernel's `net.core.somaxconn` bounds it further. */
const BACKLOG = 4096;

/** Binds `server` with SO_REUSEPORT and listens. Rejects with the system's error. */
export function listenServer(server: Server, address: string, port: number): Promise<ListeningSocket> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port, reusePort: true, backlog: BACKLOG }, () => {
      server.off('error', reject);
      const bound = server.address();
      resolve({
        address,
        port: typeof bound === 'object' && bound !== null ? bound.port : port,
        close: () => server.close(),
      });
    });
  });
}
