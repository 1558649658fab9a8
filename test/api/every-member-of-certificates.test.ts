/**
 * A walk over the AWS models of IAM and ACM, as far as weir has them: every operation answers, with members of the right
 * types; what never comes stands below, with the reason.
 */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import * as acm from '@aws-sdk/client-acm';
import * as elb from '@aws-sdk/client-elastic-load-balancing';
import * as iam from '@aws-sdk/client-iam';
import { acmModel } from '../../src/api/services/acm/model.ts';
import { iamModel } from '../../src/api/services/iam/model.ts';
import { ApiHarness, KEY } from '../support/api.ts';
import { issue } from '../support/issued.ts';
import { ModelWalk } from '../support/model-walk.ts';

const root = issue({ commonName: 'root', isAuthority: true });
const leaf = issue({ issuer: root });

/** `Structure.Member` → why it never comes. */
const BOUNDARY = 'a limit on what policies allow: there are no policies, a key is read-only or not';
const NOT_IN_IAM: Readonly<Record<string, string>> = {
  'AttachedPermissionsBoundary.PermissionsBoundaryArn': BOUNDARY,
  'AttachedPermissionsBoundary.PermissionsBoundaryType': BOUNDARY,
  'User.PasswordLastUsed': 'users are keys of the credentials file, without passwords',
  'User.PermissionsBoundary': BOUNDARY,
  'User.Tags':
    'users are keys of the credentials file, without tags; GetUser of AWS leaves them out where there are none',
};
const RENEWAL = 'of certificates that AWS renews: those here are imported, or made anew on request';
const AUTHORITY = 'of certificates that an authority signs, and takes back: those here are imported or self-signed';
const HTTP_VALIDATION = 'of the validation for CloudFront, which asks for it by itself';
const MANAGED = 'of certificates that another service of AWS makes for itself';
const NOT_IN_ACM: Readonly<Record<string, string>> = {
  'CertificateDetail.CertificateAuthorityArn': AUTHORITY,
  'CertificateDetail.FailureReason': AUTHORITY,
  'CertificateDetail.ManagedBy': MANAGED,
  'CertificateDetail.RenewalSummary': RENEWAL,
  'CertificateDetail.RevocationReason': AUTHORITY,
  'CertificateDetail.RevokedAt': AUTHORITY,
  'CertificateSummary.ManagedBy': MANAGED,
  'CertificateSummary.RevokedAt': AUTHORITY,
  'DomainValidation.HttpRedirect': HTTP_VALIDATION,
  'HttpRedirect.RedirectFrom': HTTP_VALIDATION,
  'HttpRedirect.RedirectTo': HTTP_VALIDATION,
  'RenewalSummary.DomainValidationOptions': RENEWAL,
  'RenewalSummary.RenewalStatus': RENEWAL,
  'RenewalSummary.RenewalStatusReason': RENEWAL,
  'RenewalSummary.UpdatedAt': RENEWAL,
};

let harness: ApiHarness;
let iamClient: iam.IAMClient;
let acmClient: acm.ACMClient;

before(async () => {
  harness = await ApiHarness.start();
  const options = { endpoint: harness.endpoint, region: 'us-east-1', credentials: KEY, maxAttempts: 1 };
  iamClient = new iam.IAMClient(options);
  acmClient = new acm.ACMClient(options);
});
after(async () => {
  iamClient.destroy();
  acmClient.destroy();
  await harness.stop();
});

async function walkIam(walk: ModelWalk): Promise<void> {
  const named = { ServerCertificateName: 'web' };
  const call = async (action: string, answer: Promise<object>): Promise<void> => walk.look(action, await answer);
  const upload = {
    ...named,
    CertificateBody: leaf.certificate,
    PrivateKey: leaf.privateKey,
    CertificateChain: root.certificate,
    Tags: [{ Key: 'a', Value: 'b' }],
  };
  await call('UploadServerCertificate', iamClient.send(new iam.UploadServerCertificateCommand(upload)));
  const second = { ...upload, ServerCertificateName: 'xyz' };
  await iamClient.send(new iam.UploadServerCertificateCommand(second));
  await call('GetServerCertificate', iamClient.send(new iam.GetServerCertificateCommand(named)));
  const one = { MaxItems: 1 };
  await call('ListServerCertificates', iamClient.send(new iam.ListServerCertificatesCommand(one)));
  const Tags = [{ Key: 'c', Value: 'd' }];
  await call('TagServerCertificate', iamClient.send(new iam.TagServerCertificateCommand({ ...named, Tags })));
  const tags = new iam.ListServerCertificateTagsCommand({ ...named, ...one });
  await call('ListServerCertificateTags', iamClient.send(tags));
  const untag = new iam.UntagServerCertificateCommand({ ...named, TagKeys: ['c'] });
  await call('UntagServerCertificate', iamClient.send(untag));
  const rename = new iam.UpdateServerCertificateCommand({ ...named, NewPath: '/new/' });
  await call('UpdateServerCertificate', iamClient.send(rename));
  await call('GetUser', iamClient.send(new iam.GetUserCommand({})));
  await call('DeleteServerCertificate', iamClient.send(new iam.DeleteServerCertificateCommand(named)));
}

async function walkAcm(walk: ModelWalk): Promise<void> {
  const call = async <T extends object>(action: string, answer: Promise<T>): Promise<T> => {
    walk.look(action, await answer);
    return answer;
  };
  const bytes = (text: string) => Buffer.from(text);
  const Tags = [{ Key: 'a', Value: 'b' }];
  const given = { Certificate: bytes(leaf.certificate), PrivateKey: bytes(leaf.privateKey), Tags };
  const whole = { ...given, CertificateChain: bytes(root.certificate) };
  const imported = await call('ImportCertificate', acmClient.send(new acm.ImportCertificateCommand(whole)));
  const CertificateArn = imported.CertificateArn!;
  const request = new acm.RequestCertificateCommand({ DomainName: 'www.example.test', KeyAlgorithm: 'EC_prime256v1' });
  const requested = await call('RequestCertificate', acmClient.send(request));
  const byMail = { DomainName: 'mail.example.test', KeyAlgorithm: 'EC_prime256v1', ValidationMethod: 'EMAIL' } as const;
  const mailed = await call('RequestCertificate', acmClient.send(new acm.RequestCertificateCommand(byMail)));
  const listener = { Protocol: 'HTTPS', LoadBalancerPort: 443, InstancePort: 80, SSLCertificateId: CertificateArn };
  const use = { LoadBalancerName: 'web', Listeners: [listener], AvailabilityZones: ['us-east-1a'] };
  await harness.elb.send(new elb.CreateLoadBalancerCommand(use));
  for (const arn of [CertificateArn, requested.CertificateArn!, mailed.CertificateArn!]) {
    await call('DescribeCertificate', acmClient.send(new acm.DescribeCertificateCommand({ CertificateArn: arn })));
  }
  await call('GetCertificate', acmClient.send(new acm.GetCertificateCommand({ CertificateArn })));
  const Includes = { keyTypes: ['EC_prime256v1' as const] };
  await call('ListCertificates', acmClient.send(new acm.ListCertificatesCommand({ Includes, MaxItems: 1 })));
  await call('ListCertificates', acmClient.send(new acm.ListCertificatesCommand({ Includes })));
  const tag = new acm.AddTagsToCertificateCommand({ CertificateArn, Tags });
  await call('AddTagsToCertificate', acmClient.send(tag));
  await call('ListTagsForCertificate', acmClient.send(new acm.ListTagsForCertificateCommand({ CertificateArn })));
  const untag = new acm.RemoveTagsFromCertificateCommand({ CertificateArn, Tags });
  await call('RemoveTagsFromCertificate', acmClient.send(untag));
  const unused = { CertificateArn: requested.CertificateArn };
  await call('DeleteCertificate', acmClient.send(new acm.DeleteCertificateCommand(unused)));
}

for (const [service, model, walk, notHere] of [
  ['IAM', iamModel, walkIam, NOT_IN_IAM],
  ['ACM', acmModel, walkAcm, NOT_IN_ACM],
] as const) {
  it(`every operation of ${service} answers, with every member that there is a reason for`, async () => {
    const seen = new ModelWalk(model);
    await walk(seen);
    assert.deepEqual(seen.unanswered, []);
    assert.deepEqual(seen.missing.toSorted(), Object.keys(notHere).toSorted());
  });
}
