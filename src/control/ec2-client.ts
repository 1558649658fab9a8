/**
 * Asks an EC2 endpoint (instances.ec2Endpoint of the configuration), by the Query protocol, signed. What it answers is
 * bounded and may be anything; what goes wrong is a value.
 */
import { messageOf } from '../kit/assert.ts';
import type { Clock } from '../kit/clock.ts';
import type { AwsKey, Ec2Endpoint } from '../model/configuration.ts';
import { EC2_ENDPOINT } from '../model/limits.ts';
import { ALGORITHM, canonicalRequest, sha256Hex, sign, stringToSign, TERMINATOR } from '../wire/sigv4-canonical.ts';
import { childOf, parseXml, textAt, type XmlElement } from './ec2-xml.ts';

const VERSION = '2016-11-15';
const CONTENT_TYPE = 'application/x-www-form-urlencoded; charset=utf-8';
const MAX_SHOWN = 200;

/** Why there is no answer; in words for the caller of the API and for the log. */
export class Ec2Failure {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

export interface Ec2ClientOptions {
  readonly clock: Clock;
  readonly endpoint: Ec2Endpoint;
  /** Read anew for each call, since keys that expire are replaced; or why there is none. */
  readonly key: () => AwsKey | Ec2Failure;
}

export type Parameters = Readonly<Record<string, string>>;

export class Ec2Client {
  readonly #options: Ec2ClientOptions;

  constructor(options: Ec2ClientOptions) {
    this.#options = options;
  }

  /** The root elements of all pages of a Describe action. Never rejects. */
  async describe(action: string, parameters: Parameters): Promise<readonly XmlElement[] | Ec2Failure> {
    const pages: XmlElement[] = [];
    let token: string | undefined;
    do {
      const more: Parameters = token === undefined ? {} : { NextToken: token };
      const page = await this.#call(action, { ...parameters, ...more });
      if (page instanceof Ec2Failure) return page;
      pages.push(page);
      token = textAt(page, 'nextToken');
      if (pages.length > EC2_ENDPOINT.maxPages) {
        return new Ec2Failure(`${action} has more than ${EC2_ENDPOINT.maxPages} pages`);
      }
    } while (token !== undefined);
    return pages;
  }

  async #call(action: string, parameters: Parameters): Promise<XmlElement | Ec2Failure> {
    const { clock, endpoint, key: keyOf } = this.#options;
    const key = keyOf();
    if (key instanceof Ec2Failure) return key;
    const body = new URLSearchParams({ Action: action, Version: VERSION, ...parameters }).toString();
    const url = new URL(endpoint.url);
    const headers = signedHeaders({ url, body, region: endpoint.region, key, nowMs: clock.epochMs() });
    const patience = new AbortController();
    const timer = clock.after(EC2_ENDPOINT.timeoutMs, () => patience.abort());
    try {
      const request = { method: 'POST', headers, body, redirect: 'manual', signal: patience.signal } as const;
      const response = await fetch(url, request);
      const text = await readBounded(response);
      return text === undefined ? tooLarge(action) : readAnswer(action, response.status, text);
    } catch (error) {
      if (patience.signal.aborted) return new Ec2Failure(`no whole answer within ${EC2_ENDPOINT.timeoutMs / 1000} s`);
      return new Ec2Failure(causeOf(error));
    } finally {
      timer.cancel();
      patience.abort();
    }
  }
}

/** `fetch failed` says nothing; what is behind it does. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof Error)) return messageOf(error);
  // Several addresses were tried, each with its own cause.
  return cause instanceof AggregateError ? cause.errors.map(messageOf).join('; ') : messageOf(cause);
}

function tooLarge(action: string): Ec2Failure {
  return new Ec2Failure(`the answer to ${action} is larger than ${EC2_ENDPOINT.maxAnswerBytes} bytes`);
}

/** The body as text; undefined when it is larger than it may be. */
async function readBounded(response: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > EC2_ENDPOINT.maxAnswerBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readAnswer(action: string, status: number, text: string): XmlElement | Ec2Failure {
  const root = parseXml(text);
  if (root !== undefined && status === 200 && root.name === `${action}Response`) return root;
  const error = childOf(childOf(root, 'Errors'), 'Error');
  const code = error === undefined ? undefined : textAt(error, 'Code');
  if (error === undefined || code === undefined) {
    return new Ec2Failure(`status ${status}, and no answer of EC2 to ${action}: is it an EC2 endpoint?`);
  }
  return new Ec2Failure(`${code}: ${textAt(error, 'Message') ?? ''}`.slice(0, MAX_SHOWN));
}

interface Signing {
  readonly url: URL;
  readonly body: string;
  readonly region: string;
  readonly key: AwsKey;
  readonly nowMs: number;
}

/** The headers of a POST, signed (Signature Version 4). */
function signedHeaders({ url, body, region, key, nowMs }: Signing): Record<string, string> {
  const timestamp = `${new Date(nowMs).toISOString().replace(/[-:]/g, '').slice(0, 15)}Z`;
  const token = key.sessionToken === undefined ? {} : { 'x-amz-security-token': key.sessionToken };
  const sent = { 'content-type': CONTENT_TYPE, 'x-amz-date': timestamp, ...token };
  const headers = Object.entries({ ...sent, host: url.host }).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const canonical = canonicalRequest({
    method: 'POST',
    path: url.pathname,
    query: '',
    headers,
    payloadHash: sha256Hex(body),
  });
  const scope = `${timestamp.slice(0, 8)}/${region}/ec2/${TERMINATOR}`;
  const signature = sign(key.secretAccessKey, scope, stringToSign(timestamp, scope, canonical)).toString('hex');
  const names = headers.map(([name]) => name).join(';');
  const authorization = `${ALGORITHM} Credential=${key.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...sent, authorization };
}
