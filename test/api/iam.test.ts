import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import {
  DeleteServerCertificateCommand,
  GetServerCertificateCommand,
  GetUserCommand,
  IAMClient,
  ListServerCertificatesCommand,
  ListServerCertificateTagsCommand,
  paginateListServerCertificates,
  TagServerCertificateCommand,
  UntagServerCertificateCommand,
  UpdateServerCertificateCommand,
  UploadServerCertificateCommand,
} from '@aws-sdk/client-iam';
import type { UploadServerCertificateCommandInput } from '@aws-sdk/client-iam';
import type { Credential } from '../../src/api/credentials.ts';
import { systemClock } from '../../src/kit/clock.ts';
import type { IamCertificate } from '../../src/model/certificate.ts';
import { ApiHarness, CREATED, KEY, OTHER_ACCOUNT, READ_ONLY } from '../support/api.ts';
import { issue } from '../support/issued.ts';
import { certificateChange } from '../../src/store/store.ts';
import { put, sampleLoadBalancer } from '../support/records.ts';
import { signedRequest } from '../support/sign.ts';

const root = issue({ commonName: 'root', isAuthority: true });
const leaf = issue({ issuer: root });
const other = issue({ key: 'rsa-2048' });
const ARN = 'arn:aws:iam::000000000000:server-certificate/';

let harness: ApiHarness;
let iam: IAMClient;
let count = 0;
let name = '';

function client(credentials: Credential = KEY): IAMClient {
  return new IAMClient({ endpoint: harness.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
}

function upload(overrides: Partial<UploadServerCertificateCommandInput> = {}, by = iam) {
  const input = { ServerCertificateName: name, CertificateBody: leaf.certificate, PrivateKey: leaf.privateKey };
  return by.send(new UploadServerCertificateCommand({ ...input, ...overrides }));
}

const get = (ServerCertificateName = name, by = iam) =>
  by.send(new GetServerCertificateCommand({ ServerCertificateName }));
const remove = (ServerCertificateName = name) =>
  iam.send(new DeleteServerCertificateCommand({ ServerCertificateName }));

function record(arn = ARN + name): IamCertificate {
  const found = harness.store.view().get('certificate', arn);
  assert.ok(found?.kind === 'iam', `no certificate ${arn}`);
  return found;
}

/** A load balancer with a listener that has the certificate. */
async function use(loadBalancer: string, arn: string, region = 'us-east-1'): Promise<void> {
  const { revision } = harness.store.view();
  const listener = {
    protocol: 'HTTPS',
    loadBalancerPort: 443,
    instanceProtocol: 'HTTP',
    instancePort: 80,
    policyNames: [],
  } as const;
  const listeners = [
    { ...listener, sslCertificateId: arn },
    { ...listener, loadBalancerPort: 444, sslCertificateId: 'arn:other' },
  ];
  await harness.store.commit(revision, [put(sampleLoadBalancer(loadBalancer, { region, listeners }))]);
}

before(async () => {
  harness = await ApiHarness.start();
  iam = client();
});
after(async () => {
  iam.destroy();
  await harness.stop();
});
beforeEach(() => {
  name = `certificate-${++count}`;
});

describe('IAM server certificates', () => {
  it('are uploaded with chain, path and tags, and come back without their key', async () => {
    const Tags = [
      { Key: 'team', Value: 'web' },
      { Key: 'empty', Value: '' },
    ];
    const uploaded = await upload({ CertificateChain: `${root.certificate}\n`, Path: '/a/b/', Tags });
    const { ServerCertificateMetadata: metadata } = uploaded;
    assert.match(metadata!.ServerCertificateId!, /^ASCA[A-Z2-7]{17}$/);
    assert.equal(metadata!.Arn, `${ARN}a/b/${name}`);
    assert.deepEqual([metadata!.Path, metadata!.ServerCertificateName], ['/a/b/', name]);
    assert.equal(metadata!.Expiration!.getTime(), record(metadata!.Arn).details.notAfterMs);
    const { ServerCertificate: got } = await get(name.toUpperCase());
    assert.deepEqual(got, {
      ServerCertificateMetadata: metadata,
      CertificateBody: leaf.certificate,
      CertificateChain: root.certificate,
      Tags,
    });
    assert.deepEqual(uploaded.Tags, Tags);
  });

  it('come back as they were written, without blanks around them: Terraform replaces what differs', async () => {
    const lines = (text: string, end: string): string => text.replaceAll('\n', end);
    const CertificateBody = `subject=CN = www.example.test\r\n${lines(leaf.certificate, '\r\n')}`;
    const CertificateChain = `${root.certificate}\n\n# its own issuer\n${root.certificate}`;
    await upload({ CertificateBody: `\n${CertificateBody}\r\n`, CertificateChain: `${CertificateChain}\n\n` });
    const { ServerCertificate: got } = await get();
    assert.deepEqual([got?.CertificateBody, got?.CertificateChain], [CertificateBody, CertificateChain]);
    assert.deepEqual([record().body, record().chain], [leaf.certificate, `${root.certificate}\n${root.certificate}`]);
    const NewServerCertificateName = `${name}-renamed`;
    await iam.send(new UpdateServerCertificateCommand({ ServerCertificateName: name, NewServerCertificateName }));
    const { ServerCertificate: renamed } = await get(NewServerCertificateName);
    assert.equal(renamed?.CertificateBody, CertificateBody);
  });

  it('with more comments than are kept come back without them', async () => {
    const comments = '# nothing to read here\n'.repeat(4000);
    await upload({ CertificateChain: comments + root.certificate });
    const { ServerCertificate: got } = await get();
    assert.deepEqual([got?.CertificateBody, got?.CertificateChain], [leaf.certificate, root.certificate]);
    assert.ok(JSON.stringify(record()).length < 10_000);
  });

  it('have their key sealed in the store, and told nowhere', async () => {
    await upload();
    const { id, sealedKey } = record();
    assert.match(sealedKey, /^aes-256-gcm:/);
    assert.equal(harness.secrets.open(sealedKey, id), leaf.privateKey);
    await harness.refused(() => upload({ ServerCertificateName: `${name}-2`, PrivateKey: other.privateKey }));
    const secret = leaf.privateKey.split('\n')[1]!;
    assert.ok(!JSON.stringify(harness.lines).includes(secret.slice(0, 20)));
    assert.ok(!JSON.stringify(await get()).includes(secret.slice(0, 20)));
    assert.ok(!JSON.stringify(harness.store.view().list('certificate')).includes(secret.slice(0, 20)));
  });

  it('are logged by their name when they change, and each change waits until it is served', async () => {
    await upload();
    const { level, message, action, subject, result } = harness.lines.at(-1)!;
    assert.deepEqual(
      [level, message, action, subject, result],
      ['info', 'API call', 'UploadServerCertificate', name, 'OK'],
    );
    assert.equal(harness.control.awaited.at(-1), harness.store.view().revision);
    const before = harness.lines.length;
    await get();
    assert.equal(harness.lines.length, before);
  });

  it('are warned of when they are out of date, and taken all the same', async () => {
    const short = issue({ notAfterMs: Date.UTC(2026, 0, 2) });
    await upload({ CertificateBody: short.certificate, PrivateKey: short.privateKey });
    const { certificate, notAfter } = harness.lines.find(({ level }) => level === 'warn')!;
    assert.deepEqual([certificate, notAfter], [ARN + name, '2026-01-02T00:00:00.000Z']);
  });

  it('are unique by name without regard to case and path, in their account', async () => {
    await upload();
    const refused = await harness.refused(() => upload({ ServerCertificateName: name.toUpperCase(), Path: '/x/' }));
    assert.deepEqual([refused.code, refused.status], ['EntityAlreadyExists', 409]);
    assert.equal(refused.message, `The Server Certificate with name ${name.toUpperCase()} already exists.`);
    const elsewhere = client(OTHER_ACCOUNT);
    await upload({}, elsewhere);
    assert.match((await get(name, elsewhere)).ServerCertificate!.ServerCertificateMetadata!.Arn!, /:111111111111:/);
    elsewhere.destroy();
  });

  it("fault 44: are refused when they are broken or the key does not fit, with AWS's codes", async () => {
    const cases: readonly (readonly [Partial<UploadServerCertificateCommandInput>, string, RegExp])[] = [
      [
        { CertificateBody: 'x' },
        'MalformedCertificate',
        /^Unable to parse certificate\. Please ensure the certificate is in PEM format\.$/,
      ],
      [{ PrivateKey: 'x' }, 'MalformedCertificate', /^Unable to parse the private key/],
      [{ PrivateKey: other.privateKey }, 'KeyPairMismatch', /does not belong to the public key/],
      [
        { CertificateChain: other.certificate },
        'MalformedCertificate',
        /^Unable to validate certificate chain\. .* is: 0$/,
      ],
      [
        { CertificateBody: `${leaf.certificate}\n${root.certificate}` },
        'MalformedCertificate',
        /more than one certificate/,
      ],
    ];
    for (const [overrides, code, message] of cases) {
      const refused = await harness.refused(() => upload(overrides));
      assert.deepEqual([refused.code, refused.status, refused.type], [code, 400, 'Sender']);
      assert.match(refused.message, message);
    }
  });

  it('are refused when a parameter is out of its bounds, and a key is not shown', async () => {
    const key = `-----BEGIN PRIVATE KEY-----\n${'A'.repeat(16_384)}`;
    const tags = Array.from({ length: 51 }, (_, index) => ({ Key: String(index), Value: '' }));
    const cases: readonly (readonly [Partial<UploadServerCertificateCommandInput>, RegExp])[] = [
      [{ ServerCertificateName: 'a b' }, /'a b' at 'serverCertificateName' .* pattern: \[\\w\+=,\.@-\]\+$/],
      [{ ServerCertificateName: 'a'.repeat(129) }, /less than or equal to 128/],
      [{ Path: 'a/' }, /at 'path' .* pattern/],
      [{ Path: '/a' }, /at 'path' .* pattern/],
      [{ CertificateBody: 'A'.repeat(16_385) }, /at 'certificateBody' .* less than or equal to 16384/],
      [
        { PrivateKey: key },
        /^1 validation error detected: Value at 'privateKey' failed .* less than or equal to 16384$/,
      ],
      [{ Tags: tags }, /at 'tags' .* less than or equal to 50/],
      [{ Tags: [{ Key: '', Value: '' }] }, /at 'tags\.1\.member\.key'/],
    ];
    for (const [overrides, message] of cases) {
      const refused = await harness.refused(() => upload(overrides));
      assert.deepEqual([refused.code, refused.status], ['ValidationError', 400]);
      assert.match(refused.message, message);
    }
    for (const Tags of [
      [{ Key: 'aws:x', Value: '' }],
      [
        { Key: 'a', Value: '' },
        { Key: 'a', Value: '1' },
      ],
    ]) {
      assert.equal((await harness.refused(() => upload({ Tags }))).code, 'InvalidInput');
    }
  });

  it('do not show a key that is given in the wrong form', async () => {
    const body = `Action=UploadServerCertificate&Version=2010-05-08&ServerCertificateName=x&CertificateBody=x&PrivateKey=SECRETKEY&PrivateKey.member.1=x`;
    for (const sent of [body, `${body}&X=%ff`, body.replace('SECRETKEY', 'SECRETKEY%ff')]) {
      const { rawHeaders } = signedRequest({
        ...KEY,
        timeMs: systemClock.epochMs(),
        service: 'iam',
        body: sent,
      });
      const headers = Object.fromEntries(
        Array.from({ length: rawHeaders.length / 2 }, (_, at) => [rawHeaders[2 * at]!, rawHeaders[2 * at + 1]!]),
      );
      const response = await fetch(harness.endpoint, { method: 'POST', headers, body: sent });
      assert.equal(response.status >= 400, true);
      assert.ok(!(await response.text()).includes('SECRET'));
    }
  });

  it('cannot be deleted while a listener has them, in any region', async () => {
    await upload();
    await use('web', ARN + name, 'eu-west-1');
    const { code, status, message } = await harness.refused(() => remove());
    assert.deepEqual([code, status], ['DeleteConflict', 409]);
    const user = 'arn:aws:elasticloadbalancing:eu-west-1:000000000000:loadbalancer/web';
    const { id } = record();
    assert.equal(
      message,
      `Certificate: ${id} is currently in use by ${user}. Please remove it first before deleting it from IAM.`,
    );
    await use('web', 'arn:another', 'eu-west-1');
    await remove();
    const gone = await harness.refused(() => get());
    assert.deepEqual([gone.code, gone.status], ['NoSuchEntity', 404]);
    assert.equal(gone.message, `The Server Certificate with name ${name} cannot be found.`);
    assert.equal((await harness.refused(() => remove())).code, 'NoSuchEntity');
  });

  it('are renamed with the listeners that have them', async () => {
    await upload();
    const { id } = record();
    await use('renamed', ARN + name);
    await iam.send(
      new UpdateServerCertificateCommand({
        ServerCertificateName: name,
        NewPath: '/new/',
        NewServerCertificateName: `${name}-x`,
      }),
    );
    const renamed = record(`${ARN}new/${name}-x`);
    assert.deepEqual([renamed.id, harness.secrets.open(renamed.sealedKey, id)], [id, leaf.privateKey]);
    const arns = harness.record('renamed').listeners.map(({ sslCertificateId }) => sslCertificateId);
    assert.deepEqual(arns, [renamed.arn, 'arn:other']);
    assert.equal(harness.store.view().get('certificate', ARN + name), undefined);
  });

  it('of the configuration file are changed there: they are neither renamed nor deleted here', async () => {
    await upload();
    const configured = certificateChange(ARN + name, { ...record(), isConfigured: true });
    await harness.store.commit(harness.store.view().revision, [configured]);
    const input = { ServerCertificateName: name, NewServerCertificateName: `${name}-x` };
    for (const change of [() => iam.send(new UpdateServerCertificateCommand(input)), () => remove()]) {
      const { code, message } = await harness.refused(change);
      assert.equal(code, 'AccessDenied');
      assert.match(message, /stands in the configuration file of weir/);
    }
  });

  it('keep their name when another one has it, and can change its case', async () => {
    await upload();
    await upload({ ServerCertificateName: `${name}-taken` });
    const update = (NewServerCertificateName: string) =>
      iam.send(new UpdateServerCertificateCommand({ ServerCertificateName: name, NewServerCertificateName }));
    assert.equal((await harness.refused(() => update(`${name}-TAKEN`))).code, 'EntityAlreadyExists');
    await update(name.toUpperCase());
    assert.equal(record(ARN + name.toUpperCase()).name, name.toUpperCase());
    const { revision } = harness.store.view();
    await iam.send(new UpdateServerCertificateCommand({ ServerCertificateName: name }));
    assert.equal(harness.store.view().revision, revision);
  });

  it('are listed by name, by path, and in pages', async () => {
    const Path = `/list-${count}/`;
    for (const letter of ['c', 'a', 'b']) await upload({ ServerCertificateName: `${name}-${letter}`, Path });
    const pages: string[][] = [];
    for await (const page of paginateListServerCertificates({ client: iam, pageSize: 2 }, { PathPrefix: Path })) {
      pages.push(page.ServerCertificateMetadataList!.map((each) => each.ServerCertificateName!.at(-1)!));
    }
    assert.deepEqual(pages, [['a', 'b'], ['c']]);
    const listed = await iam.send(new ListServerCertificatesCommand({ PathPrefix: '/nothing/' }));
    assert.deepEqual([listed.ServerCertificateMetadataList, listed.IsTruncated], [[], false]);
    for (const input of [{ MaxItems: 0 }, { MaxItems: 1001 }, { PathPrefix: 'x' }, { Marker: 'x' }]) {
      assert.equal(
        (await harness.refused(() => iam.send(new ListServerCertificatesCommand(input)))).code,
        'ValidationError',
      );
    }
  });

  it('are for a key that may change something, and to be read by any', async () => {
    await upload();
    const reader = client(READ_ONLY);
    assert.equal(
      (await harness.refused(() => upload({ ServerCertificateName: `${name}-2` }, reader))).code,
      'AccessDenied',
    );
    assert.equal((await get(name, reader)).ServerCertificate!.CertificateBody, leaf.certificate);
    reader.destroy();
  });
});

describe('tags of IAM server certificates', () => {
  const tag = (...Tags: { Key: string; Value: string }[]) =>
    iam.send(new TagServerCertificateCommand({ ServerCertificateName: name, Tags }));
  const untag = (...TagKeys: string[]) =>
    iam.send(new UntagServerCertificateCommand({ ServerCertificateName: name, TagKeys }));
  const list = (more: { MaxItems?: number; Marker?: string } = {}) =>
    iam.send(new ListServerCertificateTagsCommand({ ServerCertificateName: name, ...more }));

  it('are added, changed, removed, and listed in pages', async () => {
    await upload({ Tags: [{ Key: 'b', Value: '1' }] });
    await tag({ Key: 'c', Value: '2' }, { Key: 'b', Value: '3' }, { Key: 'a', Value: '' });
    const first = await list({ MaxItems: 2 });
    assert.deepEqual(
      [first.Tags, first.IsTruncated],
      [
        [
          { Key: 'a', Value: '' },
          { Key: 'b', Value: '3' },
        ],
        true,
      ],
    );
    const second = await list({ MaxItems: 2, Marker: first.Marker! });
    assert.deepEqual([second.Tags, second.IsTruncated], [[{ Key: 'c', Value: '2' }], false]);
    await untag('a', 'c', 'absent');
    assert.deepEqual((await get()).ServerCertificate!.Tags, [{ Key: 'b', Value: '3' }]);
    const { revision } = harness.store.view();
    await untag('absent');
    await tag({ Key: 'b', Value: '3' });
    assert.equal(harness.store.view().revision, revision);
  });

  it('are bounded, and those of nothing are refused', async () => {
    await upload({ Tags: [{ Key: 'one', Value: '' }] });
    const many = Array.from({ length: 50 }, (_, index) => ({ Key: String(index), Value: '' }));
    const full = await harness.refused(() => tag(...many));
    assert.deepEqual([full.code, full.status], ['LimitExceeded', 409]);
    assert.equal((await harness.refused(() => tag({ Key: 'aws:a', Value: '' }))).code, 'InvalidInput');
    assert.equal((await harness.refused(() => list({ Marker: 'x' }))).code, 'ValidationError');
    name = 'nothing';
    for (const call of [() => tag({ Key: 'a', Value: '' }), () => untag('a'), () => list()]) {
      assert.equal((await harness.refused(call)).code, 'NoSuchEntity');
    }
  });
});

describe('GetUser', () => {
  it('tells who the caller is, and of nobody else', async () => {
    const { User: user } = await iam.send(new GetUserCommand({}));
    assert.deepEqual([user!.UserName, user!.Arn], ['default', 'arn:aws:iam::000000000000:user/default']);
    assert.deepEqual(user!.CreateDate, CREATED);
    assert.match(user!.UserId!, /^AIDA[A-Z2-7]{17}$/);
    assert.deepEqual((await iam.send(new GetUserCommand({ UserName: 'default' }))).User, user);
    const { code, status } = await harness.refused(() => iam.send(new GetUserCommand({ UserName: 'somebody' })));
    assert.deepEqual([code, status], ['NoSuchEntity', 404]);
  });
});
