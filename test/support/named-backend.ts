/** A back end that answers every request with its own name. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface NamedBackend {
  /** `127.0.0.1:40123`: its id as an instance. */
  readonly instanceId: string;
  readonly server: Server;
}

/** Listens on a free port until the test ends; `handle` answers in its place where it is given. */
export async function namedBackend(test: TestContext, name: string, handle?: RequestListener): Promise<NamedBackend> {
  const server = createServer(handle ?? ((_, response) => void response.end(name)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { instanceId: `127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}
