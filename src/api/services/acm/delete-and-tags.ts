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
import { onCertificate } from './operation.ts';
import type { CertificateCall, Handler } from './operation.ts';
import { mergeTags, readTags } from './rules.ts';
import type * as shapes from './shapes.ts';

const NOTHING = { output: {}, changes: [] } as const;

function remove({ certificate, context }: CertificateCall<unknown>): Outcome<shapes.Unit> | AcmFault {
  const configured = configuredFault(certificate);
  if (configured !== undefined) return configured;
  const { arn, accountId } = certificate;
  if (usersIn(context.view, certificate).length === 0) {
    return { output: {}, changes: [certificateChange(arn, undefined)] };
  }
  return acmFault('ResourceInUseException', `Certificate ${arn} in account ${accountId} is in use.`);
}

function addTags({
  certificate,
  input,
}: CertificateCall<shapes.AddTagsToCertificateRequest>): Outcome<shapes.Unit> | AcmFault {
  const added = readTags(input.Tags);
  if (added instanceof Fault) return added;
  const tags = mergeTags(certificate.tags, added);
  return tags instanceof Fault ? tags : withTags(certificate, tags);
}

/** A tag given with a value goes only if it has that value. */
function removeTags({
  certificate,
  input,
}: CertificateCall<shapes.RemoveTagsFromCertificateRequest>): Outcome<shapes.Unit> {
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

function listTags({ certificate }: CertificateCall<unknown>): Outcome<shapes.ListTagsForCertificateResponse> {
  const tags = certificate.tags.map(({ key, value }) =>
    value === undefined ? { Key: key } : { Key: key, Value: value },
  );
  return { output: { Tags: tags }, changes: [] };
}

export const deleteAndTagHandlers = {
  DeleteCertificate: { mutates: true, decide: onCertificate(remove) },
  AddTagsToCertificate: { mutates: true, decide: onCertificate(addTags) },
  RemoveTagsFromCertificate: { mutates: true, decide: onCertificate(removeTags) },
  ListTagsForCertificate: { mutates: false, decide: onCertificate(listTags) },
} satisfies {
  DeleteCertificate: Handler<'DeleteCertificate'>;
  AddTagsToCertificate: Handler<'AddTagsToCertificate'>;
  RemoveTagsFromCertificate: Handler<'RemoveTagsFromCertificate'>;
  ListTagsForCertificate: Handler<'ListTagsForCertificate'>;
};
