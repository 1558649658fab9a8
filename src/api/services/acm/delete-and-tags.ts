/** DeleteCertificate, and the tags of certificates. */
import { isDeepStrictEqual } from 'node:util';
import type { AcmCertificate } from '../../../model/certificate.ts';
import type { Tag } from '../../../model/load-balancer.ts';
import { certificateChange } from '../../../store/store.ts';
import { configuredFault, usersIn } from '../../certificate-records.ts';
import type { Outcome } from '../../changes.ts';
import { Fault } from '../../fault.ts';
import { acmFault } from './model.ts';
import type { AcmFault } from './model.ts';
import { find } from './operation.ts';
import type { CallContext, Handler } from './operation.ts';
import { mergeTags, readTags } from './rules.ts';
import type * as shapes from './shapes.ts';

const NOTHING = { output: {}, changes: [] } as const;

function remove(input: shapes.DeleteCertificateRequest, context: CallContext): Outcome<shapes.Unit> | AcmFault {
  const certificate = find(input.CertificateArn, context);
  if (certificate instanceof Fault) return certificate;
  const configured = configuredFault(certificate);
  if (configured !== undefined) return configured;
  const { arn, accountId } = certificate;
  if (usersIn(context.view, certificate).length === 0) {
    return { output: {}, changes: [certificateChange(arn, undefined)] };
  }
  return acmFault('ResourceInUseException', `Certificate ${arn} in account ${accountId} is in use.`);
}

function addTags(input: shapes.AddTagsToCertificateRequest, context: CallContext): Outcome<shapes.Unit> | AcmFault {
  const certificate = find(input.CertificateArn, context);
  if (certificate instanceof Fault) return certificate;
  const added = readTags(input.Tags);
  if (added instanceof Fault) return added;
  const tags = mergeTags(certificate.tags, added);
  return tags instanceof Fault ? tags : withTags(certificate, tags);
}

/** A tag given with a value goes only if it has that value. */
function removeTags(
  input: shapes.RemoveTagsFromCertificateRequest,
  context: CallContext,
): Outcome<shapes.Unit> | AcmFault {
  const certificate = find(input.CertificateArn, context);
  if (certificate instanceof Fault) return certificate;
  const goes = (tag: Tag): boolean =>
    input.Tags.some(({ Key, Value }) => Key === tag.key && (Value === undefined || Value === (tag.value ?? '')));
  return withTags(
    certificate,
    certificate.tags.filter((tag) => !goes(tag)),
  );
}

function withTags(certificate: AcmCertificate, tags: readonly Tag[]): Outcome<shapes.Unit> {
  if (isDeepStrictEqual(certificate.tags, tags)) return NOTHING;
  return { output: {}, changes: [certificateChange(certificate.arn, { ...certificate, tags })] };
}

function listTags(
  input: shapes.ListTagsForCertificateRequest,
  context: CallContext,
): Outcome<shapes.ListTagsForCertificateResponse> | AcmFault {
  const certificate = find(input.CertificateArn, context);
  if (certificate instanceof Fault) return certificate;
  const tags = certificate.tags.map(({ key, value }) =>
    value === undefined ? { Key: key } : { Key: key, Value: value },
  );
  return { output: { Tags: tags }, changes: [] };
}

export const deleteAndTagHandlers = {
  DeleteCertificate: { mutates: true, decide: remove },
  AddTagsToCertificate: { mutates: true, decide: addTags },
  RemoveTagsFromCertificate: { mutates: true, decide: removeTags },
  ListTagsForCertificate: { mutates: false, decide: listTags },
} satisfies {
  DeleteCertificate: Handler<'DeleteCertificate'>;
  AddTagsToCertificate: Handler<'AddTagsToCertificate'>;
  RemoveTagsFromCertificate: Handler<'RemoveTagsFromCertificate'>;
  ListTagsForCertificate: Handler<'ListTagsForCertificate'>;
};
