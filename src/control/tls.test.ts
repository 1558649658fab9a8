/** Certificates, policies and public keys from the store to the threads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControlHarness, instance, shop } from '../../test/support/control.ts';
import { issue, sampleCertificate, type Issued } from '../../test/support/issued.ts';
import { sampleLoadBalancer } from '../../test/support/records.ts';
import type { Certificate } from '../model/certificate.ts';
import { idOf, type Listener, type LoadBalancer, type Policy } from '../model/load-balancer.ts';
import { readPublicKey } from '../model/public-key.ts';
import { certificateChange } from '../store/store.ts';
import type { CompiledListener } from '../traffic/snapshot.ts';

const [ONE, TWO] = [issue(), issue()];
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

function certificate(name: string, { certificate: body, privateKey }: Issued): Certificate {
  return sampleCertificate(name, { body, sealedKey: `plain:${privateKey}` });
}

const WEB = certificate('web', ONE);

function https(over: Partial<Listener> = {}): Listener {
  const ports = { loadBalancerPort: 443, instancePort: 80 } as const;
  return { protocol: 'HTTPS', instanceProtocol: 'HTTP', sslCertificateId: WEB.arn, policyNames: [], ...ports, ...over };
}

const HTTP: Listener = {
  protocol: 'HTTP',
  instanceProtocol: 'HTTP',
  loadBalancerPort: 80,
  instancePort: 80,
  policyNames: [],
};

/** `name` with an HTTPS listener on 443 and an HTTP one on 80. */
function secure(name: string, over: Partial<LoadBalancer> = {}): LoadBalancer {
  return sampleLoadBalancer(name, { listeners: [https(), HTTP], ...over });
}

/** What the first thread has of `name`'s listener on `port`. */
function listenerOn(harness: ControlHarness, port: number, name = 'shop'): CompiledListener | undefined {
  const { loadBalancers } = harness.threads.live[0]!;
  return loadBalancers.get(idOf(sampleLoadBalancer(name)))?.listeners.find((each) => each.port === port);
}

const putCertificate = (record: Certificate) => certificateChange(record.arn, record);

/** Names of the load balancers in each message that the first thread is sent while `act` runs. */
async function sentBy(harness: ControlHarness, act: () => Promise<unknown>): Promise<string[][]> {
  harness.threads.automatic = false;
  await act();
  const { inbox } = harness.threads.live[0]!;
  const sent = inbox.map((message) => (message.type === 'apply' ? message.upserts.map(({ name }) => name) : []));
  harness.threads.automatic = true;
  for (const thread of harness.threads.live) thread.work();
  return sent.filter((names) => names.length > 0);
}

test('a certificate that is imported again is sent to those who use it, one that is renamed to nobody', async () => {
  const harness = await ControlHarness.started();
  await harness.commit(putCertificate(WEB), putCertificate(certificate('other', TWO)));
  await harness.put(secure('shop'), sampleLoadBalancer('plain', { address: '127.0.0.2' }));
  const before = listenerOn(harness, 443)!.tls!;
  assert.equal(before.certificate, WEB.body);
  const again = { ...certificate('web', TWO), arn: WEB.arn };
  assert.deepEqual(await sentBy(harness, () => harness.commit(putCertificate(again))), [['shop']]);
  const after = listenerOn(harness, 443)!.tls!;
  assert.notEqual(after.key, before.key);
  assert.equal(after.certificate, again.body);
  assert.deepEqual(await sentBy(harness, () => harness.commit(putCertificate(certificate('other', ONE)))), []);
  const renamed = { ...again, arn: `${WEB.arn}-2` };
  const moved = secure('shop', { listeners: [https({ sslCertificateId: renamed.arn }), HTTP] });
  const changes = [
    certificateChange(WEB.arn, undefined),
    putCertificate(renamed),
    { kind: 'load-balancer', key: idOf(moved), record: moved },
  ] as const;
  assert.deepEqual(await sentBy(harness, () => harness.commit(...changes)), []);
  assert.deepEqual(harness.control.bindFailures(), []);
});

test('all threads have the same key of tickets, also one that starts later and after a day', async () => {
  const harness = await ControlHarness.started();
  await harness.commit(putCertificate(WEB));
  await harness.put(secure('shop'));
  const keys = () =>
    harness.threads.live.map((thread) => [...thread.loadBalancers.values()][0]!.listeners[0]!.tls!.key);
  const [first] = keys();
  harness.threads.live[1]!.die();
  await harness.pass(500);
  assert.deepEqual(keys(), [first, first]);
  harness.clock.jumpEpoch(DAY_MS);
  await harness.pass(HOUR_MS + 5000, 4000);
  const [rotated] = keys();
  assert.notEqual(rotated, first);
  assert.deepEqual(keys(), [rotated, rotated]);
});

test('a listener without a certificate that serves is down alone, and told', async () => {
  const harness = await ControlHarness.started();
  await harness.put(secure('shop'));
  assert.equal(listenerOn(harness, 443), undefined);
  assert.ok(listenerOn(harness, 80));
  const [failure, ...others] = harness.control.bindFailures();
  assert.deepEqual([failure?.loadBalancer, failure?.port, others], [idOf(secure('shop')), 443, []]);
  assert.match(failure!.message, /^there is no certificate arn:/);
  assert.equal(harness.said('listener is down: there is no certificate'), 1);
  await harness.commit(putCertificate(WEB));
  assert.deepEqual(harness.control.bindFailures(), []);
  assert.ok(listenerOn(harness, 443)?.tls);
  assert.equal(harness.said('listener has a certificate and a policy that serve'), 1);
});

test('what served before goes on when its successor cannot be used', async () => {
  const harness = await ControlHarness.started();
  await harness.commit(putCertificate(WEB));
  await harness.put(secure('shop'));
  const before = listenerOn(harness, 443);
  const broken = { ...WEB, sealedKey: 'plain:nothing' };
  assert.deepEqual(await sentBy(harness, () => harness.commit(putCertificate(broken))), []);
  assert.deepEqual(listenerOn(harness, 443), before);
  assert.match(harness.control.bindFailures()[0]!.message, /^OpenSSL does not take the certificate/);
  assert.equal(harness.said('listener goes on with the certificate and policy that it had'), 1);
  await harness.commit(putCertificate(WEB));
  assert.deepEqual(harness.control.bindFailures(), []);
});

test('a policy that lists what cannot be offered is told of once, whatever else changes', async () => {
  const old: Policy = {
    policyName: 'old',
    policyTypeName: 'SSLNegotiationPolicyType',
    attributes: ['Protocol-SSLv3', 'Protocol-TLSv1.2', 'AES128-SHA'].map((name) => ({ name, value: 'true' })),
  };
  const listeners = [443, 444].map((loadBalancerPort) => https({ loadBalancerPort, policyNames: ['old'] }));
  const record = secure('shop', { policies: [old], listeners });
  const harness = await ControlHarness.started();
  await harness.commit(putCertificate(WEB));
  await harness.put(record);
  await harness.put({ ...record, tags: [{ key: 'team', value: 'a' }] });
  const told = harness.lines.filter(([message]) => message.startsWith('a policy lists'));
  assert.deepEqual(
    told.map(([, fields]) => fields),
    [
      {
        loadBalancer: 'shop',
        policy: 'old',
        notOffered: ['Protocol-SSLv3: OpenSSL has this protocol no more, since it is broken'],
      },
    ],
  );
});

/** `shop` that speaks TLS to `i-1` and asks for these keys. */
function authenticating(keys: readonly string[]): LoadBalancer {
  const named = keys.map((key, index) => ({ name: `key-${index}`, key }));
  const listeners: Listener[] = [{ ...HTTP, instanceProtocol: 'HTTPS', instancePort: 443 }];
  return shop([instance('i-1', '10.0.0.1'), instance('i-2', '10.0.0.2')], {
    listeners,
    policies: [
      ...named.map(({ name, key }) => ({
        policyName: name,
        policyTypeName: 'PublicKeyPolicyType',
        attributes: [{ name: 'PublicKey', value: key }],
      })),
      {
        policyName: 'authentication',
        policyTypeName: 'BackendServerAuthenticationPolicyType',
        attributes: named.map(({ name }) => ({ name: 'PublicKeyPolicyName', value: name })),
      },
    ],
    backendServerPolicies: [{ instancePort: 443, policyNames: ['authentication'] }],
  });
}

for (const type of ['publicKeyRefused', 'tlsFailed'] as const) {
  test(`an instance of which a thread says ${type} is out of service on every thread`, async () => {
    const record = authenticating([readPublicKey(ONE.certificate)!]);
    const harness = await ControlHarness.started(record);
    await harness.pass(1000);
    const [thread] = harness.threads.live;
    const { slot } = thread!.targets.find(({ target }) => target.instanceId === 'i-1')!.target;
    const id = idOf(shop([]));
    harness.noTls.add(record.instances[0]!.host);
    for (let each = 0; each < 100; each++) thread!.say({ type, slot });
    thread!.say({ type, slot: 999 });
    await harness.pass(100);
    const { state, reasonCode, description } = harness.control.instanceState(id, 'i-1');
    assert.deepEqual([state, reasonCode], ['OutOfService', 'Instance']);
    assert.match(description, /UnhealthyThreshold/);
    assert.equal(harness.control.instanceState(id, 'i-2').state, 'InService');
    const choices = () => harness.threads.live.map((each) => each.choices.map(({ target }) => target.instanceId));
    assert.deepEqual(choices(), [['i-2'], ['i-2']]);
    assert.equal(harness.said('instance is out of service'), 1);
  });
}
