/** An S3 service that keeps what is put there, and fails as a test says. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export type S3Fault = 'error' | 'no-bucket' | 'reset' | 'silence';

export class RecordingS3 {
  readonly url: string;
  /** `bucket/key` → content. */
  readonly objects = new Map<string, string>();
  /** Of every request, in order. */
  readonly authorizations: (string | undefined)[] = [];
  /** What happens to the next requests; then they succeed. */
  readonly faults: S3Fault[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  static async start(test: TestContext): Promise<RecordingS3> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const s3 = new RecordingS3(server);
    test.after(() => s3.stop());
    return s3;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.authorizations.push(request.headers.authorization);
    const fault = this.faults.shift();
    if (fault === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (fault === 'silence') return;
    if (fault !== undefined) {
      const [status, code] = fault === 'error' ? ([503, 'SlowDown'] as const) : ([404, 'NoSuchBucket'] as const);
      response.writeHead(status, { 'Content-Type': 'application/xml' });
      response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>played by the test</Message></Error>`);
      return;
    }
    const path = new URL(request.url ?? '/', this.url).pathname.slice(1);
    if (request.method === 'PUT') this.objects.set(decodeURIComponent(path), Buffer.concat(chunks).toString('latin1'));
    response.writeHead(request.method === 'PUT' ? 200 : 405, { ETag: '"etag"' }).end();
  }
}
