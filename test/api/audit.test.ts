/** What the log says of calls: who, what, from where, with which result, under the id that the caller was told; no secret. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import * as acm from '@aws-sdk/client-acm';
import * as elb from '@aws-sdk/client-elastic-load-balancing';
import * as iam from '@aws-sdk/client-iam';
import type { Credential } from '../../src/api/credentials.ts';
import { handlers as acmHandlers } from '../../src/api/services/acm/service.ts';
import { handlers as elbHandlers } from '../../src/api/services/elb/handlers.ts';
import { handlers as iamHandlers } from '../../src/api/services/iam/service.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { ApiHarness, KEY, READ_ONLY, type LogLine } from '../support/api.ts';
import { issue } from '../support/issued.ts';
import { presignedRequest, signedRequest } from '../support/sign.ts';

const VERSIONS = { elasticloadbalancing: '2012-06-01', iam: '2010-05-08' } as const;
const TOKEN = 'a-session-token-that-nobody-may-learn';
const SESSION: Credential = { ...KEY, profile: 'session', accessKeyId: 'AKIAWEIRTEST00000009', sessionToken: TOKEN };
const leaf = issue();
/** What comes behind the armour. */
const KEY_TEXT = leaf.privateKey.split('\n')[1]!.slice(0, 20);

let harness: ApiHarness;

before(async () => {
  harness = await ApiHarness.start({ pages: { '/broken': () => Promise.reject(new Error('a broken page')) } });
  harness.keys.replace([KEY, READ_ONLY, SESSION]);
});
after(() => harness.stop());
beforeEach(() => {
  harness.lines.length = 0;
});

interface Answer {
  readonly status: number;
  readonly requestId: string;
}

/** Sends a signed Query call with just these parameters. */
async function query(
  service: keyof typeof VERSIONS,
  parameters: Readonly<Record<string, string>>,
  key: Credential = KEY,
): Promise<Answer> {
  const body = new URLSearchParams({ Version: VERSIONS[service], ...parameters }).toString();
  const token = key.sessionToken === undefined ? {} : { 'X-Amz-Security-Token': key.sessionToken };
  const signed = { Host: `127.0.0.1:${harness.port}`, 'Content-Type': 'application/x-www-form-urlencoded', ...token };
  return send(signedRequest({ ...key, service, timeMs: systemClock.epochMs(), headers: signed, body }));
}

/** Sends a signed call of ACM. */
function json(action: string, input: object, service = 'acm'): Promise<Answer> {
  const headers = {
    Host: `127.0.0.1:${harness.port}`,
    'Content-Type': 'application/x-amz-json-1.1',
    'X-Amz-Target': `CertificateManager.${action}`,
  };
  const body = JSON.stringify(input);
  return send(signedRequest({ ...KEY, service, timeMs: systemClock.epochMs(), headers, body }));
}

/** Sends a signed call of CloudWatch in its newest protocol, without a body. */
function cbor(action: string, service = 'monitoring'): Promise<Answer> {
  const headers = { Host: `127.0.0.1:${harness.port}`, 'Smithy-Protocol': 'rpc-v2-cbor' };
  const target = `/service/GraniteServiceVersion20100801/operation/${action}`;
  return send(signedRequest({ ...KEY, service, timeMs: systemClock.epochMs(), headers, target }));
}

async function send(request: ReturnType<typeof signedRequest>): Promise<Answer> {
  const headers: [string, string][] = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    headers.push([request.rawHeaders[i]!, request.rawHeaders[i + 1]!]);
  }
  const body = request.method === 'POST' ? { body: Buffer.from(request.body) } : {};
  const response = await fetch(harness.endpoint + request.target, { method: request.method, headers, ...body });
  await response.arrayBuffer();
  return { status: response.status, requestId: response.headers.get('x-amzn-requestid')! };
}

function linesOf({ requestId }: Answer): readonly LogLine[] {
  return harness.lines.filter((line) => line['requestId'] === requestId);
}

describe('the audit', () => {
  it('has one line for each call of each action that can change anything, with the request id of the answer', async () => {
    const changing = [
      ...Object.entries(elbHandlers).map(([action, handler]) => ['elasticloadbalancing', action, handler] as const),
      ...Object.entries(iamHandlers).map(([action, handler]) => ['iam', action, handler] as const),
      ...Object.entries(acmHandlers).map(([action, handler]) => ['acm', action, handler] as const),
    ].filter(([, , { mutates }]) => mutates);
    assert.ok(changing.length > 25);
    for (const [service, action] of changing) {
      const answer = service === 'acm' ? await json(action, {}) : await query(service, { Action: action });
      const [line, ...more] = linesOf(answer);
      assert.deepEqual([more.length, line?.['action']], [0, action]);
      assert.deepEqual([line!['accessKeyId'], line!['remoteAddress']], [KEY.accessKeyId, '127.0.0.1']);
      assert.equal(line!['result'], answer.status === 200 ? 'OK' : 'ValidationError', action);
    }
  });

  it('has every refused call, whatever it asked for: the id that an error carries is in the log', async () => {
    const cases: readonly (readonly [string, () => Promise<Answer>])[] = [
      [
        'LoadBalancerNotFound',
        () => query('elasticloadbalancing', { Action: 'DescribeTags', 'LoadBalancerNames.member.1': 'absent' }),
      ],
      ['InvalidAction', () => query('elasticloadbalancing', { Action: 'MakeCoffee' })],
      ['MissingAction', () => query('iam', {})],
      ['InvalidAction', () => json('MakeCoffee', {})],
      [
        'ResourceNotFoundException',
        () => json('DescribeCertificate', { CertificateArn: `arn:aws:acm:x:1:${'a'.repeat(9)}` }),
      ],
      ['InvalidAction', () => cbor('MakeCoffee')],
      ['InvalidAction', () => json('constructor', {})],
      ['InvalidAction', () => cbor('constructor')],
      ['SignatureDoesNotMatch', () => json('ListCertificates', {}, 'iam')],
      ['SignatureDoesNotMatch', () => cbor('ListMetrics', 'acm')],
      ['InvalidClientTokenId', () => query('iam', { Action: 'GetUser' }, { ...KEY, accessKeyId: 'AKIANOBODY' })],
      ['AccessDenied', () => query('iam', { Action: 'DeleteServerCertificate' }, READ_ONLY)],
    ];
    for (const [result, make] of cases) {
      const answer = await make();
      assert.deepEqual(
        linesOf(answer).map((line) => line['result']),
        [result],
      );
    }
    for (const [path, init] of [
      ['/nothing-here', { method: 'POST' }],
      ['/', { method: 'PUT' }],
    ] as const) {
      const response = await fetch(harness.endpoint + path, init);
      await response.arrayBuffer();
      assert.equal(linesOf({ status: 0, requestId: response.headers.get('x-amzn-requestid')! }).length, 1);
    }
  });

  it('has no line for a call that only looks, and succeeds', async () => {
    const answer = await query('elasticloadbalancing', { Action: 'DescribeAccountLimits' });
    assert.deepEqual([answer.status, linesOf(answer).length], [200, 0]);
  });
});

/** Nothing in any line, in whatever field, is one of these. */
function assertNotLogged(...secrets: readonly string[]): void {
  assert.ok(harness.lines.length > 0);
  const text = JSON.stringify(harness.lines, (_, value: unknown) => {
    return value instanceof Error ? `${value.message} ${value.stack}` : value;
  });
  for (const secret of secrets) assert.ok(!text.includes(secret), `${secret.slice(0, 12)}… is in the log`);
}

describe('no secret is in the log', () => {
  it('private keys of certificates: given rightly, wrongly, or in the wrong place', async () => {
    const options = { endpoint: harness.endpoint, region: 'us-east-1', credentials: KEY, maxAttempts: 1 };
    const [iamClient, acmClient] = [new iam.IAMClient(options), new acm.ACMClient(options)];
    const { certificate, privateKey } = leaf;
    const upload = { ServerCertificateName: 'web', CertificateBody: certificate, PrivateKey: privateKey };
    await iamClient.send(new iam.UploadServerCertificateCommand(upload));
    const given = { Certificate: Buffer.from(certificate), PrivateKey: Buffer.from(privateKey) };
    await acmClient.send(new acm.ImportCertificateCommand(given));
    for (const wrong of [
      { ServerCertificateName: privateKey },
      { CertificateBody: privateKey },
      { PrivateKey: `${privateKey}x`.repeat(100) },
      { CertificateChain: privateKey },
      { Path: privateKey },
      { Tags: [{ Key: privateKey, Value: '' }] },
    ]) {
      await assert.rejects(
        iamClient.send(new iam.UploadServerCertificateCommand({ ...upload, ServerCertificateName: 'b', ...wrong })),
      );
    }
    await query('iam', { Action: privateKey });
    await query('iam', { Action: 'UploadServerCertificate', 'PrivateKey.member.1': privateKey });
    await json('ImportCertificate', { Certificate: privateKey, PrivateKey: { key: privateKey } });
    iamClient.destroy();
    acmClient.destroy();
    assertNotLogged(KEY_TEXT, Buffer.from(privateKey).toString('base64').slice(80, 140));
  });

  it('session tokens, secret keys and signatures: in headers and in presigned URLs, right or wrong', async () => {
    const { status } = await query('elasticloadbalancing', { Action: 'CreateLoadBalancer' }, SESSION);
    assert.equal(status, 400);
    const wrong = { ...SESSION, sessionToken: `${TOKEN}-wrong` };
    assert.equal((await query('elasticloadbalancing', { Action: 'CreateLoadBalancer' }, wrong)).status, 403);
    const common = { ...SESSION, timeMs: systemClock.epochMs(), headers: { Host: `127.0.0.1:${harness.port}` } };
    const signatures: string[] = [];
    for (const target of [
      '/?Action=AddTags&Version=2012-06-01',
      '/?Action=Nothing&Version=2012-06-01',
      '/broken?a=b',
    ]) {
      const presigned = presignedRequest({ ...common, expires: 60, token: TOKEN, target });
      signatures.push(/X-Amz-Signature=(\w+)/.exec(presigned.target)![1]!);
      assert.ok((await send(presigned)).status >= 400);
    }
    // A page that fails, asked for with what belongs to a call.
    assert.equal((await fetch(`${harness.endpoint}/broken?token=${TOKEN}`)).status, 500);
    assertNotLogged(TOKEN, KEY.secretAccessKey, ...signatures);
  });

  it('what a caller calls a load balancer or its tags is told as far as a name goes', async () => {
    const input = { LoadBalancerNames: ['x'.repeat(1000)], Tags: [{ Key: 'k', Value: 'a value of the caller' }] };
    await assert.rejects(harness.elb.send(new elb.AddTagsCommand(input)));
    assertNotLogged('x'.repeat(65), 'a value of the caller');
  });
});
