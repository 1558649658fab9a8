/** The instances of the guide: web servers on ports 80 and 443, which say who answered and what they were sent. */
import { once } from 'node:events';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { issue, type Issued } from '../../support/issued.ts';

/** What an instance answers with. */
export interface Answered {
  readonly instance: string;
  /** Whether it was spoken to in TLS. */
  readonly secure: boolean;
  /** The line of proxy protocol in front of the request. */
  readonly proxyLine?: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

const PROXY = 'PROXY ';

export class Instance {
  readonly id: string;
  readonly issued: Issued = issue({ commonName: 'an instance' });
  /** Where ports 80 and 443 are. */
  port = 0;
  securePort = 0;
  /** User agents of those who asked for `/ping`. */
  readonly pingedBy: string[] = [];
  /** Requests to `/held`, which wait for {@link release}. */
  #held: ServerResponse[] = [];
  readonly #proxyLines = new WeakMap<Socket, string>();
  readonly #sockets = new Set<Socket>();
  readonly #servers: Server[] = [];

  constructor(id: string) {
    this.id = id;
  }

  async start(): Promise<void> {
    const http = createHttpServer(this.#handle(false));
    const open = createServer((socket) => this.#readProxyLine(socket, () => http.emit('connection', socket)));
    this.port = await this.#listen(open);
    const https = createHttpServer(this.#handle(true));
    const { certificate: cert, privateKey: key } = this.issued;
    const secure = createTlsServer({ cert, key }, (socket) => https.emit('connection', socket));
    this.securePort = await this.#listen(secure);
  }

  async #listen(server: Server): Promise<number> {
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  /** Takes the line of proxy protocol, if there is one, and hands the connection on. */
  #readProxyLine(socket: Socket, next: () => void): void {
    socket.once('readable', () => {
      const first = (socket.read() as Buffer | null) ?? Buffer.alloc(0);
      const end = first.toString('latin1', 0, PROXY.length) === PROXY ? first.indexOf('\r\n') + 2 : 0;
      if (end > 0) this.#proxyLines.set(socket, first.toString('latin1', 0, end - 2));
      if (end < first.length) socket.unshift(first.subarray(end));
      next();
    });
  }

  #handle(secure: boolean): RequestListener {
    return (request: IncomingMessage, response: ServerResponse) => {
      if (request.url === '/ping') this.pingedBy.push(request.headers['user-agent'] ?? '');
      if (request.url === '/login') response.setHeader('Set-Cookie', 'my-app-cookie=abc; path=/');
      const proxyLine = this.#proxyLines.get(request.socket);
      const answered = { instance: this.id, secure, proxyLine, headers: request.headers };
      response.setHeader('Content-Type', 'application/json');
      if (request.url !== '/held') response.end(JSON.stringify(answered));
      else this.#held.push(response.on('close', () => (this.#held = this.#held.filter((one) => one !== response))));
    };
  }

  get heldCount(): number {
    return this.#held.length;
  }

  /** Answers what was held. */
  release(): void {
    const held = this.#held;
    this.#held = [];
    for (const response of held) response.end(JSON.stringify({ instance: this.id }));
  }

  async stop(): Promise<void> {
    const closed = this.#servers.map((server) => once(server, 'close'));
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }
}
