/** Upload, Get, List, Update and DeleteServerCertificate. */
import { base32Digits } from '../../../kit/base32.ts';
import { checkCertificate } from '../../../model/certificate-check.ts';
import type { CertificateProblem, CheckedCertificate } from '../../../model/certificate-check.ts';
import { iamCertificateArn } from '../../../model/certificate.ts';
import type { IamCertificate } from '../../../model/certificate.ts';
import { CERTIFICATES } from '../../../model/limits.ts';
import { idOf } from '../../../model/load-balancer.ts';
import type { LoadBalancer } from '../../../model/load-balancer.ts';
import { certificateChange, loadBalancerChange } from '../../../store/store.ts';
import { configuredFault, outOfDateNotes, userArns, usersIn } from '../../certificate-records.ts';
import type { Outcome } from '../../changes.ts';
import { Fault } from '../../fault.ts';
import { iamFault } from './model.ts';
import type { IamFault } from './model.ts';
import { find, lookUp, ownCertificates } from './operation.ts';
import type { CallContext, Handler } from './operation.ts';
import { paginate } from './paging.ts';
import { listFault, nameFault, readTags, updateFault, uploadFault } from './rules.ts';
import { describeTag } from './server-certificate-tags.ts';
import type * as shapes from './shapes.ts';

function upload(
  input: shapes.UploadServerCertificateRequest,
  context: CallContext,
): Outcome<shapes.UploadServerCertificateResponse> | IamFault {
  const { ServerCertificateName: name, Path: path = '/', CertificateChain: chain } = input;
  const { accountId, region } = context.caller;
  const fault = uploadFault(input) ?? takenFault(name, undefined, context) ?? quotaFault(context);
  if (fault !== undefined) return fault;
  const tags = readTags(input.Tags);
  if (tags instanceof Fault) return tags;
  const given = { certificate: input.CertificateBody, privateKey: input.PrivateKey };
  const checked = checkCertificate(chain === undefined ? given : { ...given, chain }, context.nowMs);
  if ('reason' in checked) return problemFault(checked);
  const id = makeId(context);
  const certificate: IamCertificate = {
    kind: 'iam',
    accountId,
    arn: iamCertificateArn(accountId, region, path, name),
    id,
    name,
    path,
    body: checked.body,
    chain: checked.chain,
    ...givenTexts(input, checked),
    details: checked.details,
    sealedKey: context.secrets.seal(checked.privateKey, id),
    createdTimeMs: context.nowMs,
    tags,
  };
  return {
    output: { ServerCertificateMetadata: metadata(certificate), ...describedTags(certificate) },
    changes: [certificateChange(certificate.arn, certificate)],
    notes: outOfDateNotes(certificate.arn, checked),
  };
}

/**
 * Line ends, blank lines and comments come back as they were uploaded, as at AWS. Terraform would take another way of writing for
 * another certificate, and replace it at each apply.
 */
function givenTexts(
  { CertificateBody, CertificateChain = '' }: shapes.UploadServerCertificateRequest,
  { body, chain }: CheckedCertificate,
): Pick<IamCertificate, 'given'> {
  const given = { body: CertificateBody.trim(), chain: CertificateChain.trim() };
  const isAsKept = given.body === body && given.chain === chain;
  return isAsKept || given.body.length + given.chain.length > CERTIFICATES.maxGivenLength ? {} : { given };
}

function get(
  input: shapes.GetServerCertificateRequest,
  context: CallContext,
): Outcome<shapes.GetServerCertificateResponse> | IamFault {
  const certificate = nameFault(input.ServerCertificateName) ?? find(input.ServerCertificateName, context);
  if (certificate instanceof Fault) return certificate;
  const { body, chain } = certificate.given ?? certificate;
  const output = {
    ServerCertificate: {
      ServerCertificateMetadata: metadata(certificate),
      CertificateBody: body,
      ...(chain === '' ? {} : { CertificateChain: chain }),
      ...describedTags(certificate),
    },
  };
  return { output, changes: [] };
}

function list(
  input: shapes.ListServerCertificatesRequest,
  context: CallContext,
): Outcome<shapes.ListServerCertificatesResponse> | IamFault {
  const fault = listFault(input);
  if (fault !== undefined) return fault;
  const { PathPrefix: prefix = '/' } = input;
  const certificates = ownCertificates(context).filter(({ path }) => path.startsWith(prefix));
  const page = paginate(certificates, ({ name }) => name, input);
  if (page instanceof Fault) return page;
  return { output: { ServerCertificateMetadataList: page.items.map(metadata), ...page.rest }, changes: [] };
}

/** Name and path make the ARN: the listeners that have the certificate go along with it. */
function update(input: shapes.UpdateServerCertificateRequest, context: CallContext): Outcome<shapes.Unit> | IamFault {
  const certificate = updateFault(input) ?? find(input.ServerCertificateName, context);
  if (certificate instanceof Fault) return certificate;
  const { NewServerCertificateName: name = certificate.name, NewPath: path = certificate.path } = input;
  const fault = configuredFault(certificate) ?? takenFault(name, certificate, context);
  if (fault !== undefined) return fault;
  const arn = iamCertificateArn(certificate.accountId, context.caller.region, path, name);
  if (arn === certificate.arn) return { output: {}, changes: [] };
  const users = usersIn(context.view, certificate).map((user) => withCertificate(user, certificate.arn, arn));
  const changes = [
    certificateChange(certificate.arn, undefined),
    certificateChange(arn, { ...certificate, arn, name, path }),
    ...users.map((user) => loadBalancerChange(idOf(user), user)),
  ];
  return { output: {}, changes };
}

function remove(input: shapes.DeleteServerCertificateRequest, context: CallContext): Outcome<shapes.Unit> | IamFault {
  const certificate = nameFault(input.ServerCertificateName) ?? find(input.ServerCertificateName, context);
  if (certificate instanceof Fault) return certificate;
  const configured = configuredFault(certificate);
  if (configured !== undefined) return configured;
  const [user] = userArns(context.view, certificate);
  if (user === undefined) return { output: {}, changes: [certificateChange(certificate.arn, undefined)] };
  return iamFault(
    'DeleteConflict',
    `Certificate: ${certificate.id} is currently in use by ${user}. Please remove it first before deleting it from IAM.`,
  );
}

function takenFault(name: string, but: IamCertificate | undefined, context: CallContext): IamFault | undefined {
  const other = lookUp(name, context);
  if (other === undefined || other.id === but?.id) return undefined;
  return iamFault('EntityAlreadyExists', `The Server Certificate with name ${name} already exists.`);
}

function quotaFault(context: CallContext): IamFault | undefined {
  const { maxCount } = CERTIFICATES.iam;
  if (ownCertificates(context).length < maxCount) return undefined;
  return iamFault('LimitExceeded', `Cannot exceed quota for ServerCertificatesPerAccount: ${maxCount}`);
}

function problemFault({ reason, message }: CertificateProblem): IamFault {
  return iamFault(reason === 'key-mismatch' ? 'KeyPairMismatch' : 'MalformedCertificate', message);
}

function makeId({ random }: CallContext): string {
  return `ASCA${base32Digits(random.bytes(17))}`;
}

function withCertificate(user: LoadBalancer, from: string, to: string): LoadBalancer {
  const listeners = user.listeners.map((listener) =>
    listener.sslCertificateId === from ? { ...listener, sslCertificateId: to } : listener,
  );
  return { ...user, listeners };
}

function metadata(certificate: IamCertificate): shapes.ServerCertificateMetadata {
  return {
    Path: certificate.path,
    ServerCertificateName: certificate.name,
    ServerCertificateId: certificate.id,
    Arn: certificate.arn,
    UploadDate: new Date(certificate.createdTimeMs),
    Expiration: new Date(certificate.details.notAfterMs),
  };
}

function describedTags({ tags }: IamCertificate): { readonly Tags?: readonly shapes.Tag[] } {
  return tags.length === 0 ? {} : { Tags: tags.map(describeTag) };
}

export const serverCertificateHandlers = {
  UploadServerCertificate: { mutates: true, decide: upload },
  GetServerCertificate: { mutates: false, decide: get },
  ListServerCertificates: { mutates: false, decide: list },
  UpdateServerCertificate: { mutates: true, decide: update },
  DeleteServerCertificate: { mutates: true, decide: remove },
} satisfies {
  UploadServerCertificate: Handler<'UploadServerCertificate'>;
  GetServerCertificate: Handler<'GetServerCertificate'>;
  ListServerCertificates: Handler<'ListServerCertificates'>;
  UpdateServerCertificate: Handler<'UpdateServerCertificate'>;
  DeleteServerCertificate: Handler<'DeleteServerCertificate'>;
};
