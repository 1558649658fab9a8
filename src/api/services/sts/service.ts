/** STS 2011-06-15, as far as tools ask who they are. */
import type { ServiceModel } from '../../codec/model.ts';
import type { Structure } from '../../codec/value.ts';
import { identityOf } from '../../caller-identity.ts';
import type { Caller, QueryService } from '../../service.ts';
import model from './model.json' with { type: 'json' };
import type { Operations } from './shapes.ts';

class StsService implements QueryService {
  readonly signingName = 'sts';
  readonly model = model as ServiceModel;

  mutates(): boolean {
    return false;
  }

  subject(): string {
    return '';
  }

  async perform(_action: string, _input: Structure, caller: Caller): Promise<Structure> {
    const { userId, arn } = identityOf(caller);
    const output = { UserId: userId, Account: caller.accountId, Arn: arn };
    return output satisfies Operations['GetCallerIdentity']['output'];
  }
}

export function createStsService(): QueryService {
  return new StsService();
}
