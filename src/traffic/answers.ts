/** What the load balancer answers by itself on HTTP listeners, with the real one's status lines. */
import type { Outbox } from '../transport/outbox.ts';

const STATUS_LINES = {
  400: '400 BAD_REQUEST',
  405: '405 METHOD_NOT_ALLOWED',
  408: '408 REQUEST_TIMEOUT',
  502: '502 Bad Gateway',
  503: '503 Service Unavailable: Back-end server is at capacity',
  504: '504 GATEWAY_TIMEOUT',
} as const;

export type AnswerStatus = keyof typeof STATUS_LINES;

/** These leave the connection in a state that no further request can follow. */
export function mustClose(status: AnswerStatus): boolean {
  return status !== 502 && status !== 503;
}

export function composeAnswer(outbox: Outbox, status: AnswerStatus, close: boolean): void {
  outbox.text(
    `HTTP/1.1 ${STATUS_LINES[status]}\r\nContent-Length: 0\r\nConnection: ${close ? 'Close' : 'keep-alive'}\r\n\r\n`,
  );
}
