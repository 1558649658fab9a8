/** TagServerCertificate, UntagServerCertificate and ListServerCertificateTags. */
import { isDeepStrictEqual } from 'node:util';
import type { IamCertificate } from '../../../model/certificate.ts';
import { MAX_TAGS } from '../../../model/limits.ts';
import type { Tag } from '../../../model/load-balancer.ts';
import { certificateChange } from '../../../store/store.ts';
import type { Outcome } from '../../changes.ts';
import { Fault } from '../../fault.ts';
import { iamFault } from './model.ts';
import type { IamFault } from './model.ts';
import { find } from './operation.ts';
import type { CallContext, Handler } from './operation.ts';
import { paginate } from './paging.ts';
import { listTagsFault, nameFault, readTags } from './rules.ts';
import type * as shapes from './shapes.ts';

function tag(input: shapes.TagServerCertificateRequest, context: CallContext): Outcome<shapes.Unit> | IamFault {
  const certificate = nameFault(input.ServerCertificateName) ?? find(input.ServerCertificateName, context);
  if (certificate instanceof Fault) return certificate;
  const added = readTags(input.Tags);
  if (added instanceof Fault) return added;
  const tags = [...new Map([...certificate.tags, ...added].map((each) => [each.key, each])).values()];
  if (tags.length <= MAX_TAGS) return withTags(certificate, tags);
  const message = `A server certificate can have at most ${MAX_TAGS} tags; these would be ${tags.length}.`;
  return iamFault('LimitExceeded', message);
}

/** A key that is not there is as good as removed. */
function untag(input: shapes.UntagServerCertificateRequest, context: CallContext): Outcome<shapes.Unit> | IamFault {
  const certificate = nameFault(input.ServerCertificateName) ?? find(input.ServerCertificateName, context);
  if (certificate instanceof Fault) return certificate;
  const keys = new Set(input.TagKeys);
  return withTags(
    certificate,
    certificate.tags.filter(({ key }) => !keys.has(key)),
  );
}

function list(
  input: shapes.ListServerCertificateTagsRequest,
  context: CallContext,
): Outcome<shapes.ListServerCertificateTagsResponse> | IamFault {
  const certificate = listTagsFault(input) ?? find(input.ServerCertificateName, context);
  if (certificate instanceof Fault) return certificate;
  const sorted = certificate.tags.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const page = paginate(sorted, ({ key }) => key, input);
  if (page instanceof Fault) return page;
  return { output: { Tags: page.items.map(describeTag), ...page.rest }, changes: [] };
}

function withTags(certificate: IamCertificate, tags: readonly Tag[]): Outcome<shapes.Unit> {
  const isSame = isDeepStrictEqual(certificate.tags, tags);
  return { output: {}, changes: isSame ? [] : [certificateChange(certificate.arn, { ...certificate, tags })] };
}

export function describeTag({ key, value = '' }: Tag): shapes.Tag {
  return { Key: key, Value: value };
}

export const serverCertificateTagHandlers = {
  TagServerCertificate: { mutates: true, decide: tag },
  UntagServerCertificate: { mutates: true, decide: untag },
  ListServerCertificateTags: { mutates: false, decide: list },
} satisfies {
  TagServerCertificate: Handler<'TagServerCertificate'>;
  UntagServerCertificate: Handler<'UntagServerCertificate'>;
  ListServerCertificateTags: Handler<'ListServerCertificateTags'>;
};
