/** Reads request bodies, bounded one by one and all together. */
import type { IncomingMessage } from 'node:http';
import { API } from '../model/limits.ts';
import { commonFault } from './fault.ts';
import type { Fault } from './fault.ts';

/** Bytes of bodies that are held at the moment, over all requests. */
export class BodyBudget {
  readonly #max: number;
  #held = 0;

  constructor(max: number = API.maxBufferedBytes) {
    this.#max = max;
  }

  /** Takes `count` bytes, or says that there is no room. */
  take(count: number): boolean {
    if (this.#held + count > this.#max) return false;
    this.#held += count;
    return true;
  }

  giveBack(count: number): void {
    this.#held -= count;
  }
}

/** Whether the request announces more than it may send. */
export function announcesTooMuch(request: IncomingMessage): boolean {
  return Number(request.headers['content-length'] ?? 0) > API.maxBodyBytes;
}

export function tooLarge(): Fault {
  return commonFault('RequestEntityTooLarge', `The body is larger than ${API.maxBodyBytes} bytes.`);
}

/**
 * The whole body; a fault when it is too large; undefined when the peer went away before its end. The bytes stay
 * counted in `budget` until the caller gives them back.
 */
export function readBody(request: IncomingMessage, budget: BodyBudget): Promise<Buffer | Fault | undefined> {
  if (announcesTooMuch(request)) return Promise.resolve(tooLarge());
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const end = (result: Buffer | Fault | undefined): void => {
      request.off('data', onData).off('end', onEnd).off('close', onClose);
      if (!Buffer.isBuffer(result)) budget.giveBack(length);
      resolve(result);
    };
    const onData = (chunk: Buffer): void => {
      if (length + chunk.length > API.maxBodyBytes) return end(tooLarge());
      if (!budget.take(chunk.length)) {
        return end(commonFault('ServiceUnavailable', 'Too many requests at the same time; please try again.'));
      }
      length += chunk.length;
      chunks.push(chunk);
    };
    const onEnd = (): void => end(Buffer.concat(chunks));
    const onClose = (): void => end(undefined);
    request.on('data', onData).on('end', onEnd).on('close', onClose);
    // What goes wrong on the connection ends in a close.
    request.on('error', () => undefined);
  });
}
