/**
 * `npm run generate:models`: writes model.json and shapes.ts of ELB, and of IAM, ACM and STS as far as a load balancer's users
 * need them, from the pinned AWS SDKs.
 */
import * as acm from '@aws-sdk/client-acm';
import * as elb from '@aws-sdk/client-elastic-load-balancing';
import * as iam from '@aws-sdk/client-iam';
import * as sts from '@aws-sdk/client-sts';
import { generateModel, writeModel, type ModelSource } from './aws-model.ts';

/** By the folder in src/api/services/. */
export const SOURCES: Readonly<Record<string, ModelSource>> = {
  elb: {
    package: '@aws-sdk/client-elastic-load-balancing',
    sdk: elb,
    version: '2012-06-01',
    xmlNamespace: 'http://elasticloadbalancing.amazonaws.com/doc/2012-06-01/',
  },
  iam: {
    package: '@aws-sdk/client-iam',
    sdk: iam,
    version: '2010-05-08',
    xmlNamespace: 'https://iam.amazonaws.com/doc/2010-05-08/',
    only: {
      operations: [
        'UploadServerCertificate',
        'GetServerCertificate',
        'ListServerCertificates',
        'UpdateServerCertificate',
        'DeleteServerCertificate',
        'TagServerCertificate',
        'UntagServerCertificate',
        'ListServerCertificateTags',
        'GetUser',
      ],
      errors: [
        'DeleteConflictException',
        'EntityAlreadyExistsException',
        'InvalidInputException',
        'KeyPairMismatchException',
        'LimitExceededException',
        'MalformedCertificateException',
        'NoSuchEntityException',
      ],
    },
  },
  acm: {
    package: '@aws-sdk/client-acm',
    sdk: acm,
    version: '2015-12-08',
    xmlNamespace: '',
    only: {
      operations: [
        'ImportCertificate',
        'RequestCertificate',
        'DescribeCertificate',
        'GetCertificate',
        'ListCertificates',
        'DeleteCertificate',
        'AddTagsToCertificate',
        'RemoveTagsFromCertificate',
        'ListTagsForCertificate',
      ],
      errors: [
        'InvalidTagException',
        'LimitExceededException',
        'ResourceInUseException',
        'ResourceNotFoundException',
        'TooManyTagsException',
        'ValidationException',
      ],
    },
  },
  sts: {
    package: '@aws-sdk/client-sts',
    sdk: sts,
    version: '2011-06-15',
    xmlNamespace: 'https://sts.amazonaws.com/doc/2011-06-15/',
    only: { operations: ['GetCallerIdentity'], errors: [] },
  },
};

if (import.meta.main) {
  for (const [folder, source] of Object.entries(SOURCES)) {
    writeModel(new URL(`../src/api/services/${folder}/`, import.meta.url), generateModel(source));
  }
}
