/** Before anything is served: every private key must open, and be sealed as the operator wants it now. */
import { messageOf } from '../kit/assert.ts';
import { isSealedPlain, SecretsError, type Secrets } from './secrets.ts';
import { certificateChange, type Store } from './store.ts';

/**
 * Opens the private key of every certificate, and seals those that stand in the clear while there is a master key.
 * Resolves with how many it sealed.
 * @throws {SecretsError} naming the first certificate whose key does not open, or when the state cannot be written.
 */
export async function adoptSecrets(store: Store, secrets: Secrets): Promise<number> {
  const view = store.view();
  const changes = view.list('certificate').flatMap((certificate) => {
    const { arn, id, sealedKey } = certificate;
    const secret = openKey(secrets, sealedKey, id, arn);
    if (!secrets.encrypts || !isSealedPlain(sealedKey)) return [];
    return [certificateChange(arn, { ...certificate, sealedKey: secrets.seal(secret, id) })];
  });
  if (changes.length === 0) return 0;
  const result = await store.commit(view.revision, changes);
  if (result.outcome === 'committed') return changes.length;
  const cause = result.outcome === 'failed' ? result.message : 'the state was changed meanwhile';
  throw new SecretsError(`the private keys could not be sealed: ${cause}`);
}

function openKey(secrets: Secrets, sealedKey: string, id: string, arn: string): string {
  try {
    return secrets.open(sealedKey, id);
  } catch (error) {
    throw new SecretsError(`the private key of the certificate ${arn} cannot be opened: ${messageOf(error)}`);
  }
}
