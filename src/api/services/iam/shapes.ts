/** Generated from the AWS model (`npm run generate:models`): do not edit. */

export interface AttachedPermissionsBoundary {
  readonly PermissionsBoundaryType?: string;
  readonly PermissionsBoundaryArn?: string;
}

export interface DeleteServerCertificateRequest {
  readonly ServerCertificateName: string;
}

export interface GetServerCertificateRequest {
  readonly ServerCertificateName: string;
}

export interface GetServerCertificateResponse {
  readonly ServerCertificate: ServerCertificate;
}

export interface GetUserRequest {
  readonly UserName?: string;
}

export interface GetUserResponse {
  readonly User: User;
}

export interface ListServerCertificateTagsRequest {
  readonly ServerCertificateName: string;
  readonly Marker?: string;
  readonly MaxItems?: number;
}

export interface ListServerCertificateTagsResponse {
  readonly Tags: readonly Tag[];
  readonly IsTruncated?: boolean;
  readonly Marker?: string;
}

export interface ListServerCertificatesRequest {
  readonly PathPrefix?: string;
  readonly Marker?: string;
  readonly MaxItems?: number;
}

export interface ListServerCertificatesResponse {
  readonly ServerCertificateMetadataList: readonly ServerCertificateMetadata[];
  readonly IsTruncated?: boolean;
  readonly Marker?: string;
}

export interface ServerCertificate {
  readonly ServerCertificateMetadata: ServerCertificateMetadata;
  readonly CertificateBody: string;
  readonly CertificateChain?: string;
  readonly Tags?: readonly Tag[];
}

export interface ServerCertificateMetadata {
  readonly Path: string;
  readonly ServerCertificateName: string;
  readonly ServerCertificateId: string;
  readonly Arn: string;
  readonly UploadDate?: Date;
  readonly Expiration?: Date;
}

export interface Tag {
  readonly Key: string;
  readonly Value: string;
}

export interface TagServerCertificateRequest {
  readonly ServerCertificateName: string;
  readonly Tags: readonly Tag[];
}

export type Unit = Readonly<Record<string, never>>;

export interface UntagServerCertificateRequest {
  readonly ServerCertificateName: string;
  readonly TagKeys: readonly string[];
}

export interface UpdateServerCertificateRequest {
  readonly ServerCertificateName: string;
  readonly NewPath?: string;
  readonly NewServerCertificateName?: string;
}

export interface UploadServerCertificateRequest {
  readonly ServerCertificateName: string;
  readonly CertificateBody: string;
  readonly PrivateKey: string;
  readonly Path?: string;
  readonly CertificateChain?: string;
  readonly Tags?: readonly Tag[];
}

export interface UploadServerCertificateResponse {
  readonly ServerCertificateMetadata?: ServerCertificateMetadata;
  readonly Tags?: readonly Tag[];
}

export interface User {
  readonly Path: string;
  readonly UserName: string;
  readonly UserId: string;
  readonly Arn: string;
  readonly CreateDate: Date;
  readonly PasswordLastUsed?: Date;
  readonly PermissionsBoundary?: AttachedPermissionsBoundary;
  readonly Tags?: readonly Tag[];
}

export interface Operations {
  readonly DeleteServerCertificate: {
    readonly input: DeleteServerCertificateRequest;
    readonly output: Unit;
  };
  readonly GetServerCertificate: {
    readonly input: GetServerCertificateRequest;
    readonly output: GetServerCertificateResponse;
  };
  readonly GetUser: {
    readonly input: GetUserRequest;
    readonly output: GetUserResponse;
  };
  readonly ListServerCertificateTags: {
    readonly input: ListServerCertificateTagsRequest;
    readonly output: ListServerCertificateTagsResponse;
  };
  readonly ListServerCertificates: {
    readonly input: ListServerCertificatesRequest;
    readonly output: ListServerCertificatesResponse;
  };
  readonly TagServerCertificate: {
    readonly input: TagServerCertificateRequest;
    readonly output: Unit;
  };
  readonly UntagServerCertificate: {
    readonly input: UntagServerCertificateRequest;
    readonly output: Unit;
  };
  readonly UpdateServerCertificate: {
    readonly input: UpdateServerCertificateRequest;
    readonly output: Unit;
  };
  readonly UploadServerCertificate: {
    readonly input: UploadServerCertificateRequest;
    readonly output: UploadServerCertificateResponse;
  };
}

export type ErrorCode =
  | 'DeleteConflict'
  | 'EntityAlreadyExists'
  | 'InvalidInput'
  | 'KeyPairMismatch'
  | 'LimitExceeded'
  | 'MalformedCertificate'
  | 'NoSuchEntity';
