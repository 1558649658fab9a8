/** One request of a client that goes on and on. */
import {
  request as httpRequest,
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { request as httpsRequest } from 'node:https';

/** No answer within that is a failure. */
export const ANSWER_MS = 10_000;

type Begin = (options: RequestOptions, onResponse: (response: IncomingMessage) => void) => ClientRequest;
const BEGIN: Readonly<Record<'http' | 'https', Begin>> = { http: httpRequest, https: httpsRequest };

export interface Where {
  readonly host: string;
  readonly port: number;
  /** `false`: a connection of its own. */
  readonly agent: Agent | false;
}

/** Asks for `/` and reads the whole answer, which must be 200. Whether the agent had a connection for it. */
export function get(scheme: 'http' | 'https', where: Where): Promise<{ readonly reused: boolean }> {
  return new Promise((resolve, reject) => {
    const sent = BEGIN[scheme]({ ...where, path: '/', timeout: ANSWER_MS }, (response) => {
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve({ reused: sent.reusedSocket });
        else reject(new Error(`status ${response.statusCode}`));
      });
      response.resume();
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer')));
    sent.on('error', reject);
    sent.end();
  });
}
