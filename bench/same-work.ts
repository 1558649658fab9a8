/** Before anything is measured: does the peer do the work that is compared? */
import { get } from 'node:http';
import { get as getOverTls } from 'node:https';
import { messageOf } from '../src/kit/assert.ts';
import { HTTP_PORT, type Addresses } from './addresses.ts';
import { PATHS, SMALL_BYTES } from './backend.ts';
import { httpUrl, tcpUrl } from './peers/peer.ts';
import { checkSameHandshakes, HTTPS_PORTS, httpsUrl, KEY_KINDS } from './tls.ts';

const TIMEOUT_MS = 5000;

/**
 * Fails unless all listeners give the whole small answer, those of HTTP (and with `tls` HTTPS) tell the back end who asked,
 * how and where, and handshakes agree on the same.
 */
export async function checkSameWork(label: string, addresses: Addresses, tls: boolean): Promise<void> {
  const kinds = tls ? KEY_KINDS : [];
  const https = (path: string): string[] => kinds.map((kind) => httpsUrl(addresses, kind, path));
  for (const url of [httpUrl(addresses, PATHS.small), tcpUrl(addresses, PATHS.small), ...https(PATHS.small)]) {
    const answer = await fetchText(label, url);
    if (answer.length !== SMALL_BYTES) {
      throw new Error(`${label}: ${url} gave ${answer.length} bytes instead of ${SMALL_BYTES}`);
    }
  }
  await checkForwarded(label, httpUrl(addresses, PATHS.forwarded), `http|${HTTP_PORT}`);
  for (const kind of kinds) {
    await checkForwarded(label, httpsUrl(addresses, kind, PATHS.forwarded), `https|${HTTPS_PORTS[kind]}`);
  }
  if (tls) await checkSameHandshakes(label, addresses);
}

async function checkForwarded(label: string, url: string, wanted: string): Promise<void> {
  const forwarded = await fetchText(label, url);
  const [client, ...rest] = forwarded.split('|');
  if (!/^127(\.\d+){3}$/.test(client ?? '') || rest.join('|') !== wanted) {
    throw new Error(
      `${label}: the back end received X-Forwarded-For|Proto|Port as "${forwarded}", expected "<client>|${wanted}"`,
    );
  }
}

function fetchText(label: string, url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(new Error(`${label}: GET ${url}: ${messageOf(error)}`));
    const options = { agent: false, timeout: TIMEOUT_MS, rejectUnauthorized: false } as const;
    const request = (url.startsWith('https:') ? getOverTls : get)(url, options, (response) => {
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
