import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import {
  ACMClient,
  AddTagsToCertificateCommand,
  DeleteCertificateCommand,
  DescribeCertificateCommand,
  GetCertificateCommand,
  ImportCertificateCommand,
  ListCertificatesCommand,
  ListTagsForCertificateCommand,
  paginateListCertificates,
  RemoveTagsFromCertificateCommand,
  RequestCertificateCommand,
} from '@aws-sdk/client-acm';
import type {
  ImportCertificateCommandInput,
  ListCertificatesCommandInput,
  RequestCertificateCommandInput,
} from '@aws-sdk/client-acm';
import type { Credential } from '../../src/api/credentials.ts';
import type { AcmCertificate } from '../../src/model/certificate.ts';
import { certificateChange } from '../../src/store/store.ts';
import { ApiHarness, KEY, OTHER_ACCOUNT, READ_ONLY } from '../support/api.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { issue, type Issued } from '../support/issued.ts';
import { signedRequest } from '../support/sign.ts';
import { put, sampleLoadBalancer } from '../support/records.ts';

const root = issue({ commonName: 'root', isAuthority: true });
const leaf = issue({ issuer: root });
const rsa = issue({ key: 'rsa-2048', commonName: 'a.test', domainNames: ['a.test', '*.a.test'] });
const MISSING = 'arn:aws:acm:us-east-1:000000000000:certificate/00000000-0000-4000-8000-000000000000';

let harness: ApiHarness;
let acm: ACMClient;

function client(credentials: Credential = KEY, region = 'us-east-1'): ACMClient {
  return new ACMClient({ endpoint: harness.endpoint, region, credentials, maxAttempts: 1 });
}

const bytes = (text: string) => Buffer.from(text);

async function importOne(
  { certificate, privateKey }: Issued = leaf,
  more: Partial<ImportCertificateCommandInput> = {},
  by = acm,
): Promise<string> {
  const input = { Certificate: bytes(certificate), PrivateKey: bytes(privateKey), ...more };
  return (await by.send(new ImportCertificateCommand(input))).CertificateArn!;
}

async function request(input: Partial<RequestCertificateCommandInput> = {}): Promise<string> {
  const command = new RequestCertificateCommand({
    DomainName: 'www.example.test',
    KeyAlgorithm: 'EC_prime256v1',
    ...input,
  });
  return (await acm.send(command)).CertificateArn!;
}

const describeOne = async (CertificateArn: string, by = acm) =>
  (await by.send(new DescribeCertificateCommand({ CertificateArn }))).Certificate!;
const get = (CertificateArn: string) => acm.send(new GetCertificateCommand({ CertificateArn }));
const remove = (CertificateArn: string) => acm.send(new DeleteCertificateCommand({ CertificateArn }));
const tagsOf = async (CertificateArn: string) =>
  (await acm.send(new ListTagsForCertificateCommand({ CertificateArn }))).Tags;

async function list(input: ListCertificatesCommandInput = {}): Promise<string[]> {
  const { CertificateSummaryList: summaries } = await acm.send(new ListCertificatesCommand(input));
  return summaries!.map(({ CertificateArn }) => CertificateArn!);
}

function record(arn: string): AcmCertificate {
  const found = harness.store.view().get('certificate', arn);
  assert.ok(found?.kind === 'acm', `no certificate ${arn}`);
  return found;
}

async function use(...arns: readonly string[]): Promise<void> {
  const listeners = arns.map((sslCertificateId, index) => ({
    protocol: 'SSL' as const,
    loadBalancerPort: 443 + index,
    instanceProtocol: 'TCP' as const,
    instancePort: 80,
    sslCertificateId,
    policyNames: [],
  }));
  await harness.store.commit(harness.store.view().revision, [put(sampleLoadBalancer('web', { listeners }))]);
}

before(async () => {
  harness = await ApiHarness.start();
  acm = client();
});
after(async () => {
  acm.destroy();
  await harness.stop();
});
afterEach(async () => {
  const view = harness.store.view();
  await harness.store.commit(
    view.revision,
    view.list('certificate').map(({ arn }) => certificateChange(arn, undefined)),
  );
});

describe('imported certificates', () => {
  it('come back as they are described by AWS, without their key', async () => {
    const arn = await importOne(rsa);
    assert.match(arn, /^arn:aws:acm:us-east-1:000000000000:certificate\/[0-9a-f-]{36}$/);
    const { Serial, CreatedAt, ImportedAt, NotBefore, NotAfter, ...detail } = await describeOne(arn);
    const { details, createdTimeMs } = record(arn);
    assert.equal(Serial, details.serial);
    assert.equal(CreatedAt!.getTime(), Math.floor(createdTimeMs));
    assert.deepEqual(ImportedAt, CreatedAt);
    assert.deepEqual([NotBefore!.getTime(), NotAfter!.getTime()], [details.notBeforeMs, details.notAfterMs]);
    assert.deepEqual(detail, {
      CertificateArn: arn,
      DomainName: 'a.test',
      SubjectAlternativeNames: ['a.test', '*.a.test'],
      Subject: 'CN=a.test',
      Issuer: 'a.test',
      Status: 'ISSUED',
      Type: 'IMPORTED',
      KeyAlgorithm: 'RSA_2048',
      SignatureAlgorithm: 'SHA256WITHRSA',
      InUseBy: [],
      KeyUsages: [{ Name: 'DIGITAL_SIGNATURE' }, { Name: 'KEY_ENCIPHERMENT' }],
      ExtendedKeyUsages: [
        { Name: 'TLS_WEB_SERVER_AUTHENTICATION', OID: '1.3.6.1.5.5.7.3.1' },
        { Name: 'TLS_WEB_CLIENT_AUTHENTICATION', OID: '1.3.6.1.5.5.7.3.2' },
      ],
      RenewalEligibility: 'INELIGIBLE',
      Options: { CertificateTransparencyLoggingPreference: 'DISABLED', Export: 'DISABLED' },
    });
    const { Certificate, CertificateChain } = await get(arn);
    assert.deepEqual([Certificate, CertificateChain], [rsa.certificate, undefined]);
  });

  it('have their key sealed in the store, and their chain in order', async () => {
    const arn = await importOne(leaf, { CertificateChain: bytes(root.certificate) });
    const { id, sealedKey } = record(arn);
    assert.equal(harness.secrets.open(sealedKey, id), leaf.privateKey);
    assert.equal((await get(arn)).CertificateChain, root.certificate);
    assert.ok(!JSON.stringify(harness.lines).includes(leaf.privateKey.split('\n')[1]!.slice(0, 20)));
  });

  it('are replaced under their ARN, with a new key, and keep their tags', async () => {
    const arn = await importOne(leaf, { Tags: [{ Key: 'a', Value: 'b' }] });
    const first = record(arn);
    assert.equal(await importOne(rsa, { CertificateArn: arn }), arn);
    const second = record(arn);
    assert.equal(second.createdTimeMs, first.createdTimeMs);
    assert.ok(second.importedTimeMs >= first.importedTimeMs);
    assert.equal(harness.secrets.open(second.sealedKey, second.id), rsa.privateKey);
    assert.deepEqual([(await describeOne(arn)).DomainName, await tagsOf(arn)], ['a.test', [{ Key: 'a', Value: 'b' }]]);
    assert.equal(harness.control.awaited.at(-1), harness.store.view().revision);
    const { action, subject } = harness.lines.findLast(({ message }) => message === 'API call')!;
    assert.deepEqual([action, subject], ['ImportCertificate', arn.slice(0, 64) + '…']);
  });

  it('are refused when they are broken, or when there is nothing to replace', async () => {
    const cases: readonly (readonly [Partial<ImportCertificateCommandInput>, string, RegExp])[] = [
      [{ Certificate: bytes('x') }, 'ValidationException', /^Unable to parse certificate/],
      [
        { Certificate: bytes(`${leaf.certificate}\n${root.certificate}`) },
        'ValidationException',
        /^The certificate field contains more than one certificate\. You can specify only one certificate in this field/,
      ],
      [{ PrivateKey: bytes(rsa.privateKey) }, 'ValidationException', /does not belong/],
      [
        { PrivateKey: bytes('A'.repeat(5121)) },
        'ValidationException',
        /^1 validation error detected: Value at 'privateKey' .* less than or equal to 5120$/,
      ],
      [{ CertificateChain: bytes(rsa.certificate) }, 'ValidationException', /^Unable to validate certificate chain/],
      [{ CertificateArn: MISSING }, 'ResourceNotFoundException', /^Could not find certificate arn:/],
      [{ CertificateArn: 'arn:aws:elb:x:1:certificate/2' }, 'ValidationException', /at 'certificateArn' .* pattern/],
      [{ Tags: [{ Key: 'aws:a' }] }, 'InvalidTagException', /reserved/],
    ];
    for (const [overrides, code, message] of cases) {
      const refused = await harness.refused(() => importOne(leaf, overrides));
      assert.deepEqual([refused.code, refused.status], [code, 400]);
      assert.match(refused.message, message);
    }
    const requested = await request();
    const again = await harness.refused(() => importOne(leaf, { CertificateArn: requested }));
    assert.equal(again.message, `The certification ARN ${requested} is not an imported certificate ARN`);
    const CertificateArn = await importOne();
    const tagged = await harness.refused(() => importOne(leaf, { CertificateArn, Tags: [{ Key: 'a' }] }));
    assert.match(tagged.message, /Tags cannot be given when a certificate is imported again/);
  });

  it('belong to their account and region', async () => {
    const arn = await importOne();
    for (const by of [client(OTHER_ACCOUNT), client(KEY, 'eu-west-1')]) {
      assert.equal((await harness.refused(() => describeOne(arn, by))).code, 'ResourceNotFoundException');
      assert.equal(
        (await harness.refused(() => importOne(rsa, { CertificateArn: arn }, by))).code,
        'ResourceNotFoundException',
      );
      by.destroy();
    }
    const reader = client(READ_ONLY);
    assert.equal((await describeOne(arn, reader)).CertificateArn, arn);
    assert.equal((await harness.refused(() => importOne(leaf, {}, reader))).code, 'AccessDeniedException');
    reader.destroy();
  });

  it('cannot be deleted while a listener has them', async () => {
    const arn = await importOne();
    await use('arn:other', arn);
    assert.deepEqual((await describeOne(arn)).InUseBy, [
      'arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/web',
    ]);
    const { code, message } = await harness.refused(() => remove(arn));
    assert.equal(code, 'ResourceInUseException');
    assert.equal(message, `Certificate ${arn} in account 000000000000 is in use.`);
    await use('arn:other');
    await remove(arn);
    assert.equal((await harness.refused(() => get(arn))).code, 'ResourceNotFoundException');
  });
});

describe('certificates of the configuration file', () => {
  it('are changed there: they are neither imported anew nor deleted here', async () => {
    const arn = await importOne();
    const configured = { ...record(arn), isConfigured: true } as const;
    await harness.store.commit(harness.store.view().revision, [certificateChange(arn, configured)]);
    for (const change of [() => importOne(leaf, { CertificateArn: arn }), () => remove(arn)]) {
      const { code, message } = await harness.refused(change);
      assert.equal(code, 'AccessDeniedException');
      assert.match(message, /stands in the configuration file of weir/);
    }
  });
});

describe('requested certificates', () => {
  it('are self-signed and issued at once, with a key of the kind asked for', async () => {
    for (const KeyAlgorithm of ['RSA_2048', 'EC_prime256v1', 'EC_secp384r1'] as const) {
      const arn = await request({
        KeyAlgorithm,
        SubjectAlternativeNames: ['*.example.test', 'www.example.test', 'localhost'],
      });
      const detail = await describeOne(arn);
      assert.deepEqual([detail.Status, detail.Type, detail.KeyAlgorithm], ['ISSUED', 'AMAZON_ISSUED', KeyAlgorithm]);
      assert.deepEqual(detail.SubjectAlternativeNames, ['www.example.test', '*.example.test', 'localhost']);
      const certificate = new X509Certificate((await get(arn)).Certificate!);
      assert.ok(certificate.verify(certificate.publicKey));
      const { id, sealedKey } = record(arn);
      assert.ok(certificate.checkPrivateKey(createPrivateKey(harness.secrets.open(sealedKey, id))));
      assert.equal(certificate.checkHost('a.example.test'), '*.example.test');
    }
  });

  it('tell of a validation that is done, as tools wait for it', async () => {
    const dns = (await describeOne(await request({ SubjectAlternativeNames: ['*.www.example.test'] })))
      .DomainValidationOptions!;
    assert.deepEqual(
      dns.map(({ DomainName, ValidationStatus }) => [DomainName, ValidationStatus]),
      [
        ['www.example.test', 'SUCCESS'],
        ['*.www.example.test', 'SUCCESS'],
      ],
    );
    const [record, wildcard] = dns.map(({ ResourceRecord }) => ResourceRecord!);
    assert.match(record!.Name!, /^_[0-9a-f]{32}\.www\.example\.test\.$/);
    assert.deepEqual([record!.Type, wildcard], ['CNAME', record]);
    const email = (await describeOne(await request({ ValidationMethod: 'EMAIL' }))).DomainValidationOptions!;
    assert.deepEqual(email[0]!.ValidationEmails, ['admin@www.example.test']);
  });

  it('are the same for the same request with the same token', async () => {
    const token = { IdempotencyToken: 'token' };
    const arn = await request(token);
    assert.equal(await request(token), arn);
    assert.notEqual(await request({ ...token, DomainName: 'b.test' }), arn);
    assert.notEqual(await request({ IdempotencyToken: 'other' }), arn);
    const old = { ...record(arn), createdTimeMs: record(arn).createdTimeMs - 3_600_000 };
    await harness.store.commit(harness.store.view().revision, [certificateChange(arn, old)]);
    assert.notEqual(await request(token), arn, 'an hour later');
  });

  it('may have a first name of 64 octets, and a hundred others', async () => {
    const DomainName = `${'a'.repeat(59)}.test`;
    const names = Array.from({ length: 101 }, (_, index) => `${index}.test`);
    const arn = await request({ DomainName, SubjectAlternativeNames: names.slice(0, 100) });
    assert.equal(record(arn).details.domainNames.length, 101);
    const refused = await harness.refused(() => request({ SubjectAlternativeNames: names }));
    assert.match(refused.message, /at 'subjectAlternativeNames' .* less than or equal to 100/);
  });

  it('are refused with what a self-signed certificate cannot have', async () => {
    const cases: readonly (readonly [Partial<RequestCertificateCommandInput>, RegExp])[] = [
      [{ DomainName: 'a b' }, /at 'domainName' .* pattern/],
      [{ DomainName: `${'a'.repeat(60)}.test` }, /no more than 64 octets/],
      [{ SubjectAlternativeNames: ['a..b'] }, /at 'subjectAlternativeNames\.1\.member'/],
      [{ KeyAlgorithm: 'RSA_1024' }, /enum value set: \[RSA_2048, EC_prime256v1, EC_secp384r1\]/],
      [{ ValidationMethod: 'HTTP' }, /enum value set: \[DNS, EMAIL\]/],
      [{ IdempotencyToken: 'a-b' }, /at 'idempotencyToken'/],
      [{ CertificateAuthorityArn: 'arn:aws:acm-pca:x' }, /its own key/],
    ];
    for (const [input, message] of cases) {
      const refused = await harness.refused(() => request(input));
      assert.equal(refused.code, 'ValidationException');
      assert.match(refused.message, message);
    }
  });
});

describe('ListCertificates', () => {
  it('has RSA keys up to 2048 bits, and others where they are asked for, as AWS does', async () => {
    const [short, ec] = [await importOne(rsa), await importOne()];
    const long = await importOne(issue({ key: 'rsa-3072' }));
    assert.deepEqual(await list(), [short]);
    const keyTypes = ['EC_prime256v1', 'RSA_3072'] as const;
    assert.deepEqual(await list({ Includes: { keyTypes: [...keyTypes] } }), [ec, long].toSorted());
  });

  it('filters by status and usage', async () => {
    const expired = issue({ key: 'rsa-2048', notAfterMs: Date.UTC(2026, 0, 2) });
    const [valid, old] = [await importOne(rsa), await importOne(expired)];
    assert.deepEqual(await list({ CertificateStatuses: ['EXPIRED'] }), [old]);
    assert.deepEqual(await list({ CertificateStatuses: ['ISSUED'] }), [valid]);
    assert.deepEqual(await list({ CertificateStatuses: ['REVOKED'] }), []);
    const used = [valid, old].toSorted();
    assert.deepEqual(await list({ Includes: { keyUsage: ['KEY_ENCIPHERMENT', 'CRL_SIGNING'] } }), used);
    assert.deepEqual(await list({ Includes: { keyUsage: ['CRL_SIGNING'] } }), []);
    assert.deepEqual(await list({ Includes: { extendedKeyUsage: ['TLS_WEB_SERVER_AUTHENTICATION'] } }), used);
    assert.deepEqual(await list({ Includes: { exportOption: 'ENABLED' } }), []);
  });

  it('gives pages in either order of their making', async () => {
    const arns = [];
    for (let i = 0; i < 5; i++) arns.push(await importOne(rsa));
    const times = arns.map((arn, index) => certificateChange(arn, { ...record(arn), createdTimeMs: 1000 * index }));
    await harness.store.commit(harness.store.view().revision, times);
    for (const [SortOrder, expected] of [
      ['ASCENDING', arns],
      ['DESCENDING', arns.toReversed()],
    ] as const) {
      const pages: string[][] = [];
      const input = { SortBy: 'CREATED_AT', SortOrder } as const;
      for await (const page of paginateListCertificates({ client: acm, pageSize: 2 }, input)) {
        pages.push(page.CertificateSummaryList!.map(({ CertificateArn }) => CertificateArn!));
      }
      assert.deepEqual(pages, [expected.slice(0, 2), expected.slice(2, 4), expected.slice(4)]);
    }
    for (const input of [{ MaxItems: 0 }, { MaxItems: 1001 }, { NextToken: 'x' }, { SortBy: 'CREATED_AT' as const }]) {
      assert.equal((await harness.refused(() => list(input))).code, 'ValidationException');
    }
  });

  it('tells of each whether it is in use', async () => {
    const arn = await importOne(rsa);
    const inUse = async () =>
      (await acm.send(new ListCertificatesCommand({}))).CertificateSummaryList!.map(({ InUse }) => InUse);
    assert.deepEqual(await inUse(), [false]);
    await use(arn);
    assert.deepEqual(await inUse(), [true]);
    await use();
  });
});

describe('tags of certificates', () => {
  it('are added, changed, removed and listed', async () => {
    const CertificateArn = await importOne();
    const add = (...Tags: { Key: string; Value?: string }[]) =>
      acm.send(new AddTagsToCertificateCommand({ CertificateArn, Tags }));
    const take = (...Tags: { Key: string; Value?: string }[]) =>
      acm.send(new RemoveTagsFromCertificateCommand({ CertificateArn, Tags }));
    await add({ Key: 'a', Value: '1' }, { Key: 'b' });
    await add({ Key: 'a', Value: '2' }, { Key: 'c', Value: '' });
    assert.deepEqual(await tagsOf(CertificateArn), [{ Key: 'a', Value: '2' }, { Key: 'b' }, { Key: 'c', Value: '' }]);
    await take({ Key: 'a', Value: '1' }, { Key: 'b' }, { Key: 'absent' });
    assert.deepEqual(await tagsOf(CertificateArn), [
      { Key: 'a', Value: '2' },
      { Key: 'c', Value: '' },
    ]);
    const { revision } = harness.store.view();
    await add({ Key: 'a', Value: '2' });
    assert.equal(harness.store.view().revision, revision);
    await add(...Array.from({ length: 48 }, (_, index) => ({ Key: `full${index}` })));
    assert.equal((await harness.refused(() => add({ Key: 'one-more' }))).code, 'TooManyTagsException');
    const many = Array.from({ length: 49 }, (_, index) => ({ Key: `k${index}` }));
    assert.equal((await harness.refused(() => add(...many))).code, 'TooManyTagsException');
    assert.equal((await harness.refused(() => add({ Key: 'x' }, { Key: 'x' }))).code, 'InvalidTagException');
    assert.equal((await harness.refused(() => add({ Key: 'ä!' }))).code, 'ValidationException');
  });
});

describe('the JSON protocol', () => {
  it('RequestExpired, by which clients know that it is their clock: far from it in either direction', async () => {
    for (const systemClockOffset of [-3_600_000, 3_600_000]) {
      const options = { endpoint: harness.endpoint, region: 'us-east-1', credentials: KEY, maxAttempts: 1 };
      const late = new ACMClient({ ...options, systemClockOffset });
      const { code, status } = await harness.refused(() => describeOne(MISSING, late));
      assert.deepEqual([code, status], ['RequestExpired', 400]);
      late.destroy();
    }
  });

  it('answers what it does not know, and who is not known, as its clients read it', async () => {
    const stranger = client({ ...KEY, accessKeyId: 'AKIAUNKNOWN' });
    const unknown = await harness.refused(() => describeOne(MISSING, stranger));
    assert.deepEqual([unknown.code, unknown.status], ['UnrecognizedClientException', 400]);
    const forger = client({ ...KEY, secretAccessKey: 'wrong' });
    assert.equal((await harness.refused(() => describeOne(MISSING, forger))).code, 'InvalidSignatureException');
    for (const each of [stranger, forger]) each.destroy();
    const wanted = { ...KEY, timeMs: systemClock.epochMs(), service: 'dynamodb', body: '{}' };
    const headers = { Host: `127.0.0.1:${harness.port}`, 'X-Amz-Target': 'DynamoDB_20120810.ListTables' };
    const signed = signedRequest({ ...wanted, headers });
    const sent = Array.from({ length: signed.rawHeaders.length / 2 }, (_, index): [string, string] => {
      return [signed.rawHeaders[2 * index]!, signed.rawHeaders[2 * index + 1]!];
    });
    const elsewhere = await fetch(harness.endpoint, { method: 'POST', headers: sent, body: '{}' });
    assert.match(
      await elsewhere.text(),
      /"UnknownOperationException".*'DynamoDB_20120810\.ListTables'.*weir has CertificateManager/,
    );
    const response = await fetch(harness.endpoint, {
      method: 'POST',
      headers: {
        'x-amz-target': 'CertificateManager.DescribeCertificate',
        'content-type': 'application/x-amz-json-1.1',
      },
      body: '{}',
    });
    assert.equal(response.headers.get('content-type'), 'application/x-amz-json-1.1');
    assert.match(await response.text(), /^\{"__type":"MissingAuthenticationTokenException","message":"/);
  });
});
