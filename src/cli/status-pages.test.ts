import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { ControlHarness, instance, shop } from '../../test/support/control.ts';
import { readExposition } from '../../test/support/exposition-reader.ts';
import { issue, sampleCertificate } from '../../test/support/issued.ts';
import { ACCESS_LOGS } from '../../test/support/metrics.ts';
import { sampleLoadBalancer } from '../../test/support/records.ts';
import type { Policy } from '../model/load-balancer.ts';
import { ProcessMonitor } from '../observe/process-metrics.ts';
import { certificateChange } from '../store/store.ts';
import { createStatusPages } from './status-pages.ts';

/** The pages of `harness`, served on a port; `names`: load balancers that are there besides. */
async function pagesOf(t: TestContext, harness: ControlHarness) {
  const monitor = new ProcessMonitor(harness.clock);
  const pages = createStatusPages({
    store: harness.store,
    control: harness.control,
    clock: harness.clock,
    monitor,
    accessLogs: { metrics: () => ACCESS_LOGS },
    region: 'us-east-1',
    endpoint: () => 'http://127.0.0.1:7600',
    credentialsFile: undefined,
    draining: () => false,
  });
  const server = createServer((request, response) => void pages[request.url ?? '']?.(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    monitor.close();
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { pages, url: (path: string) => `http://127.0.0.1:${port}${path}` };
}

test('metrics are a page that Prometheus takes, whatever is wrong, and a scrape asks no thread for anything', async (t) => {
  const tls = { protocol: 'HTTPS', loadBalancerPort: 443, instanceProtocol: 'HTTP', instancePort: 80 } as const;
  const harness = await ControlHarness.started(
    shop([instance('i-1', '10.0.0.1'), instance('odd"\\\n', '10.0.0.2')]),
    sampleLoadBalancer('shop', { accountId: '111111111111', address: '127.0.0.2' }),
    sampleLoadBalancer('six', { address: '::1' }),
  );
  harness.taken.add(443).add(80);
  const listeners = [{ ...tls, sslCertificateId: 'arn:aws:iam::1:server-certificate/gone', policyNames: [] }];
  await harness.put(sampleLoadBalancer('torn', { address: '127.0.0.3', listeners }));
  await harness.pass(1000);
  harness.threads.automatic = false;
  const { url } = await pagesOf(t, harness);
  const families = readExposition(await (await fetch(url('/metrics'))).text());
  const values = (family: string, label: string) => families.get(family)!.samples.map((one) => one.labels.get(label));
  assert.deepEqual(values('weir_requests_total', 'load_balancer').toSorted(byText), [
    '111111111111/us-east-1/shop',
    'shop',
    'six',
    'torn',
  ]);
  assert.deepEqual(values('weir_instance_in_service', 'instance_id'), ['i-1', 'odd"\\\n']);
  assert.ok(values('weir_listener_bind_failed', 'listener').includes('127.0.0.3:443'));
  assert.deepEqual(
    harness.threads.live.map(({ inbox }) => inbox.length),
    [0, 0],
  );
});

test('the page shows the last checks of each instance with their cause, and what a policy lists and cannot be offered', async (t) => {
  const old: Policy = {
    policyName: 'old',
    policyTypeName: 'SSLNegotiationPolicyType',
    attributes: ['Protocol-SSLv3', 'Protocol-TLSv1.2', 'ECDHE-ECDSA-AES128-GCM-SHA256', 'RC4-SHA'].map((name) => ({
      name,
      value: 'true',
    })),
  };
  const harness = await ControlHarness.started(shop([instance('i-1', '10.0.0.1'), instance('i-2', '10.0.0.2')]));
  const { certificate: body, privateKey } = issue();
  const certificate = sampleCertificate('web', { body, sealedKey: `plain:${privateKey}` });
  await harness.commit(certificateChange(certificate.arn, certificate));
  const listener = { protocol: 'HTTPS', loadBalancerPort: 443, instanceProtocol: 'HTTP', instancePort: 80 } as const;
  const listeners = [{ ...listener, sslCertificateId: certificate.arn, policyNames: ['old'] }];
  await harness.put(sampleLoadBalancer('secure', { address: '127.0.0.9', policies: [old], listeners }));
  harness.down.add('10.0.0.2');
  await harness.pass(120_000, 1000);
  const { url } = await pagesOf(t, harness);
  const page = await (await fetch(url('/'))).text();
  assert.equal(page.match(/Z <span class="good">connected<\/span>, \d/g)?.length, 10);
  assert.equal(page.match(/Z <span class="bad">connection refused<\/span>, \d/g)?.length, 10);
  assert.match(page, /old, of which <span class="bad">2 cannot be offered<\/span>/);
  assert.match(page, /<li>RC4-SHA: [^<]+<\/li>/);
});

function byText(a: string | undefined, b: string | undefined): number {
  return (a ?? '') < (b ?? '') ? -1 : 1;
}

/** A reader of a page: it takes nothing until it goes away. */
class StuckReader extends EventEmitter {
  status = 0;

  writeHead(status: number): void {
    this.status = status;
  }

  end(): void {}
}

test('readers that take nothing are given so much and no more; those who ask whether weir lives are answered', async (t) => {
  const harness = await ControlHarness.started();
  const names = Array.from({ length: 200 }, (_, index) => sampleLoadBalancer(`lb-${index}`));
  await harness.put(...names);
  const { pages } = await pagesOf(t, harness);
  const ask = (path: string) => {
    const reader = new StuckReader();
    void pages[path]!({ method: 'GET' } as IncomingMessage, reader as unknown as ServerResponse);
    return reader;
  };
  const stuck: StuckReader[] = [];
  while (stuck.at(-1)?.status !== 503) stuck.push(ask('/metrics'));
  assert.ok(stuck.length > 3);
  assert.equal(ask('/').status, 503);
  assert.equal(ask('/-/health').status, 200);
  for (const reader of stuck) reader.emit('close');
  assert.equal(ask('/metrics').status, 200);
});

test('pages are for nobody to keep, to frame or to take for something else; HEAD has all but their body', async (t) => {
  const { url } = await pagesOf(t, await ControlHarness.started());
  for (const path of ['/', '/metrics', '/-/ready', '/-/health', '/-/instances', '/-/drains']) {
    const { headers } = await fetch(url(path));
    const names = ['cache-control', 'x-content-type-options', 'content-security-policy'];
    assert.deepEqual(
      names.map((name) => headers.get(name)),
      ['no-store', 'nosniff', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"],
    );
    const head = await fetch(url(path), { method: 'HEAD' });
    assert.deepEqual([await head.text(), head.headers.get('content-type')], ['', headers.get('content-type')]);
  }
});
