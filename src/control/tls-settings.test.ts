import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { connect, TLSSocket } from 'node:tls';
import { issue, sampleCertificate, type Issued } from '../../test/support/issued.ts';
import { sampleLoadBalancer } from '../../test/support/records.ts';
import { SeededRandom } from '../kit/random.ts';
import type { Certificate, IamCertificate } from '../model/certificate.ts';
import { checkCertificate } from '../model/certificate-check.ts';
import type { Listener, LoadBalancer, Policy } from '../model/load-balancer.ts';
import { createSecrets } from '../store/secrets.ts';
import { makeServerContext } from '../traffic/listener-tls.ts';
import type { CompiledTls } from '../traffic/snapshot.ts';
import { TlsSettings, type TlsOutcome } from './tls-settings.ts';

const SECRETS = createSecrets(new SeededRandom(1), new Uint8Array(32).fill(1));
const EC = issue();
const RSA_1024 = issue({ key: 'rsa-1024' });

function certificate(
  name: string,
  issued: Pick<Issued, 'certificate' | 'privateKey'>,
  over: Partial<IamCertificate> = {},
): Certificate {
  const checked = checkCertificate(issued, Date.UTC(2026, 0, 1));
  assert.ok(!('reason' in checked));
  const { body, chain, details } = checked;
  const id = `ASCA${name}`;
  return sampleCertificate(name, {
    id,
    body,
    chain,
    details,
    sealedKey: SECRETS.seal(checked.privateKey, id),
    ...over,
  });
}

const WEB = certificate('web', EC);

function listener(over: Partial<Listener> = {}): Listener {
  const ports = { loadBalancerPort: 443, instancePort: 80 } as const;
  return { protocol: 'HTTPS', instanceProtocol: 'HTTP', sslCertificateId: WEB.arn, policyNames: [], ...ports, ...over };
}

const policy = (policyName: string, ...names: string[]): Policy => ({
  policyName,
  policyTypeName: 'SSLNegotiationPolicyType',
  attributes: names.map((name) => ({ name, value: 'true' })),
});

interface Setting {
  readonly certificates?: readonly Certificate[];
  readonly record?: Partial<LoadBalancer>;
  readonly listener?: Partial<Listener>;
  readonly master?: number;
}

function settings({ certificates = [WEB], master = 7 }: Setting = {}): TlsSettings {
  return new TlsSettings({
    secrets: SECRETS,
    certificateOf: (arn) => certificates.find((each) => each.arn === arn),
    ticketMaster: () => Buffer.alloc(32, master),
  });
}

function outcome(setting: Setting = {}): TlsOutcome {
  return settings(setting).of(sampleLoadBalancer('shop', setting.record), listener(setting.listener));
}

function served(setting: Setting = {}) {
  const { tls, problem } = outcome(setting);
  assert.ok(tls !== undefined, String(problem));
  return tls;
}

test('a listener without a policy serves its certificate with the default one', () => {
  const { tls, policy: name, problem, notOffered } = outcome();
  assert.deepEqual([name, problem, notOffered], ['ELBSecurityPolicy-2016-08', undefined, []]);
  assert.equal(tls!.certificate, WEB.body);
  assert.match(tls!.privateKey, /^-----BEGIN PRIVATE KEY-----/);
  assert.match(tls!.ciphers, /^ECDHE-ECDSA-AES128-GCM-SHA256:/);
  assert.deepEqual([tls!.minVersion, tls!.maxVersion, tls!.ticketKey.length], ['TLSv1', 'TLSv1.2', 48]);
});

test('the policy that is set decides, by its own attributes or as a predefined one', () => {
  const policies = [policy('strict', 'Protocol-TLSv1.2', 'ECDHE-ECDSA-AES256-GCM-SHA384')];
  const strict = served({ record: { policies }, listener: { policyNames: ['cookies', 'strict'] } });
  assert.equal(strict.ciphers, 'ECDHE-ECDSA-AES256-GCM-SHA384');
  const predefined = outcome({ listener: { policyNames: ['ELBSecurityPolicy-TLS-1-2-2017-01'] } });
  assert.deepEqual([predefined.policy, predefined.tls!.minVersion], ['ELBSecurityPolicy-TLS-1-2-2017-01', 'TLSv1.2']);
});

test('the chain follows the certificate', () => {
  const root = issue({ commonName: 'root', isAuthority: true });
  const leaf = issue({ issuer: root });
  const chained = certificate('chained', { ...leaf, chain: root.certificate } as Issued);
  assert.notEqual(chained.chain, '');
  const { certificate: pem } = served({ certificates: [chained], listener: { sslCertificateId: chained.arn } });
  assert.equal(pem, `${chained.body}\n${chained.chain}`);
});

test('tickets are of one certificate, policy and master alone, and the key tells all of them apart', () => {
  const other = certificate('other', issue());
  const policies = [policy('strict', 'Protocol-TLSv1.2', 'ECDHE-ECDSA-AES256-GCM-SHA384')];
  const all = [
    served(),
    served({ certificates: [other], listener: { sslCertificateId: other.arn } }),
    served({ record: { policies }, listener: { policyNames: ['strict'] } }),
    served({ master: 8 }),
  ];
  assert.equal(new Set(all.map(({ key }) => key)).size, all.length);
  assert.equal(new Set(all.map(({ ticketKey }) => Buffer.from(ticketKey).toString('hex'))).size, all.length);
  assert.deepEqual(served(), served(), 'in another process too');
  const renamed = { ...WEB, arn: `${WEB.arn}-2`, createdTimeMs: 1 };
  assert.deepEqual(
    served({ certificates: [renamed], listener: { sslCertificateId: renamed.arn } }),
    served(),
    'what it is called does not matter',
  );
});

test('what a policy lists in vain is told', () => {
  const policies = [policy('old', 'Protocol-SSLv3', 'Protocol-TLSv1.2', 'AES128-SHA', 'RC4-MD5')];
  const { tls, notOffered } = outcome({ record: { policies }, listener: { policyNames: ['old'] } });
  assert.deepEqual(notOffered, ['Protocol-SSLv3', 'RC4-MD5']);
  assert.equal(tls!.ciphers, 'AES128-SHA');
});

const SMALLEST_AUTHORITY = issue({ commonName: 'root', key: 'rsa-768', isAuthority: true });
const SMALL_AUTHORITY = issue({ commonName: 'root', key: 'rsa-1024', isAuthority: true });
const SHORT: Readonly<Record<string, Pick<Issued, 'certificate' | 'privateKey'> & { readonly chain?: string }>> = {
  'a small key': RSA_1024,
  'an authority with a small key': { ...issue({ issuer: SMALL_AUTHORITY }), chain: SMALL_AUTHORITY.certificate },
  'an authority with a tiny key': { ...issue({ issuer: SMALLEST_AUTHORITY }), chain: SMALLEST_AUTHORITY.certificate },
};
for (const [what, issued] of Object.entries(SHORT)) {
  test(`a certificate with ${what} is served as AWS does, whatever the policy`, async () => {
    const short = certificate('short', issued);
    for (const name of ['ELBSecurityPolicy-TLS-1-2-2017-01', 'ELBSecurityPolicy-2016-08']) {
      const tls = served({ certificates: [short], listener: { sslCertificateId: short.arn, policyNames: [name] } });
      assert.match(await handshake(tls), /^ECDHE-(RSA|ECDSA)-AES128-GCM-SHA256$/);
    }
  });
}

/** The cipher that a client agrees on with a listener. */
async function handshake(tls: CompiledTls): Promise<string> {
  const server = createServer((socket) => {
    const secure = new TLSSocket(socket, { isServer: true, secureContext: makeServerContext(tls) });
    secure.on('error', () => undefined).resume();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const ciphers = 'ALL:@SECLEVEL=0';
  const client = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ciphers, maxVersion: 'TLSv1.2' });
  try {
    await once(client, 'secureConnect');
    return client.getCipher().name;
  } finally {
    client.destroy();
    server.close();
  }
}

test('what cannot be used says why, and nothing of the key', () => {
  const { tls: _, ...none } = outcome({ listener: { protocol: 'SSL', sslCertificateId: 'arn:gone' } });
  assert.equal(none.problem, 'there is no certificate arn:gone for account 000000000000 in us-east-1');
  const stranger = { ...WEB, accountId: '111111111111' };
  assert.match(outcome({ certificates: [stranger] }).problem!, /there is no certificate arn:aws:iam::/);
  const bare = listener();
  const { sslCertificateId: __, ...without } = bare;
  assert.equal(settings().of(sampleLoadBalancer('shop'), without).problem, 'the HTTPS listener has no certificate');
  const unreadable = { ...WEB, sealedKey: SECRETS.seal('x', 'another') };
  assert.match(
    outcome({ certificates: [unreadable] }).problem!,
    /^the private key of .*web cannot be opened: it is damaged/,
  );
  const mismatched = { ...WEB, sealedKey: SECRETS.seal(issue().privateKey, WEB.id) };
  const { problem } = outcome({ certificates: [mismatched] });
  assert.match(problem!, /^OpenSSL does not take the certificate .*web with its policy: .*key values mismatch/);
  assert.doesNotMatch(problem!, /PRIVATE KEY/);
  const policies = [policy('empty', 'Protocol-SSLv3', 'RC4-MD5')];
  const empty = outcome({ record: { policies }, listener: { policyNames: ['empty'] } });
  assert.match(empty.problem!, /^the policy empty cannot be used\. No client could connect/);
});

test('a certificate is opened and tried once for each policy, however often it is compiled', () => {
  let opened = 0;
  const secrets = { ...SECRETS, open: (sealed: string, context: string) => (opened++, SECRETS.open(sealed, context)) };
  const tls = new TlsSettings({ secrets, certificateOf: () => WEB, ticketMaster: () => Buffer.alloc(32) });
  for (let each = 0; each < 10; each++) assert.ok(tls.of(sampleLoadBalancer('shop'), listener()).tls);
  assert.equal(opened, 1);
});

test('so many policies of a certificate are remembered, and no more', () => {
  let opened = 0;
  const secrets = { ...SECRETS, open: (sealed: string, context: string) => (opened++, SECRETS.open(sealed, context)) };
  const tls = new TlsSettings({ secrets, certificateOf: () => WEB, ticketMaster: () => Buffer.alloc(32) });
  const ciphers = ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-AES128-SHA256'];
  const more = ['ECDHE-ECDSA-AES256-SHA384', 'ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES256-SHA', 'AES128-GCM-SHA256'];
  const serve = (number: number) => {
    const chosen = [...ciphers, ...more].filter((_, bit) => ((number >> bit) & 1) === 1);
    const policies = [policy('own', 'Protocol-TLSv1.2', ...chosen)];
    assert.ok(tls.of(sampleLoadBalancer('shop', { policies }), listener({ policyNames: ['own'] })).tls);
  };
  for (let number = 1; number <= 64; number++) serve(number);
  serve(64);
  assert.equal(opened, 64);
  serve(65);
  serve(1);
  assert.equal(opened, 66);
});

test('a listener may have a policy of stickiness beside that of its handshakes', () => {
  const sticky = { policyName: 'sticky', policyTypeName: 'LBCookieStickinessPolicyType', attributes: [] };
  const own = policy('own', 'Protocol-TLSv1.2', 'ECDHE-ECDSA-AES128-GCM-SHA256');
  const record = sampleLoadBalancer('shop', { policies: [sticky, own] });
  const { policy: name, tls } = settings().of(record, listener({ policyNames: ['sticky', 'own'] }));
  assert.deepEqual([name, tls?.ciphers], ['own', 'ECDHE-ECDSA-AES128-GCM-SHA256']);
});
