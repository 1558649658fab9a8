import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeyRing } from '../../src/api/credentials.ts';
import { Fault } from '../../src/api/fault.ts';
import { verifySignature } from '../../src/api/sigv4.ts';
import type { WireRequest } from '../../src/wire/sigv4-canonical.ts';
import { withHeader } from '../support/sign.ts';
// Signed by botocore, so that the verifier is held against another implementation.
import vectors from './sigv4-vectors.json' with { type: 'json' };

const timeMs = Date.parse(vectors.time);

function keyRing(sessionToken: string | undefined): KeyRing {
  const { accessKeyId, secretAccessKey } = vectors;
  const credential = { profile: 'default', accessKeyId, secretAccessKey, accountId: '000000000000', readOnly: false };
  return new KeyRing([sessionToken === undefined ? credential : { ...credential, sessionToken }]);
}

function outcome(request: WireRequest, ring: KeyRing): string {
  const result = verifySignature(request, ring, timeMs);
  return result instanceof Fault ? result.code : 'signed';
}

describe('Signature Version 4 as botocore signs it', () => {
  for (const vector of vectors.requests) {
    const ring = keyRing(vector.sessionToken);
    const request: WireRequest = {
      method: vector.method,
      target: vector.target,
      rawHeaders: vector.headers,
      body: Buffer.from(vector.body),
    };
    it(`accepts ${vector.name}`, () => {
      const result = verifySignature(request, ring, timeMs);
      assert.ok(!(result instanceof Fault));
      assert.equal(result.region, vector.name.startsWith('another') ? 'us-gov-east-1' : 'eu-west-1');
    });

    it(`refuses, with any signed part changed, ${vector.name}`, () => {
      const changed: WireRequest[] = [
        { ...request, method: 'PUT' },
        { ...request, target: request.target.replace('/', '/x') },
        { ...request, target: `${request.target}${request.target.includes('?') ? '&' : '?'}More=1` },
        { ...request, body: Buffer.from(`${vector.body}&More=1`) },
        withHeader(request, 'host', (value) => `${value}.example`),
      ];
      if (vector.method === 'POST') {
        changed.push(
          withHeader(request, 'authorization', (value) => value.slice(0, -1) + (value.endsWith('0') ? '1' : '0')),
        );
      }
      for (const one of changed) assert.equal(outcome(one, ring), 'SignatureDoesNotMatch');
    });
  }
});
