/** GetUser, by which tools find out whose account they are in. */
import { identityOf } from '../../caller-identity.ts';
import type { Outcome } from '../../changes.ts';
import { shown } from '../../fault.ts';
import { iamFault } from './model.ts';
import type { IamFault } from './model.ts';
import type { CallContext, Handler } from './operation.ts';
import { userNameFault } from './rules.ts';
import type * as shapes from './shapes.ts';

function getUser(
  input: shapes.GetUserRequest,
  { caller, createdMs }: CallContext,
): Outcome<shapes.GetUserResponse> | IamFault {
  const fault = userNameFault(input.UserName);
  if (fault !== undefined) return fault;
  const { arn, userId, userName } = identityOf(caller);
  if (input.UserName !== undefined && input.UserName !== userName) {
    return iamFault('NoSuchEntity', `The user with name ${shown(input.UserName)} cannot be found.`);
  }
  // When a key was written into the credentials file is not known.
  const created = new Date(Math.floor(createdMs / 1000) * 1000);
  const user = { Path: '/', UserName: userName, UserId: userId, Arn: arn, CreateDate: created };
  return { output: { User: user }, changes: [] };
}

export const userHandlers = {
  GetUser: { mutates: false, decide: getUser },
} satisfies { GetUser: Handler<'GetUser'> };
