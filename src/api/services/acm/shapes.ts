/** Generated from the AWS model (`npm run generate:models`): do not edit. */

export interface AddTagsToCertificateRequest {
  readonly CertificateArn: string;
  readonly Tags: readonly Tag[];
}

export interface CertificateDetail {
  readonly CertificateArn?: string;
  readonly DomainName?: string;
  readonly SubjectAlternativeNames?: readonly string[];
  readonly ManagedBy?: string;
  readonly DomainValidationOptions?: readonly DomainValidation[];
  readonly Serial?: string;
  readonly Subject?: string;
  readonly Issuer?: string;
  readonly CreatedAt?: Date;
  readonly IssuedAt?: Date;
  readonly ImportedAt?: Date;
  readonly Status?: string;
  readonly RevokedAt?: Date;
  readonly RevocationReason?: string;
  readonly NotBefore?: Date;
  readonly NotAfter?: Date;
  readonly KeyAlgorithm?: string;
  readonly SignatureAlgorithm?: string;
  readonly InUseBy?: readonly string[];
  readonly FailureReason?: string;
  readonly Type?: string;
  readonly RenewalSummary?: RenewalSummary;
  readonly KeyUsages?: readonly KeyUsage[];
  readonly ExtendedKeyUsages?: readonly ExtendedKeyUsage[];
  readonly CertificateAuthorityArn?: string;
  readonly RenewalEligibility?: string;
  readonly Options?: CertificateOptions;
}

export interface CertificateOptions {
  readonly CertificateTransparencyLoggingPreference?: string;
  readonly Export?: string;
}

export interface CertificateSummary {
  readonly CertificateArn?: string;
  readonly DomainName?: string;
  readonly SubjectAlternativeNameSummaries?: readonly string[];
  readonly HasAdditionalSubjectAlternativeNames?: boolean;
  readonly Status?: string;
  readonly Type?: string;
  readonly KeyAlgorithm?: string;
  readonly KeyUsages?: readonly string[];
  readonly ExtendedKeyUsages?: readonly string[];
  readonly ExportOption?: string;
  readonly InUse?: boolean;
  readonly Exported?: boolean;
  readonly RenewalEligibility?: string;
  readonly NotBefore?: Date;
  readonly NotAfter?: Date;
  readonly CreatedAt?: Date;
  readonly IssuedAt?: Date;
  readonly ImportedAt?: Date;
  readonly RevokedAt?: Date;
  readonly ManagedBy?: string;
}

export interface DeleteCertificateRequest {
  readonly CertificateArn: string;
}

export interface DescribeCertificateRequest {
  readonly CertificateArn: string;
}

export interface DescribeCertificateResponse {
  readonly Certificate?: CertificateDetail;
}

export interface DomainValidation {
  readonly DomainName: string;
  readonly ValidationEmails?: readonly string[];
  readonly ValidationDomain?: string;
  readonly ValidationStatus?: string;
  readonly ResourceRecord?: ResourceRecord;
  readonly HttpRedirect?: HttpRedirect;
  readonly ValidationMethod?: string;
}

export interface DomainValidationOption {
  readonly DomainName: string;
  readonly ValidationDomain: string;
}

export interface ExtendedKeyUsage {
  readonly Name?: string;
  readonly OID?: string;
}

export interface Filters {
  readonly extendedKeyUsage?: readonly string[];
  readonly keyUsage?: readonly string[];
  readonly keyTypes?: readonly string[];
  readonly exportOption?: string;
  readonly managedBy?: string;
}

export interface GetCertificateRequest {
  readonly CertificateArn: string;
}

export interface GetCertificateResponse {
  readonly Certificate?: string;
  readonly CertificateChain?: string;
}

export interface HttpRedirect {
  readonly RedirectFrom?: string;
  readonly RedirectTo?: string;
}

export interface ImportCertificateRequest {
  readonly Certificate: Uint8Array;
  readonly PrivateKey: Uint8Array;
  readonly CertificateArn?: string;
  readonly CertificateChain?: Uint8Array;
  readonly Tags?: readonly Tag[];
}

export interface ImportCertificateResponse {
  readonly CertificateArn?: string;
}

export interface KeyUsage {
  readonly Name?: string;
}

export interface ListCertificatesRequest {
  readonly CertificateStatuses?: readonly string[];
  readonly Includes?: Filters;
  readonly NextToken?: string;
  readonly MaxItems?: number;
  readonly SortBy?: string;
  readonly SortOrder?: string;
}

export interface ListCertificatesResponse {
  readonly NextToken?: string;
  readonly CertificateSummaryList?: readonly CertificateSummary[];
}

export interface ListTagsForCertificateRequest {
  readonly CertificateArn: string;
}

export interface ListTagsForCertificateResponse {
  readonly Tags?: readonly Tag[];
}

export interface RemoveTagsFromCertificateRequest {
  readonly CertificateArn: string;
  readonly Tags: readonly Tag[];
}

export interface RenewalSummary {
  readonly RenewalStatus: string;
  readonly DomainValidationOptions: readonly DomainValidation[];
  readonly UpdatedAt: Date;
  readonly RenewalStatusReason?: string;
}

export interface RequestCertificateRequest {
  readonly DomainName: string;
  readonly ValidationMethod?: string;
  readonly SubjectAlternativeNames?: readonly string[];
  readonly IdempotencyToken?: string;
  readonly DomainValidationOptions?: readonly DomainValidationOption[];
  readonly Options?: CertificateOptions;
  readonly CertificateAuthorityArn?: string;
  readonly Tags?: readonly Tag[];
  readonly KeyAlgorithm?: string;
  readonly ManagedBy?: string;
}

export interface RequestCertificateResponse {
  readonly CertificateArn?: string;
}

export interface ResourceRecord {
  readonly Name: string;
  readonly Type: string;
  readonly Value: string;
}

export interface Tag {
  readonly Key: string;
  readonly Value?: string;
}

export type Unit = Readonly<Record<string, never>>;

export interface Operations {
  readonly AddTagsToCertificate: {
    readonly input: AddTagsToCertificateRequest;
    readonly output: Unit;
  };
  readonly DeleteCertificate: {
    readonly input: DeleteCertificateRequest;
    readonly output: Unit;
  };
  readonly DescribeCertificate: {
    readonly input: DescribeCertificateRequest;
    readonly output: DescribeCertificateResponse;
  };
  readonly GetCertificate: {
    readonly input: GetCertificateRequest;
    readonly output: GetCertificateResponse;
  };
  readonly ImportCertificate: {
    readonly input: ImportCertificateRequest;
    readonly output: ImportCertificateResponse;
  };
  readonly ListCertificates: {
    readonly input: ListCertificatesRequest;
    readonly output: ListCertificatesResponse;
  };
  readonly ListTagsForCertificate: {
    readonly input: ListTagsForCertificateRequest;
    readonly output: ListTagsForCertificateResponse;
  };
  readonly RemoveTagsFromCertificate: {
    readonly input: RemoveTagsFromCertificateRequest;
    readonly output: Unit;
  };
  readonly RequestCertificate: {
    readonly input: RequestCertificateRequest;
    readonly output: RequestCertificateResponse;
  };
}

export type ErrorCode =
  | 'InvalidTagException'
  | 'LimitExceededException'
  | 'ResourceInUseException'
  | 'ResourceNotFoundException'
  | 'TooManyTagsException'
  | 'ValidationError';
