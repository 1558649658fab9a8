import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import {
  AddTagsCommand,
  CreateLoadBalancerCommand,
  DescribeLoadBalancersCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import { API } from '../../src/model/limits.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { ApiHarness, KEY, OTHER_ACCOUNT, READ_ONLY, testConfiguration } from '../support/api.ts';
import { presignedRequest, signedRequest } from '../support/sign.ts';
import type { SigningOptions } from '../support/sign.ts';

const FORM = 'application/x-www-form-urlencoded';
const DESCRIBE = 'Action=DescribeLoadBalancers&Version=2012-06-01';

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly message: string;
  readonly headers: Headers;
  readonly text: string;
}

let harness: ApiHarness;

async function toAnswer(response: Response): Promise<Answer> {
  const text = await response.text();
  const element = (name: string): string | undefined => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
  return {
    status: response.status,
    code: element('Code'),
    message: element('Message') ?? '',
    headers: response.headers,
    text,
  };
}

/** Signs and sends. */
async function call(options: Partial<SigningOptions> = {}): Promise<Answer> {
  const { method, target, rawHeaders, body } = signedRequest({
    ...KEY,
    timeMs: systemClock.epochMs(),
    headers: { Host: `127.0.0.1:${harness.port}`, 'Content-Type': FORM },
    ...options,
  });
  const headers: [string, string][] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) headers.push([rawHeaders[i]!, rawHeaders[i + 1]!]);
  const hasBody = method === 'POST';
  return toAnswer(await fetch(harness.endpoint + target, { method, headers, ...(hasBody ? { body } : {}) }));
}

async function unsigned(path = '/', init: RequestInit = {}): Promise<Answer> {
  return toAnswer(await fetch(harness.endpoint + path, init));
}

/** Sends bytes as they are and reads to the end. */
function raw(...parts: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(harness.port, '127.0.0.1', () => {
      for (const part of parts) socket.write(part);
    });
    let text = '';
    socket.setEncoding('latin1').on('data', (data: string) => (text += data));
    socket.on('close', () => resolve(text)).on('error', (error) => (text === '' ? reject(error) : resolve(text)));
  });
}

before(async () => {
  harness = await ApiHarness.start({
    pages: {
      '/': (_request, response) => void response.end('a page'),
      '/-/ready': (_request, response) => void response.writeHead(503).end('starting'),
      '/broken': () => Promise.reject(new Error('a broken page')),
      '/half': (_request, response) => {
        response.writeHead(200, { 'content-length': 10 }).write('half');
        throw new Error('a broken page');
      },
    },
  });
});
after(() => harness.stop());
beforeEach(() => {
  harness.lines.length = 0;
});

describe('who may call', () => {
  it('fault 47: MissingAuthenticationToken, InvalidClientTokenId, SignatureDoesNotMatch, IncompleteSignature, RequestExpired: 403', async () => {
    const cases: readonly (readonly [string, () => Promise<Answer>])[] = [
      [
        'MissingAuthenticationToken',
        () => unsigned('/', { method: 'POST', body: DESCRIBE, headers: { 'content-type': FORM } }),
      ],
      ['InvalidClientTokenId', () => call({ accessKeyId: 'AKIANOBODY', body: DESCRIBE })],
      ['SignatureDoesNotMatch', () => call({ secretAccessKey: 'wrong', body: DESCRIBE })],
      [
        'IncompleteSignature',
        () => unsigned('/', { method: 'POST', headers: { authorization: 'AWS4-HMAC-SHA256 x' } }),
      ],
      ['RequestExpired', () => call({ timeMs: systemClock.epochMs() - API.clockSkewMs - 5000, body: DESCRIBE })],
    ];
    for (const [expected, make] of cases) {
      const { status, code, headers, text } = await make();
      assert.deepEqual([status, code], [403, expected]);
      assert.equal(headers.get('content-type'), 'text/xml');
      assert.ok(text.includes(`<RequestId>${headers.get('x-amzn-requestid')}</RequestId>`));
    }
  });

  it('a presigned URL is a call', async () => {
    const options = {
      ...KEY,
      timeMs: systemClock.epochMs(),
      expires: 60,
      headers: { Host: `127.0.0.1:${harness.port}` },
    };
    const { target } = presignedRequest({ ...options, target: `/?${DESCRIBE}` });
    const { status, text } = await unsigned(target);
    assert.equal(status, 200);
    assert.match(text, /<DescribeLoadBalancersResult>/);
  });

  it('a signed GET with its parameters in the URL is a call', async () => {
    const { status, text } = await call({
      method: 'GET',
      target: `/?${DESCRIBE}`,
      headers: { Host: `127.0.0.1:${harness.port}` },
    });
    assert.equal(status, 200);
    assert.match(text, /<LoadBalancerDescriptions\/>|<LoadBalancerDescriptions>/);
  });

  it('AccessDenied: a read-only key changes nothing, and describes', async () => {
    const reader = harness.client(READ_ONLY);
    await reader.send(new DescribeLoadBalancersCommand({}));
    const { code, status, message } = await harness.refused(() =>
      reader.send(new AddTagsCommand({ LoadBalancerNames: ['x'], Tags: [{ Key: 'a' }] })),
    );
    assert.deepEqual([code, status], ['AccessDenied', 403]);
    assert.match(
      message,
      /AKIAWEIRTEST00000003 is not authorized to perform: elasticloadbalancing:AddTags, since it is read-only/,
    );
  });

  it('keys that are taken away hold no more', async () => {
    const client = harness.client(OTHER_ACCOUNT);
    await client.send(new DescribeLoadBalancersCommand({}));
    harness.keys.replace([KEY, READ_ONLY]);
    await assert.rejects(client.send(new DescribeLoadBalancersCommand({})), { Code: 'InvalidClientTokenId' });
    harness.keys.replace([KEY, OTHER_ACCOUNT, READ_ONLY]);
  });

  it('refused signatures are logged some times, then counted, without what was sent', async () => {
    for (let i = 0; i < 30; i++) await call({ secretAccessKey: 'wrong', body: DESCRIBE });
    const lines = harness.lines.filter(({ message }) => message.includes('could not be established'));
    assert.ok(lines.length <= 20);
    assert.ok(!JSON.stringify(lines).includes('Canonical'));
  });
});

describe('without signatures (auth: none)', () => {
  let open: ApiHarness;
  let guarded: ApiHarness;
  before(async () => {
    guarded = harness;
    open = await ApiHarness.start({
      configuration: { api: { host: '127.0.0.1', port: 0, auth: 'none' }, region: 'eu-west-3' },
    });
    harness = open;
  });
  after(async () => {
    harness = guarded;
    await open.stop();
  });
  const post = (headers: Record<string, string> = {}) =>
    unsigned('/', { method: 'POST', body: DESCRIBE, headers: { 'content-type': FORM, ...headers } });

  it('anybody on the machine calls, in the region of the configuration or of an SDK that signs all the same', async () => {
    assert.equal((await post()).status, 200);
    const Listeners = [{ Protocol: 'TCP', LoadBalancerPort: 1, InstancePort: 1 }];
    const input = { LoadBalancerName: 'a', Listeners, AvailabilityZones: ['sa-east-1a'] };
    const stranger = { accessKeyId: 'any', secretAccessKey: 'thing' };
    await open.client({ ...KEY, ...stranger }, 'sa-east-1').send(new CreateLoadBalancerCommand(input));
    assert.equal(open.record('a', '000000000000', 'sa-east-1').name, 'a');
    const local = { ...input, LoadBalancerName: 'b', AvailabilityZones: ['eu-west-3a'] };
    const parameters = new URLSearchParams({
      Action: 'CreateLoadBalancer',
      Version: '2012-06-01',
      LoadBalancerName: 'b',
    });
    parameters.set('AvailabilityZones.member.1', local.AvailabilityZones[0]!);
    for (const [key, value] of Object.entries(Listeners[0]!))
      parameters.set(`Listeners.member.1.${key}`, String(value));
    assert.equal((await unsigned('/', { method: 'POST', body: parameters })).status, 200);
    assert.equal(open.record('b', '000000000000', 'eu-west-3').name, 'b');
  });

  it('AccessDenied: a web page in a browser on the machine, by its origin or by a name of its own', async () => {
    for (const headers of [{ origin: 'http://evil.example' }, { origin: 'null' }]) {
      const { status, code } = await post(headers);
      assert.deepEqual([status, code], [403, 'AccessDenied']);
    }
    const rebound = await raw(
      `POST / HTTP/1.1\r\nHost: evil.example:${harness.port}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    );
    assert.match(rebound, /<Code>AccessDenied<\/Code>/);
    for (const [site, status] of [
      ['cross-site', 403],
      ['same-site', 403],
      ['same-origin', 200],
      ['none', 200],
    ] as const) {
      // An image of the page: no Origin.
      const image = `GET /?${DESCRIBE} HTTP/1.1\r\nHost: 127.0.0.1:${harness.port}\r\nSec-Fetch-Site: ${site}\r\n`;
      assert.match(await raw(`${image}Connection: close\r\n\r\n`), new RegExp(`^HTTP/1\\.1 ${status} `), site);
    }
    assert.equal((await post({ origin: harness.endpoint })).status, 200);
  });

  it('calls by the names and addresses that only this machine has are taken', async () => {
    for (const host of ['localhost', 'weir.localhost', '127.0.0.1', '[::1]']) {
      const head = `GET /?${DESCRIBE} HTTP/1.1\r\nHost: ${host}:${harness.port}\r\nConnection: close\r\n\r\n`;
      assert.match(await raw(head), /^HTTP\/1\.1 200 /, host);
    }
  });

  it('does not listen on an address other than loopback', async () => {
    const api = { host: '0.0.0.0', port: 0, auth: 'none' } as const;
    await assert.rejects(
      ApiHarness.start({ configuration: { api } }),
      /auth: none lets everybody who reaches 0\.0\.0\.0 change everything/,
    );
  });
});

describe('dispatch', () => {
  it('MissingAction, MissingParameter, InvalidAction: no action, no version, unknown ones', async () => {
    const cases: readonly (readonly [string, string, RegExp])[] = [
      ['Version=2012-06-01', 'MissingAction', /must contain the parameter Action/],
      ['Action=DescribeLoadBalancers', 'MissingParameter', /must contain the parameter Version/],
      [
        'Action=Describe&Version=2012-06-01',
        'InvalidAction',
        /Could not find operation Describe for version 2012-06-01/,
      ],
      ['Action=__proto__&Version=2012-06-01', 'InvalidAction', /Could not find operation __proto__/],
      [
        'Action=DescribeLoadBalancers&Version=2011-11-15',
        'InvalidAction',
        /weir has elasticloadbalancing \(version 2012-06-01\)/,
      ],
      [
        'Action=DescribeLoadBalancers&Version=2015-12-01',
        'InvalidAction',
        /Classic Load Balancer.*use version 2012-06-01 \(&quot;aws elb&quot;\)/,
      ],
    ];
    for (const [body, expected, message] of cases) {
      const answer = await call({ body });
      assert.deepEqual([answer.status, answer.code], [400, expected]);
      assert.match(answer.message, message);
    }
  });

  it('InvalidAction: a request that is signed for another service', async () => {
    const { code, message } = await call({ body: DESCRIBE, service: 's3' });
    assert.equal(code, 'InvalidAction');
    assert.match(message, /service 's3', which the request is signed for\. weir has elasticloadbalancing/);
    // As clients of other protocols ask: without an action.
    const listing = await call({ method: 'GET', target: '/?x-id=ListBuckets', service: 's3' });
    assert.deepEqual([listing.code, listing.message], [code, message]);
  });

  it('NotFound, MethodNotAllowed, UnsupportedMediaType: elsewhere, otherwise, other bodies', async () => {
    assert.deepEqual(await statusAndCode(call({ target: '/elb', body: DESCRIBE })), [404, 'NotFound']);
    assert.deepEqual(await statusAndCode(unsigned('/favicon.ico')), [404, 'NotFound']);
    assert.deepEqual(await statusAndCode(unsigned('/', { method: 'DELETE' })), [405, 'MethodNotAllowed']);
    const headers = { Host: `127.0.0.1:${harness.port}`, 'Content-Type': 'application/json' };
    assert.deepEqual(await statusAndCode(call({ body: '{}', headers })), [415, 'UnsupportedMediaType']);
  });

  it('MalformedQueryString: parameters that cannot be read', async () => {
    for (const body of [`${DESCRIBE}&a=%zz`, `${DESCRIBE}&Action=AddTags`, `${DESCRIBE}&a=%ff`]) {
      assert.deepEqual(await statusAndCode(call({ body })), [400, 'MalformedQueryString']);
    }
  });

  it('nothing that is answered may be kept by anybody on the way', async () => {
    for (const { headers } of [await call({ body: DESCRIBE }), await unsigned('/none')]) {
      assert.equal(headers.get('cache-control'), 'no-store');
    }
  });
});

async function statusAndCode(answer: Promise<Answer>): Promise<[number, string | undefined]> {
  const { status, code } = await answer;
  return [status, code];
}

describe('pages', () => {
  it('are served at their path to GET and HEAD without a signature, a call at the same path is a call', async () => {
    assert.equal((await unsigned('/')).text, 'a page');
    assert.equal((await unsigned('/-/ready?x=1')).status, 503);
    assert.equal((await unsigned('/', { method: 'HEAD' })).status, 200);
    assert.equal((await unsigned(`/?${DESCRIBE}`)).code, 'MissingAuthenticationToken');
    assert.equal((await unsigned('/__proto__')).code, 'NotFound');
    assert.equal((await unsigned('/-/ready', { method: 'POST' })).code, 'MethodNotAllowed');
  });

  it('are served to who has told a proxy before weir who they are, a call with that is a call', async () => {
    for (const authorization of ['Basic dXNlcjpwYXNzd29yZA==', 'Bearer token']) {
      const headers = { authorization };
      assert.equal((await unsigned('/', { headers })).text, 'a page');
      assert.equal((await unsigned('/-/ready', { headers })).text, 'starting');
      assert.equal((await unsigned(`/?${DESCRIBE}`, { headers })).code, 'IncompleteSignature');
    }
    assert.equal((await call({ method: 'GET' })).code, 'MissingAction');
  });

  it('InternalFailure: one that fails is logged, and told as little as possible of', async () => {
    const { status, code, message } = await unsigned('/broken?password=secret');
    assert.deepEqual([status, code], [500, 'InternalFailure']);
    assert.ok(!message.includes('a broken page'));
    const line = harness.lines.find(({ level }) => level === 'error');
    assert.match(line!.message, /failed by a bug/);
    assert.deepEqual([line!['path'], JSON.stringify(harness.lines).includes('secret')], ['/broken', false]);
  });

  it('one that fails when it has begun is cut off, so that nobody takes a part for the whole', async () => {
    await assert.rejects(unsigned('/half'));
    assert.ok(harness.lines.some(({ level }) => level === 'error'));
  });
});

describe('bounds', () => {
  it('fault 48: RequestEntityTooLarge: a body over the limit, announced or not', async () => {
    const body = 'a'.repeat(API.maxBodyBytes + 1);
    const announced = await unsigned('/', { method: 'POST', body, headers: { 'content-type': FORM } });
    assert.deepEqual([announced.status, announced.code], [413, 'RequestEntityTooLarge']);
    const chunk = `10000\r\n${'a'.repeat(65_536)}\r\n`;
    const head = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
    assert.match(await raw(head, ...Array.from({ length: 20 }, () => chunk)), /^HTTP\/1\.1 413 /);
    const expecting = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`;
    assert.match(await raw(expecting), /^HTTP\/1\.1 413 /);
  });

  it('RequestHeaderFieldsTooLarge, MalformedRequest: headers over the limit, bytes that are no HTTP', async () => {
    const long = await raw(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(API.maxHeaderBytes)}\r\n\r\n`);
    const fits = await raw(
      `GET /-/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: ${'a'.repeat(API.maxHeaderBytes - 100)}\r\n\r\n`,
    );
    assert.match(fits, /^HTTP\/1\.1 503 [^]*\r\nstarting\r\n/);
    assert.match(long, /^HTTP\/1\.1 431 [^]*<Code>RequestHeaderFieldsTooLarge<\/Code>/);
    assert.match(await raw('\u0016\u0003\u0001 no HTTP\r\n\r\n'), /^HTTP\/1\.1 400 [^]*<Code>MalformedRequest<\/Code>/);
  });

  it('fault 48: ValidationError, MalformedQueryString: hostile lists, names and counts of parameters', async () => {
    const create = 'Action=CreateLoadBalancer&Version=2012-06-01&LoadBalancerName=a';
    for (const more of [
      'Listeners.member.__proto__.Protocol=HTTP',
      'Listeners.member.99999999.Protocol=HTTP',
      `${'a.'.repeat(20)}b=1`,
    ]) {
      assert.deepEqual(await statusAndCode(call({ body: `${create}&${more}` })), [400, 'ValidationError']);
    }
    const many = Array.from({ length: API.maxParameters }, (_, index) => `p${index}=`).join('&');
    assert.deepEqual(await statusAndCode(call({ body: `${create}&${many}` })), [400, 'MalformedQueryString']);
  });

  it('bodies that have been answered make room for others', async () => {
    const body = 'a'.repeat(API.maxBodyBytes);
    for (let sent = 0; sent <= API.maxBufferedBytes; sent += body.length) {
      assert.equal((await unsigned('/', { method: 'POST', body, headers: { 'content-type': FORM } })).status, 403);
    }
  });

  it('one connection carries many calls', async () => {
    const get = `GET /-/ready HTTP/1.1\r\nHost: x\r\n`;
    const text = await raw(`${get}\r\n${get}\r\n${get}Connection: close\r\n\r\n`);
    assert.equal(text.match(/HTTP\/1\.1 503/g)?.length, 3);
  });
});

describe('the log', () => {
  it('has a line for each who is turned away: without a key, elsewhere, too large, no HTTP', async () => {
    const [before, fresh] = [harness, await ApiHarness.start({})];
    harness = fresh;
    const body = 'a'.repeat(API.maxBodyBytes + 1);
    const told = [await unsigned(), await unsigned('/none'), await unsigned('/', { method: 'POST', body })];
    const ids = told.map(({ headers }) => headers.get('x-amzn-requestid'));
    ids.push(/x-amzn-RequestId: (\S+)/.exec(await raw('no HTTP\r\n\r\n'))![1]!);
    harness = before;
    await fresh.stop();
    const codes = ['MissingAuthenticationToken', 'NotFound', 'RequestEntityTooLarge', 'MalformedRequest'];
    assert.deepEqual(
      fresh.lines.map(({ requestId, result, remoteAddress }) => [requestId, result, remoteAddress]),
      codes.map((code, index) => [ids[index], code, '127.0.0.1']),
    );
  });

  it('has one line for each call that changes or was to change something: who, what, from where, result', async () => {
    const Listeners = [{ Protocol: 'HTTP', LoadBalancerPort: 80, InstancePort: 80 }];
    const input = { LoadBalancerName: 'logged', Listeners, AvailabilityZones: ['us-east-1a'] };
    await harness.elb.send(new CreateLoadBalancerCommand(input));
    await harness.elb.send(new DescribeLoadBalancersCommand({}));
    const add = new AddTagsCommand({ LoadBalancerNames: ['absent'], Tags: [{ Key: 'a', Value: 'private' }] });
    await assert.rejects(harness.elb.send(add));
    await assert.rejects(harness.client(READ_ONLY).send(add));
    const lines = harness.lines.filter(({ message }) => message === 'API call');
    assert.deepEqual(
      lines.map(({ requestId, durationMs, ...fields }) => {
        assert.match(String(requestId), /^[0-9a-f-]{36}$/);
        assert.ok(Number(durationMs) >= 0);
        return fields;
      }),
      [
        ['CreateLoadBalancer', 'logged', 'OK', KEY],
        ['AddTags', 'absent', 'LoadBalancerNotFound', KEY],
        ['AddTags', 'absent', 'AccessDenied', READ_ONLY],
      ].map(([action, subject, result, key]) => ({
        level: 'info',
        message: 'API call',
        action,
        subject,
        result,
        accountId: '000000000000',
        region: 'us-east-1',
        accessKeyId: (key as typeof KEY).accessKeyId,
        remoteAddress: '127.0.0.1',
      })),
    );
    assert.ok(!/private|secret/.test(JSON.stringify(harness.lines)));
  });
});

describe('a stop', () => {
  it('lets calls in flight end and takes no new connection; a configuration read again never changes who may call', async () => {
    const stopping = await ApiHarness.start({});
    stopping.api.reconfigure(testConfiguration({ api: { host: '0.0.0.0', port: 1, auth: 'none' } }));
    assert.equal((await fetch(stopping.endpoint, { method: 'POST' })).status, 403);
    let release = (): void => undefined;
    stopping.control.onTry = () => new Promise((resolve) => (release = resolve));
    const Listeners = [{ Protocol: 'HTTP', LoadBalancerPort: 80, InstancePort: 80 }];
    const input = { LoadBalancerName: 'a', Listeners, AvailabilityZones: ['us-east-1a'] };
    const call = stopping.elb.send(new CreateLoadBalancerCommand(input));
    while (stopping.control.tried.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const stopped = stopping.api.close(5000);
    await assert.rejects(fetch(stopping.endpoint));
    release();
    assert.match((await call).DNSName!, /^a-/);
    await stopped;
    stopping.elb.destroy();
  });

  it('ends idle connections at once, and cuts off who does not come to an end in time', async () => {
    const idle = await ApiHarness.start({});
    assert.equal((await fetch(idle.endpoint)).status, 403);
    await idle.api.close(60_000);
    const stopping = await ApiHarness.start({});
    stopping.control.onTry = () => new Promise(() => undefined);
    const Listeners = [{ Protocol: 'HTTP', LoadBalancerPort: 80, InstancePort: 80 }];
    const input = { LoadBalancerName: 'a', Listeners, AvailabilityZones: ['us-east-1a'] };
    const cut = assert.rejects(stopping.elb.send(new CreateLoadBalancerCommand(input)));
    while (stopping.control.tried.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await stopping.api.close(10);
    await cut;
    stopping.elb.destroy();
  });
});
