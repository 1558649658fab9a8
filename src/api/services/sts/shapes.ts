/** Generated from the AWS model (`npm run generate:models`): do not edit. */

export type GetCallerIdentityRequest = Readonly<Record<string, never>>;

export interface GetCallerIdentityResponse {
  readonly UserId?: string;
  readonly Account?: string;
  readonly Arn?: string;
}

export interface Operations {
  readonly GetCallerIdentity: {
    readonly input: GetCallerIdentityRequest;
    readonly output: GetCallerIdentityResponse;
  };
}

export type ErrorCode = never;
