import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { createServer } from 'node:tls';
import { parseHandshakes, runHandshakes, type HandshakePlan } from '../../bench/load/handshakes.ts';
import { ProcessTable } from '../../bench/processes.ts';
import { scenariosNamed } from '../../bench/scenarios.ts';
import { makeCertificates, TLS_CIPHERS, TLS_CURVE, TLS_VERSION } from '../../bench/tls.ts';

const OUTPUT = 'figures full=500 resumed=0 failed=0 microseconds=1000123 p50=2000 p99=9000\n';

describe('what the client of handshakes says', () => {
  test('the figures of a clean run are read and there are no errors', () => {
    assert.deepEqual(parseHandshakes(OUTPUT, false), {
      requests: 500,
      bytes: 0,
      seconds: 1.000123,
      p50Us: 2000,
      p99Us: 9000,
      late: 0,
      errors: {},
    });
  });

  test('a handshake of the other kind makes the sample invalid, and so does a failed one', () => {
    const { errors } = parseHandshakes(OUTPUT.replace('resumed=0', 'resumed=1').replace('failed=0', 'failed=2'), false);
    assert.deepEqual(errors, { 'failed handshake': 2, 'resumed handshake': 1 });
    assert.deepEqual(parseHandshakes(OUTPUT, true).errors, { 'full handshake': 500 });
  });

  test('a line that is not there or not whole is refused with a reason', () => {
    assert.throws(() => parseHandshakes('', false), /no line that starts with "figures"/);
    assert.throws(() => parseHandshakes(OUTPUT.replace(' p99=9000', ''), false), /"p99" is missing/);
  });
});

test('the client resumes when it is told to, and not otherwise, with the cipher that it is told', async (t: TestContext) => {
  const { certificate: cert, privateKey: key } = makeCertificates().ecdsa;
  const seen: { resumed: boolean; cipher: string }[] = [];
  const server = createServer({ cert, key }, (socket) => {
    seen.push({ resumed: socket.isSessionReused(), cipher: socket.getCipher().name });
    socket.on('error', () => undefined).resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const processes = new ProcessTable();
  t.after(() => processes.killAllNow());
  const plan: HandshakePlan = {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    connections: 2,
    seconds: 0.2,
    resume: false,
    version: TLS_VERSION,
    ciphers: TLS_CIPHERS.ecdsa,
    curve: TLS_CURVE,
    sources: ['127.0.0.2', '127.0.0.3'],
  };
  for (const resume of [false, true]) {
    seen.length = 0;
    const { requests, errors } = await runHandshakes(processes, { ...plan, resume }, undefined);
    assert.deepEqual(errors, {});
    const measured = resume ? seen.slice(1) : seen;
    assert.equal(measured.length, requests);
    assert.ok(requests > 0 && measured.every((each) => each.resumed === resume));
    assert.deepEqual(new Set(seen.map(({ cipher }) => cipher)), new Set([TLS_CIPHERS.ecdsa]));
  }
});

test('the beginning of names stands for all of them', () => {
  const names = (name: string) => scenariosNamed(name).map((scenario) => scenario.name);
  assert.deepEqual(names('https'), ['https-ecdsa', 'https-rsa']);
  assert.equal(names('handshakes').length, 4);
  assert.deepEqual(names('http'), ['http']);
  assert.throws(() => scenariosNamed('hand'), /there is no scenario "hand"; there are: http, /);
});
