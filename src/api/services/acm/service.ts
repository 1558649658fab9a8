/** ACM 2015-12-08 over the records of a store. */
import { generateKeyPair } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { View } from '../../../store/store.ts';
import type { CertificateServiceOptions } from '../../certificate-records.ts';
import type { Outcome } from '../../changes.ts';
import type { Structure } from '../../codec/value.ts';
import { Fault } from '../../fault.ts';
import { Serial } from '../../serial.ts';
import type { Caller, JsonService } from '../../service.ts';
import { deleteAndTagHandlers } from './delete-and-tags.ts';
import { describeHandlers } from './describe.ts';
import { importHandlers } from './import-certificate.ts';
import { listHandlers } from './list.ts';
import { acmModel } from './model.ts';
import type { AcmFault, Action } from './model.ts';
import type { Handler, KeyPair } from './operation.ts';
import { requestHandlers } from './request-certificate.ts';

export const handlers: { readonly [A in Action]: Handler<A> } = {
  ...deleteAndTagHandlers,
  ...describeHandlers,
  ...importHandlers,
  ...listHandlers,
  ...requestHandlers,
};

class AcmService implements JsonService {
  readonly signingName = 'acm';
  readonly target = 'CertificateManager';
  readonly contentType = 'application/x-amz-json-1.1';
  readonly model = acmModel;
  readonly #options: CertificateServiceOptions;
  /** Keys are made one by one: each keeps a core busy. */
  readonly #keys = new Serial();

  constructor(options: CertificateServiceOptions) {
    this.#options = options;
  }

  mutates(action: string): boolean {
    return handlers[action as Action].mutates;
  }

  subject({ CertificateArn, DomainName }: Structure): string {
    const subject = CertificateArn ?? DomainName;
    return typeof subject === 'string' ? subject : '';
  }

  async perform(action: string, input: Structure, caller: Caller): Promise<Structure | Fault> {
    // The codec has seen to it that the input is that of the action.
    const { mutates, newKey, decide } = handlers[action as Action] as unknown as Handler<Action>;
    const { store, changes, secrets, clock, random } = this.#options;
    const algorithm = newKey?.(input);
    const keyPair = algorithm === undefined ? undefined : await this.#keys.run(() => makeKeyPair(algorithm));
    const decideOn = (view: View): Outcome<Structure> | AcmFault =>
      decide(input, { view, caller, secrets, random, keyPair, nowMs: clock.epochMs() }) as
        | Outcome<Structure>
        | AcmFault;
    if (mutates) return changes.run(action, decideOn);
    const outcome = decideOn(store.view());
    return outcome instanceof Fault ? outcome : outcome.output;
  }
}

/** `RSA_2048`, `EC_prime256v1` … */
function makeKeyPair(algorithm: string): Promise<KeyPair> {
  const [type, size = ''] = algorithm.split('_');
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, publicKey: KeyObject, privateKey: KeyObject): void =>
      error === null ? resolve({ publicKey, privateKey }) : reject(error);
    if (type === 'RSA') generateKeyPair('rsa', { modulusLength: Number(size) }, done);
    else generateKeyPair('ec', { namedCurve: size }, done);
  });
}

export function createAcmService(options: CertificateServiceOptions): JsonService {
  return new AcmService(options);
}
