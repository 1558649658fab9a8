/** Is a port free? Asked of the system, since only the system knows. */
import { createServer } from 'node:net';
import { messageOf } from '../kit/assert.ts';
import { meets } from '../model/address-pool.ts';
import type { BindRefusal, WantedListener } from './control.ts';

/** Binds for a moment, alone (without `reusePort`), and lets go. What the system said, or undefined when it worked. */
export type BindTest = (wanted: WantedListener) => Promise<BindRefusal | undefined>;

export const testBind: BindTest = ({ address, port }) =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const code = error.code ?? 'UNKNOWN';
      resolve({ address, port, code, message: explain(code, address, port) ?? messageOf(error) });
    });
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });

function explain(code: string, address: string, port: number): string | undefined {
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} on ${address} is taken by another program (see: ss -ltnp 'sport = :${port}')`;
    case 'EACCES':
      return `port ${port} on ${address} needs privileges: run as root, give CAP_NET_BIND_SERVICE, or use a higher port`;
    case 'EADDRNOTAVAIL':
      return `${address} is no address of this machine: give an address of one of its interfaces`;
    case 'EMFILE':
    case 'ENFILE':
      return `port ${port} on ${address} could not be tried: no free file descriptor (raise ulimit -n)`;
    default:
      return undefined;
  }
}

/** Whether both cannot be bound at once: the same port, and the same address or one that stands for all of them. */
export function overlaps(a: WantedListener, b: WantedListener): boolean {
  return a.port === b.port && meets(a.address, b.address);
}
