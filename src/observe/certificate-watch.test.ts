import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleCertificate } from '../../test/support/issued.ts';
import { put, sampleLoadBalancer } from '../../test/support/records.ts';
import { FakeClock } from '../kit/clock.ts';
import type { LogFields } from '../kit/log.ts';
import { createMemoryStore } from '../store/memory.ts';
import { certificateChange } from '../store/store.ts';
import { CertificateWatch } from './certificate-watch.ts';

const DAY_MS = 86_400_000;

/** A watch over a certificate that ends `days` from now, used by a listener or not. */
async function watch(days: number, isUsed = true) {
  const clock = new FakeClock();
  const store = createMemoryStore();
  const sample = sampleCertificate('web');
  const certificate = { ...sample, details: { ...sample.details, notAfterMs: clock.epochMs() + days * DAY_MS } };
  const listener = { protocol: 'HTTPS', loadBalancerPort: 443, instanceProtocol: 'HTTP', instancePort: 80 } as const;
  const listeners = [{ ...listener, sslCertificateId: certificate.arn, policyNames: [] }];
  const changes = [certificateChange(certificate.arn, certificate)];
  await store.commit(0, isUsed ? [...changes, put(sampleLoadBalancer('shop', { listeners }))] : changes);
  const lines: [level: string, message: string, fields: LogFields][] = [];
  const line = (level: string) => (fields: LogFields, message: string) => void lines.push([level, message, fields]);
  const log = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
  const watch = new CertificateWatch({ store, clock, log });
  watch.start();
  return { clock, store, certificate, lines, watch };
}

test('a certificate is warned of from 30 days before its end on, once a day', async () => {
  const { clock, lines, certificate } = await watch(33);
  clock.advance(2.5 * DAY_MS);
  assert.equal(lines.length, 0);
  clock.advance(DAY_MS);
  assert.deepEqual(
    lines.map(([level, message]) => [level, message]),
    [['warn', 'a certificate expires in 30 days: upload another and set it on its listeners']],
  );
  assert.deepEqual(lines[0]![2], {
    certificate: certificate.arn,
    notAfter: new Date(certificate.details.notAfterMs).toISOString(),
    loadBalancers: ['shop'],
  });
  clock.advance(10 * DAY_MS);
  assert.equal(lines.length, 11);
});

test('fault 44: the last day and the time after it are told as such', async () => {
  const { clock, lines } = await watch(0.75);
  clock.advance(DAY_MS);
  assert.deepEqual(
    lines.map(([, message]) => message.split(':')[0]),
    ['a certificate expires within a day', 'a certificate has expired'],
  );
});

test('a certificate that no listener uses is no warning', async () => {
  const { lines } = await watch(5, false);
  assert.deepEqual(
    lines.map(([level, message]) => [level, message]),
    [['info', 'a certificate that no listener uses expires in 5 days']],
  );
});

test('one that was replaced in time, or deleted, is told of no more', async () => {
  const { clock, store, certificate, lines } = await watch(5);
  const details = { ...certificate.details, notAfterMs: certificate.details.notAfterMs + 90 * DAY_MS };
  await store.commit(1, [certificateChange(certificate.arn, { ...certificate, details })]);
  clock.advance(10 * DAY_MS);
  assert.equal(lines.length, 1);
});

test('a stopped watch says nothing', async () => {
  const { clock, lines, watch: stopped } = await watch(5);
  stopped.stop();
  clock.advance(10 * DAY_MS);
  assert.equal(lines.length, 1);
});

test('a clock that is set to another time makes no flood', async () => {
  const { clock, lines } = await watch(20);
  for (let jump = 0; jump < 10; jump++) {
    clock.jumpEpoch(jump % 2 === 0 ? DAY_MS : -DAY_MS);
    clock.advance(DAY_MS / 10);
  }
  assert.ok(lines.length <= 2, `${lines.length} lines`);
});
