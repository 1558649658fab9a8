/**
 * The HTTP server that calls come in by: bounded in everything that a client can send (API in model/limits.ts), with an answer in
 * AWS's form even to what is no request.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { messageOf } from '../kit/assert.ts';
import { API } from '../model/limits.ts';
import { CALL_METHODS } from './call-target.ts';
import { commonFault, shown } from './fault.ts';
import type { Fault } from './fault.ts';
import { announcesTooMuch } from './request-body.ts';
import type { Reply } from './service.ts';

/** What is answered to who is turned away before it is known what they want. */
export interface Refusal {
  readonly requestId: string;
  readonly reply: Reply & { readonly body: string };
}

export interface HttpServerOptions {
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void;
  /** `allow`: the methods that would be right. */
  readonly refuse: (fault: Fault, remoteAddress: string, allow?: string) => Refusal;
}

/** Not listening yet. */
export function createHttpServer({ handle, refuse }: HttpServerOptions): Server {
  const server = createServer(
    {
      maxHeaderSize: API.maxHeaderBytes,
      headersTimeout: API.headersTimeoutMs,
      requestTimeout: API.requestTimeoutMs,
      keepAliveTimeout: API.idleTimeoutMs,
      connectionsCheckingInterval: 1000,
      // Node's own answer has no body: hostFault is asked instead.
      requireHostHeader: false,
    },
    handle,
  );
  server.maxHeadersCount = API.maxHeaders;
  server.maxConnections = API.maxConnections;
  server.timeout = API.idleTimeoutMs;
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (!announcesTooMuch(request)) response.writeContinue();
    handle(request, response);
  });
  // RFC 9110 section 10.1.1: what else is expected may be ignored.
  server.on('checkExpectation', handle);
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    // Node has let go of it: an error that nobody hears would end the process, a peer that reads nothing would stay.
    socket.on('error', () => socket.destroy());
    if (socket instanceof Socket) socket.setTimeout(API.idleTimeoutMs, () => socket.destroy());
    const fault = commonFault('MethodNotAllowed', 'weir is no proxy: calls are made by POST or GET, not by CONNECT.');
    answerAndCut(socket, fault, refuse(fault, addressOf(socket), CALL_METHODS));
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const fault = unreadableFault(error);
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else answerAndCut(socket, fault, refuse(fault, addressOf(socket)));
  });
  return server;
}

/** RFC 9112 section 3.2: one Host, and no more; only HTTP/1.0 may have none. */
export function hostFault({ httpVersion, rawHeaders }: IncomingMessage): Fault | undefined {
  const count = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length;
  if (count === 1 || (count === 0 && httpVersion === '1.0')) return undefined;
  return commonFault('MalformedRequest', `A request of HTTP/${httpVersion} must have one Host header, got ${count}.`);
}

/** Bytes that are no request, or not one within the bounds. */
function unreadableFault(error: NodeJS.ErrnoException): Fault {
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    const message = `Request line and headers are larger than ${API.maxHeaderBytes} bytes.`;
    return commonFault('RequestHeaderFieldsTooLarge', message);
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return commonFault('RequestTimeout', 'The request was not complete in time.');
  }
  return commonFault('MalformedRequest', `This is no HTTP request: ${shown(messageOf(error))}`);
}

function addressOf(socket: Duplex): string {
  return socket instanceof Socket ? (socket.remoteAddress ?? '') : '';
}

/** If the peer still listens. */
function answerAndCut(socket: Duplex, { code }: Fault, { requestId, reply }: Refusal): void {
  const headers = {
    ...reply.headers,
    Connection: 'close',
    'Content-Type': reply.contentType,
    'x-amzn-RequestId': requestId,
    'Content-Length': String(Buffer.byteLength(reply.body)),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${reply.status} ${code}\r\n${lines.join('')}\r\n${reply.body}`, () => socket.destroy());
}
