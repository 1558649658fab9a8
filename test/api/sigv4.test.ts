import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { KeyRing } from '../../src/api/credentials.ts';
import type { Credential } from '../../src/api/credentials.ts';
import { Fault } from '../../src/api/fault.ts';
import { verifySignature } from '../../src/api/sigv4.ts';
import type { Signed, SignatureFault } from '../../src/api/sigv4.ts';
import type { WireRequest } from '../../src/wire/sigv4-canonical.ts';
import { presignedRequest, signedRequest, withHeader } from '../support/sign.ts';
import type { SigningOptions } from '../support/sign.ts';
import vectors from './sigv4-vectors.json' with { type: 'json' };

const MINUTE = 60_000;
const timeMs = Date.parse(vectors.time);
const { accessKeyId, secretAccessKey } = vectors;
const credential: Credential = {
  profile: 'default',
  accessKeyId,
  secretAccessKey,
  accountId: '000000000000',
  readOnly: false,
};
const keys = new KeyRing([credential]);
const keysWithToken = (sessionToken: string): KeyRing => new KeyRing([{ ...credential, sessionToken }]);
const base: SigningOptions = { accessKeyId, secretAccessKey, timeMs, body: 'Action=DescribeLoadBalancers' };

function codeOf(result: Signed | SignatureFault): string {
  return result instanceof Fault ? result.code : 'signed';
}

function messageOf(result: Signed | SignatureFault): string {
  return result instanceof Fault ? `${result.code}: ${result.message}` : 'signed';
}

describe('Signature Version 4', () => {
  it('says who called, for which region and service', () => {
    const request = signedRequest({ ...base, region: 'eu-north-1', service: 'sts' });
    assert.deepEqual(verifySignature(request, keys, timeMs), { credential, region: 'eu-north-1', service: 'sts' });
  });

  it('takes the Date header where there is no X-Amz-Date, in both forms, and asks that it be signed', () => {
    for (const date of ['20260314T150926Z', 'Sat, 14 Mar 2026 15:09:26 GMT']) {
      const request = signedRequest({ ...base, onlyDateHeader: true, headers: { Date: date } });
      assert.equal(codeOf(verifySignature(request, keys, timeMs)), 'signed');
    }
    const undated = signedRequest({ ...base, onlyDateHeader: true });
    assert.match(
      messageOf(verifySignature(undated, keys, timeMs)),
      /IncompleteSignature: .*'X-Amz-Date' or a 'Date' header/,
    );
    const loose = signedRequest({ ...base, onlyDateHeader: true, unsignedHeaders: { Date: '20260314T150926Z' } });
    assert.match(messageOf(verifySignature(loose, keys, timeMs)), /'date' must be a 'SignedHeader'/);
  });

  it('MissingAuthenticationToken: a request that is not signed', () => {
    const request = withHeader(signedRequest(base), 'authorization', () => undefined);
    assert.equal(
      messageOf(verifySignature(request, keys, timeMs)),
      'MissingAuthenticationToken: Request is missing Authentication Token',
    );
  });

  it('InvalidClientTokenId: a key that does not exist, rightly signed or not', () => {
    for (const secret of [secretAccessKey, 'wrong']) {
      const request = signedRequest({ ...base, accessKeyId: 'AKIAUNKNOWN', secretAccessKey: secret });
      assert.match(
        messageOf(verifySignature(request, keys, timeMs)),
        /^InvalidClientTokenId: The security token included/,
      );
    }
  });

  it('SignatureDoesNotMatch: a wrong secret, with the canonical request and the string to sign for the caller to compare', () => {
    const message = messageOf(verifySignature(signedRequest({ ...base, secretAccessKey: 'wrong' }), keys, timeMs));
    assert.match(message, /^SignatureDoesNotMatch: The request signature we calculated/);
    assert.match(message, /Canonical String for this request should have been\n'POST\n\/\n\nhost:weir\.test\n/);
    assert.match(message, /String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20260314T150926Z\n/);
    assert.ok(!message.includes(secretAccessKey));
  });

  it('SignatureDoesNotMatch: a signature that is no hex of 32 bytes', () => {
    for (const signature of ['', 'x', 'A'.repeat(64), '0'.repeat(63), '0'.repeat(66)]) {
      const request = withHeader(signedRequest(base), 'authorization', (value) =>
        value.replace(/Signature=.*/, `Signature=${signature}`),
      );
      assert.equal(codeOf(verifySignature(request, keys, timeMs)), 'SignatureDoesNotMatch', signature);
    }
  });

  it('RequestExpired: more than 15 minutes away from now, in either direction', () => {
    const at = (offset: number): string => codeOf(verifySignature(signedRequest(base), keys, timeMs + offset));
    assert.deepEqual([at(15 * MINUTE), at(-15 * MINUTE)], ['signed', 'signed']);
    assert.deepEqual([at(15 * MINUTE + 1), at(-15 * MINUTE - 1)], ['RequestExpired', 'RequestExpired']);
    assert.equal(
      messageOf(verifySignature(signedRequest(base), keys, timeMs + 20 * MINUTE)),
      'RequestExpired: Signature expired: 20260314T150926Z is now earlier than 20260314T151426Z (20260314T152926Z - 15 min.)',
    );
  });

  it('RequestExpired: a presigned URL after its time, and not before', () => {
    const at = (offset: number): string =>
      codeOf(verifySignature(presignedRequest({ ...base, body: '', expires: 60 }), keys, timeMs + offset));
    assert.deepEqual([at(0), at(MINUTE), at(-15 * MINUTE)], ['signed', 'signed', 'signed']);
    assert.deepEqual([at(MINUTE + 1), at(-16 * MINUTE)], ['RequestExpired', 'RequestExpired']);
    const week = presignedRequest({ ...base, body: '', expires: 604_800 });
    assert.equal(codeOf(verifySignature(week, keys, timeMs + 604_800_000)), 'signed');
  });

  it('IncompleteSignature: an Authorization header that lacks a part, or has one twice or malformed', () => {
    const good = signedRequest(base).rawHeaders.at(-1)!;
    const cases: readonly (readonly [string, RegExp])[] = [
      ['', /must be AWS4-HMAC-SHA256, got ''/],
      ['Basic dXNlcjpwYXNz', /got 'Basic'/],
      [good.replace('SHA256', 'SHA512'), /got 'AWS4-HMAC-SHA512'/],
      ['AWS4-HMAC-SHA256', /not a list of name=value/],
      [good.replace(/Credential=[^,]*, /, ''), /requires 'Credential' parameter/],
      [good.replace(/, Signature=.*/, ''), /requires 'Signature' parameter/],
      [good.replace(/SignedHeaders=[^,]*, /, ''), /requires 'SignedHeaders' parameter/],
      [`${good}, Signature=x`, /not a list of name=value/],
      [good.replace('/aws4_request', ''), /exactly 5 slash-delimited/],
      [good.replace('/aws4_request', '/aws4_request/x'), /exactly 5 slash-delimited/],
      [good.replace(/Credential=[^/]*/, 'Credential='), /exactly 5 slash-delimited/],
      [good.replace('host;x-amz-date', ';host;x-amz-date'), /sorted/],
      [good.replace('host;x-amz-date', 'x-amz-date;host'), /sorted/],
      [good.replace('host;x-amz-date', 'host;host;x-amz-date'), /each once/],
      [good.replace('host;x-amz-date', 'Host;x-amz-date'), /lower-case/],
    ];
    for (const [authorization, expected] of cases) {
      const request = withHeader(signedRequest(base), 'authorization', () => authorization);
      const message = messageOf(verifySignature(request, keys, timeMs));
      assert.match(message, /^IncompleteSignature: /, authorization);
      assert.match(message, expected);
    }
  });

  it('SignatureDoesNotMatch: a credential scope that does not fit the request', () => {
    const good = signedRequest(base).rawHeaders.at(-1)!;
    const cases: readonly (readonly [string, RegExp])[] = [
      [good.replace('/20260314/', '/20260315/'), /'20260315' != '20260314', from '20260314T150926Z'/],
      [good.replace('aws4_request', 'aws3_request'), /valid terminator/],
      [good.replace('/us-east-1/', '//'), /valid region/],
      [good.replace('/us-east-1/', '/US_EAST/'), /valid region/],
      [good.replace('/elasticloadbalancing/', '//'), /valid service/],
      [good.replace('host;x-amz-date', 'x-amz-date'), /'Host' must be a 'SignedHeader'/],
      [good.replace('host;', 'accept;host;'), /signed header 'accept' is not in the request/],
    ];
    for (const [authorization, expected] of cases) {
      const request = withHeader(signedRequest(base), 'authorization', () => authorization);
      const message = messageOf(verifySignature(request, keys, timeMs));
      assert.match(message, /^SignatureDoesNotMatch: /, authorization);
      assert.match(message, expected);
    }
  });

  it('IncompleteSignature: a malformed date', () => {
    for (const date of ['20260314', '2026-03-14T15:09:26Z', '20261314T150926Z', 'now']) {
      const request = withHeader(signedRequest(base), 'x-amz-date', () => date);
      assert.match(messageOf(verifySignature(request, keys, timeMs)), /^IncompleteSignature: Date must be in ISO-8601/);
    }
  });

  it('IncompleteSignature: a presigned URL that lacks a part, has one twice, lasts too long or is signed in the header too', () => {
    const good = presignedRequest({ ...base, body: '', expires: 60 });
    const cases: readonly (readonly [WireRequest, RegExp])[] = [
      [{ ...good, target: good.target.replace(/X-Amz-Date=[^&]*&/, '') }, /requires the parameters/],
      [{ ...good, target: good.target.replace(/&X-Amz-Signature=[^&]*/, '') }, /requires the parameters/],
      [{ ...good, target: good.target.replace(/X-Amz-Algorithm=[^&]*&/, '') }, /X-Amz-Algorithm must be/],
      [{ ...good, target: `${good.target}&X-Amz-Date=20260314T150926Z` }, /'X-Amz-Date' is given more than once/],
      [{ ...good, rawHeaders: [...good.rawHeaders, 'Authorization', 'x'] }, /use one/],
      ...['0', '604801', '-1', 'x'].map((expires) => {
        return [
          { ...good, target: good.target.replace('Expires=60', `Expires=${expires}`) },
          /1 to 604800 seconds/,
        ] as const;
      }),
    ];
    for (const [request, expected] of cases) {
      const message = messageOf(verifySignature(request, keys, timeMs));
      assert.match(message, /^IncompleteSignature: /);
      assert.match(message, expected);
    }
  });

  it('accepts UNSIGNED-PAYLOAD where the signature says so, in both forms', () => {
    const payloadHash = 'UNSIGNED-PAYLOAD';
    const inHeader = signedRequest({ ...base, payloadHash, headers: { 'X-Amz-Content-Sha256': payloadHash } });
    assert.equal(codeOf(verifySignature({ ...inHeader, body: Buffer.from('other') }, keys, timeMs)), 'signed');
    const inQuery = presignedRequest({ ...base, payloadHash, expires: 60 });
    assert.equal(codeOf(verifySignature({ ...inQuery, body: Buffer.from('other') }, keys, timeMs)), 'signed');
    const besideQuery = presignedRequest({
      ...base,
      payloadHash,
      expires: 60,
      headers: { 'X-Amz-Content-Sha256': payloadHash },
    });
    assert.ok(!besideQuery.target.includes('Sha256'));
    assert.equal(codeOf(verifySignature({ ...besideQuery, body: Buffer.from('other') }, keys, timeMs)), 'signed');
    const unsaid = signedRequest({ ...base, payloadHash });
    assert.equal(codeOf(verifySignature(unsaid, keys, timeMs)), 'SignatureDoesNotMatch');
  });

  it('SignatureDoesNotMatch: a body that is not the one whose hash the header names', () => {
    const { body } = signedRequest({ ...base, body: 'other' });
    const hash = '0'.repeat(64);
    const right = createHash('sha256').update(base.body!).digest('hex');
    const said = signedRequest({ ...base, headers: { 'X-Amz-Content-Sha256': right } });
    assert.equal(codeOf(verifySignature(said, keys, timeMs)), 'signed');
    const request = signedRequest({ ...base, payloadHash: hash, headers: { 'X-Amz-Content-Sha256': hash } });
    assert.equal(codeOf(verifySignature({ ...request, body }, keys, timeMs)), 'SignatureDoesNotMatch');
  });

  it('IncompleteSignature: a body signed in chunks', () => {
    const streaming = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
    for (const request of [
      signedRequest({ ...base, payloadHash: streaming, headers: { 'X-Amz-Content-Sha256': streaming } }),
      signedRequest({ ...base, headers: { 'Content-Encoding': 'gzip, aws-chunked' } }),
    ]) {
      assert.match(messageOf(verifySignature(request, keys, timeMs)), /^IncompleteSignature: Bodies signed in chunks/);
    }
  });

  it('SignatureDoesNotMatch: an x-amz-* header that is not signed, since it could have been added on the way', () => {
    const request = signedRequest({ ...base, unsignedHeaders: { 'X-Amz-Target': 'Other.Action' } });
    assert.match(messageOf(verifySignature(request, keys, timeMs)), /'x-amz-target' must be a 'SignedHeader'/);
  });

  it('InvalidClientTokenId: a session token that is missing, wrong, or given with a key that has none', () => {
    const token = { 'X-Amz-Security-Token': 'token-1' };
    const withToken = keysWithToken('token-1');
    assert.equal(codeOf(verifySignature(signedRequest({ ...base, headers: token }), withToken, timeMs)), 'signed');
    assert.equal(
      codeOf(verifySignature(signedRequest({ ...base, unsignedHeaders: token }), withToken, timeMs)),
      'signed',
    );
    const presigned = presignedRequest({ ...base, body: '', expires: 60, token: 'token-1' });
    assert.equal(codeOf(verifySignature(presigned, withToken, timeMs)), 'signed');
    for (const [request, ring] of [
      [signedRequest(base), withToken],
      [signedRequest({ ...base, headers: { 'X-Amz-Security-Token': 'token-2' } }), withToken],
      [signedRequest({ ...base, headers: token }), keys],
    ] as const) {
      assert.equal(codeOf(verifySignature(request, ring, timeMs)), 'InvalidClientTokenId');
    }
  });

  it('refuses and never throws, whatever the header, target and query', () => {
    const good = signedRequest(base).rawHeaders.at(-1)!;
    const pieces = fc.constantFrom(
      'AWS4-HMAC-SHA256',
      ' ',
      'Credential=',
      '/',
      ',',
      'Signature=',
      'SignedHeaders=',
      'host',
      '=',
      good,
    );
    const text = fc
      .array(fc.oneof(pieces, fc.string({ maxLength: 5 })), { maxLength: 8 })
      .map((parts) => parts.join(''));
    const target = fc.array(
      fc.oneof(
        fc.constantFrom('X-Amz-Signature', 'X-Amz-Algorithm', '=', '&', '%', '%2', '+', '?'),
        fc.string({ maxLength: 3 }),
      ),
    );
    fc.assert(
      fc.property(text, target, (authorization, query) => {
        const request: WireRequest = {
          method: 'POST',
          target: `/?${query.join('')}&Changed=1`,
          rawHeaders: ['Host', 'weir.test', 'X-Amz-Date', '20260314T150926Z', 'Authorization', authorization],
          body: Buffer.alloc(0),
        };
        const result = verifySignature(request, keys, timeMs);
        assert.ok(result instanceof Fault);
        assert.equal(result.status, 403);
      }),
    );
  });
});
