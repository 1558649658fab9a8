/**
 * Certificates of the configuration become records, as if they had been imported under their ARN: so listeners, IAM, ACM
 * and the warnings before their end know them like any other. At the start, and on SIGHUP.
 */
import { createHash } from 'node:crypto';
import { base32Digits } from '../kit/base32.ts';
import type { Log } from '../kit/log.ts';
import type { CheckedCertificate } from '../model/certificate-check.ts';
import { usersOf, type Certificate } from '../model/certificate.ts';
import type { Configuration } from '../model/configuration.ts';
import { API } from '../model/limits.ts';
import type { Secrets } from '../store/secrets.ts';
import { certificateChange, type Change, type Store, type View } from '../store/store.ts';
import { StartError } from './failure.ts';

export interface ConfiguredCertificatesOptions {
  readonly store: Store;
  readonly secrets: Secrets;
  readonly log: Log;
  /** Epoch milliseconds. */
  readonly nowMs: number;
  readonly certificates: Configuration['certificates'];
}

/**
 * Stores what is new or different, and takes away what the configuration has no more and nobody uses.
 * @throws {StartError} when the state cannot be written.
 */
export async function adoptCertificates(options: ConfiguredCertificatesOptions): Promise<void> {
  const { store, log } = options;
  for (let attempt = 0; attempt < API.maxAttempts; attempt++) {
    const view = store.view();
    const changes = [...additions(view, options), ...removals(view, options)];
    if (changes.length === 0) return;
    const result = await store.commit(view.revision, changes);
    if (result.outcome === 'failed') throw new StartError(`certificates cannot be stored: ${result.message}`);
    if (result.outcome === 'conflict') continue;
    const named = (stored: boolean) =>
      changes.filter(({ record }) => (record !== undefined) === stored).map(({ key }) => key);
    log.info({ stored: named(true), removed: named(false) }, 'certificates of the configuration taken over');
    return;
  }
  throw new StartError('certificates cannot be stored: the state changes all the time');
}

function additions(view: View, { certificates, secrets, nowMs }: ConfiguredCertificatesOptions): readonly Change[] {
  return Object.entries(certificates).flatMap(([arn, checked]) => {
    const before = view.get('certificate', arn);
    if (before !== undefined && isSame(before, checked, secrets)) return [];
    return [certificateChange(arn, toRecord(arn, checked, before, secrets, nowMs))];
  });
}

function removals(view: View, { certificates, log }: ConfiguredCertificatesOptions): readonly Change[] {
  const left = view
    .list('certificate')
    .filter(({ arn, isConfigured }) => isConfigured === true && !Object.hasOwn(certificates, arn));
  const loadBalancers = view.list('load-balancer');
  return left.flatMap(({ arn }) => {
    const users = usersOf(arn, loadBalancers).map(({ name }) => name);
    if (users.length === 0) return [certificateChange(arn, undefined)];
    log.warn(
      { certificate: arn, loadBalancers: users },
      'a certificate is no longer in the configuration, and still in use',
    );
    return [];
  });
}

function isSame(before: Certificate, { body, chain, privateKey }: CheckedCertificate, secrets: Secrets): boolean {
  if (before.isConfigured !== true || before.body !== body || before.chain !== chain) return false;
  return secrets.open(before.sealedKey, before.id) === privateKey;
}

function toRecord(
  arn: string,
  { body, chain, details, privateKey }: CheckedCertificate,
  before: Certificate | undefined,
  secrets: Secrets,
  nowMs: number,
): Certificate {
  const [, , service = '', region = '', accountId = '', resource = ''] = arn.split(':');
  const parts = resource.split('/').slice(1);
  const name = parts.at(-1) ?? '';
  const id = before?.id ?? (service === 'acm' ? name : iamIdOf(arn));
  const common = {
    accountId,
    arn,
    id,
    body,
    chain,
    details,
    sealedKey: secrets.seal(privateKey, id),
    createdTimeMs: before?.createdTimeMs ?? nowMs,
    tags: before?.tags ?? [],
    isConfigured: true,
  } as const;
  if (service === 'acm') return { ...common, kind: 'acm', region, importedTimeMs: nowMs };
  const path = ['', ...parts.slice(0, -1), ''].join('/');
  return { ...common, kind: 'iam', name, path };
}

/** In the form of IAM's, and always the same for the same ARN. */
function iamIdOf(arn: string): string {
  const bytes = createHash('sha256').update(arn).digest();
  return `ASCA${base32Digits(bytes.subarray(0, 17))}`;
}
