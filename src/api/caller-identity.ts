/** Who a caller is in the words of IAM and STS. */
import { createHash } from 'node:crypto';
import { base32Digits } from '../kit/base32.ts';
import { partitionOf } from '../model/certificate.ts';
import type { Caller } from './service.ts';

export interface CallerIdentity {
  readonly arn: string;
  readonly userId: string;
  readonly userName: string;
}

/** `AIDA` stands before the ids of users. */
const USER_ID_DIGITS = 17;

/** A key is a user named as its profile in the credentials file; without signatures, everybody is the account itself. */
export function identityOf({ accountId, region, userName }: Caller): CallerIdentity {
  const prefix = `arn:${partitionOf(region)}:iam::${accountId}:`;
  if (userName === undefined) return { arn: `${prefix}root`, userId: accountId, userName: 'root' };
  const hash = createHash('sha256').update(`${accountId}/${userName}`).digest().subarray(0, USER_ID_DIGITS);
  return { arn: `${prefix}user/${userName}`, userId: `AIDA${base32Digits(hash)}`, userName };
}
