/** IAM 2010-05-08 over the records of a store: server certificates, and who the caller is. */
import type { View } from '../../../store/store.ts';
import type { CertificateServiceOptions } from '../../certificate-records.ts';
import type { Outcome } from '../../changes.ts';
import type { Structure } from '../../codec/value.ts';
import { Fault } from '../../fault.ts';
import type { Caller, QueryService } from '../../service.ts';
import { iamModel } from './model.ts';
import type { Action, IamFault } from './model.ts';
import type { CallContext, Handler } from './operation.ts';
import { serverCertificateTagHandlers } from './server-certificate-tags.ts';
import { serverCertificateHandlers } from './server-certificates.ts';
import { userHandlers } from './users.ts';

export const handlers: { readonly [A in Action]: Handler<A> } = {
  ...serverCertificateHandlers,
  ...serverCertificateTagHandlers,
  ...userHandlers,
};

export interface IamServiceOptions extends CertificateServiceOptions, Pick<CallContext, 'createdMs'> {}

class IamService implements QueryService {
  readonly signingName = 'iam';
  readonly model = iamModel;
  readonly #options: IamServiceOptions;

  constructor(options: IamServiceOptions) {
    this.#options = options;
  }

  mutates(action: string): boolean {
    return handlers[action as Action].mutates;
  }

  subject(parameters: ReadonlyMap<string, string>): string {
    return parameters.get('ServerCertificateName') ?? '';
  }

  async perform(action: string, input: Structure, caller: Caller): Promise<Structure | Fault> {
    // The codec has seen to it that the input is that of the action.
    const { mutates, decide } = handlers[action as Action] as unknown as Handler<Action>;
    const { store, changes, secrets, clock, random, createdMs } = this.#options;
    const decideOn = (view: View): Outcome<Structure> | IamFault =>
      decide(input, { view, caller, secrets, random, createdMs, nowMs: clock.epochMs() }) as
        | Outcome<Structure>
        | IamFault;
    if (mutates) return changes.run(action, decideOn);
    const outcome = decideOn(store.view());
    return outcome instanceof Fault ? outcome : outcome.output;
  }
}

export function createIamService(options: IamServiceOptions): QueryService {
  return new IamService(options);
}
