import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { configured, problemsOf } from '../../test/support/configured.ts';
import { issue, sampleCertificate } from '../../test/support/issued.ts';
import { sampleLoadBalancer, put } from '../../test/support/records.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { silentLog } from '../kit/log.ts';
import { SeededRandom } from '../kit/random.ts';
import type { Configuration } from '../model/configuration.ts';
import { createMemoryStore } from '../store/memory.ts';
import { createSecrets } from '../store/secrets.ts';
import { certificateChange, type Store } from '../store/store.ts';
import { adoptCertificates } from './configured-certificates.ts';

const IAM = 'arn:aws:iam::123456789012:server-certificate/web/shop';
const ACM = 'arn:aws:acm:eu-west-1:123456789012:certificate/0f0f0f0f-1111-2222-3333-444444444444';

const problemOf = (text: string): string => problemsOf(text).join('\n');

interface Files {
  readonly write: (name: string, text: string) => string;
  readonly entry: (arn: string, paths: Readonly<Record<string, string>>) => string;
}

function filesOf(test: TestContext): Files {
  const directory = temporaryDirectory(test);
  return {
    write(name, text) {
      writeFileSync(join(directory, name), text);
      return join(directory, name);
    },
    entry: (arn, paths) =>
      `certificates:\n  ${arn}:\n${Object.entries(paths)
        .map(([key, path]) => `    ${key}: ${path}`)
        .join('\n')}`,
  };
}

describe('certificates of the configuration', () => {
  it('are read, checked and put in one form, chain and all', (test) => {
    const { write, entry } = filesOf(test);
    const authority = issue({ commonName: 'authority', isAuthority: true });
    const leaf = issue({ issuer: authority });
    const { certificates } = configured(
      entry(IAM, {
        certificate: write('leaf.pem', `an explanation\n${leaf.certificate}`),
        privateKey: write('leaf.key', leaf.privateKey),
        chain: write('chain.pem', authority.certificate),
      }),
    );
    assert.equal(certificates[IAM]?.body, leaf.certificate.trim());
    assert.equal(certificates[IAM]?.chain, authority.certificate.trim());
    assert.deepEqual(certificates[IAM]?.details.domainNames, ['www.example.test']);
  });

  it('are refused with file, line, key, what was expected, and nothing of a key', (test) => {
    const { write, entry } = filesOf(test);
    const [one, other] = [issue(), issue()];
    const good = { certificate: write('one.pem', one.certificate), privateKey: write('one.key', one.privateKey) };
    const wrongKey = problemOf(entry(IAM, { ...good, privateKey: write('other.key', other.privateKey) }));
    assert.match(
      wrongKey,
      /^weir\.yaml:4: certificates\.arn:aws:iam::.*\.privateKey: .*other\.key: The private key does not/,
    );
    assert.ok(!wrongKey.includes(other.privateKey.split('\n')[1]!));
    const swapped = problemOf(entry(IAM, { ...good, certificate: good.privateKey }));
    assert.match(swapped, /^weir\.yaml:3: .*\.certificate: .*Unable to parse certificate/);
    assert.ok(!swapped.includes(one.privateKey.split('\n')[1]!));
    assert.match(
      problemOf(entry(IAM, { ...good, chain: good.certificate })),
      /^weir\.yaml:5: .*\.chain: .*must not hold the certificate itself/,
    );
    assert.match(
      problemOf(entry(IAM, { ...good, certificate: '/nowhere.pem' })),
      /^weir\.yaml:3: .*expected a file of PEM, found "\/nowhere\.pem": ENOENT/,
    );
    assert.match(problemOf(entry(IAM, { ...good, privateKey: '/dev/zero' })), /it is no file/);
    assert.match(
      problemOf(entry(IAM, { ...good, chain: write('huge', ' '.repeat(2_097_153)) })),
      /larger than 2097152 bytes/,
    );
    assert.match(
      problemOf(entry(IAM, { certificate: good.certificate })),
      /^weir\.yaml:2: .*\.privateKey: is missing; expected the path/,
    );
    assert.match(
      problemOf(entry('shop', good)),
      /^weir\.yaml:2: certificates\.shop: this name must be an ARN: arn:aws:iam/,
    );
    assert.match(problemOf(entry(ACM.slice(0, -1), good)), /this name must be an ARN/);
  });

  it('become records; what has not changed is left alone, what has gone goes when nobody uses it', async (test) => {
    const { write, entry } = filesOf(test);
    const [one, other] = [issue(), issue()];
    const secrets = createSecrets(new SeededRandom(1), new SeededRandom(2).bytes(32));
    const store = createMemoryStore();
    const byHand = sampleCertificate('by-hand', { sealedKey: secrets.seal('k', 'x') });
    await store.commit(0, [certificateChange(byHand.arn, byHand)]);
    const paths = { certificate: write('one.pem', one.certificate), privateKey: write('one.key', one.privateKey) };
    const certificatesOf = () =>
      configured(`${entry(IAM, paths)}\n${entry(ACM, paths).split('\n').slice(1).join('\n')}`).certificates;
    const adopt = (certificates: Configuration['certificates'], nowMs = 5) =>
      adoptCertificates({ store, secrets, log: silentLog, nowMs, certificates });

    await adopt(certificatesOf());
    const iam = store.view().get('certificate', IAM);
    assert.ok(iam?.kind === 'iam' && iam.name === 'shop' && iam.path === '/web/' && iam.accountId === '123456789012');
    assert.equal(secrets.open(iam.sealedKey, iam.id), one.privateKey);
    const acm = store.view().get('certificate', ACM);
    assert.ok(acm?.kind === 'acm' && acm.region === 'eu-west-1' && acm.id === ACM.split('/')[1]);
    const { revision } = store.view();
    await adopt(certificatesOf());
    assert.equal(store.view().revision, revision, 'nothing new, nothing written');

    write('one.pem', other.certificate);
    write('one.key', other.privateKey);
    const tagged = { ...iam, tags: [{ key: 'team' }] };
    await store.commit(revision, [certificateChange(IAM, tagged)]);
    await adopt(certificatesOf(), 6);
    const { body, createdTimeMs, id, tags } = store.view().get('certificate', IAM)!;
    assert.deepEqual([body, createdTimeMs, id, tags], [other.certificate.trim(), 5, iam.id, tagged.tags]);

    const [listener] = sampleLoadBalancer('web').listeners;
    const user = sampleLoadBalancer('web', { listeners: [{ ...listener!, protocol: 'HTTPS', sslCertificateId: ACM }] });
    await store.commit(store.view().revision, [put(user)]);
    await adopt({});
    assert.equal(store.view().get('certificate', IAM), undefined);
    assert.ok(store.view().get('certificate', ACM), 'its listener goes on');
    assert.ok(store.view().get('certificate', byHand.arn), 'what was uploaded is not of the configuration');
  });

  it('are stored also where somebody else is faster, unless that never ends, or the state cannot be written', async (test) => {
    const { write, entry } = filesOf(test);
    const one = issue();
    const paths = { certificate: write('one.pem', one.certificate), privateKey: write('one.key', one.privateKey) };
    const { certificates } = configured(entry(IAM, paths));
    const inner = createMemoryStore();
    let conflicts = 3;
    const commit: Store['commit'] = async (revision, changes) =>
      conflicts-- > 0 ? { outcome: 'conflict', revision } : inner.commit(revision, changes);
    const options = { secrets: createSecrets(new SeededRandom(1), undefined), log: silentLog, nowMs: 5, certificates };
    await adoptCertificates({ ...options, store: { ...inner, commit } });
    assert.equal(inner.view().list('certificate').length, 1);
    conflicts = Infinity;
    const store = { ...createMemoryStore(), commit };
    await assert.rejects(adoptCertificates({ ...options, store }), /the state changes all the time/);
    const full = { ...store, commit: async () => ({ outcome: 'failed', message: 'disk full' }) as const };
    await assert.rejects(adoptCertificates({ ...options, store: full }), /cannot be stored: disk full/);
  });
});
