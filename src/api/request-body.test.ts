import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { API } from '../model/limits.ts';
import { Fault } from './fault.ts';
import { BodyBudget, readBody } from './request-body.ts';

/** A request whose body is what is written to it. */
function request(contentLength?: number): { message: IncomingMessage; body: PassThrough } {
  const body = new PassThrough();
  const headers = contentLength === undefined ? {} : { 'content-length': String(contentLength) };
  return { message: Object.assign(body, { headers }) as unknown as IncomingMessage, body };
}

function codeOf(result: Buffer | Fault | undefined): string {
  return result instanceof Fault ? result.code : Buffer.isBuffer(result) ? 'a body' : 'nothing';
}

describe('reading a body', () => {
  it('gives the bytes, and keeps them in the budget until they are given back', async () => {
    const budget = new BodyBudget(4);
    const first = request();
    const reading = readBody(first.message, budget);
    first.body.end('abcd');
    assert.deepEqual(await reading, Buffer.from('abcd'));
    const second = request();
    const refused = readBody(second.message, budget);
    second.body.end('e');
    assert.equal(codeOf(await refused), 'ServiceUnavailable');
    budget.giveBack(4);
    assert.ok(budget.take(4));
  });

  it('refuses more than the limit, announced or not, and holds nothing of it', async () => {
    const budget = new BodyBudget(2 * API.maxBodyBytes);
    assert.equal(codeOf(await readBody(request(API.maxBodyBytes + 1).message, budget)), 'RequestEntityTooLarge');
    const silent = request();
    const reading = readBody(silent.message, budget);
    silent.body.write(Buffer.alloc(API.maxBodyBytes));
    silent.body.write('x');
    assert.equal(codeOf(await reading), 'RequestEntityTooLarge');
    assert.ok(budget.take(2 * API.maxBodyBytes));
  });

  it('gives nothing when the peer goes away, and holds nothing', async () => {
    const budget = new BodyBudget(10);
    const { message, body } = request(5);
    const reading = readBody(message, budget);
    const seen = once(message, 'data');
    body.write('abc');
    await seen;
    body.destroy();
    assert.equal(await reading, undefined);
    assert.ok(budget.take(10));
  });

  it('takes as much as the limit, and an error of the peer for its going away', async () => {
    const budget = new BodyBudget();
    const { message, body } = request(API.maxBodyBytes);
    const reading = readBody(message, budget);
    body.end(Buffer.alloc(API.maxBodyBytes));
    assert.equal(codeOf(await reading), 'a body');
    const broken = request();
    const waiting = readBody(broken.message, budget);
    broken.body.destroy(new Error('ECONNRESET'));
    assert.equal(await waiting, undefined);
  });
});
