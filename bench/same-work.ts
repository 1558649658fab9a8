/** Before anything is measured: does the peer do the work that is compared? */
import { get } from 'node:http';
import { messageOf } from '../src/kit/assert.ts';
import { HTTP_PORT, type Addresses } from './addresses.ts';
import { PATHS, SMALL_BYTES } from './backend.ts';
import { httpUrl, tcpUrl } from './peers/peer.ts';

const TIMEOUT_MS = 5000;

/** Fails unless both listeners give the whole small answer and the HTTP one tells the back end who asked, how and where. */
export async function checkSameWork(label: string, addresses: Addresses): Promise<void> {
  for (const url of [httpUrl(addresses, PATHS.small), tcpUrl(addresses, PATHS.small)]) {
    const answer = await fetchText(label, url);
    if (answer.length !== SMALL_BYTES) {
      throw new Error(`${label}: ${url} gave ${answer.length} bytes instead of ${SMALL_BYTES}`);
    }
  }
  const forwarded = await fetchText(label, httpUrl(addresses, PATHS.forwarded));
  if (!new RegExp(`^127(\\.\\d+){3}\\|http\\|${HTTP_PORT}$`).test(forwarded)) {
    throw new Error(
      `${label}: the back end received X-Forwarded-For|Proto|Port as "${forwarded}", expected "<client>|http|${HTTP_PORT}"`,
    );
  }
}

function fetchText(label: string, url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(new Error(`${label}: GET ${url}: ${messageOf(error)}`));
    const request = get(url, { agent: false, timeout: TIMEOUT_MS }, (response) => {
      let text = '';
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('error', fail);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(text);
        else fail(new Error(`status ${response.statusCode} instead of 200`));
      });
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    request.on('error', fail);
  });
}
