/** The option `certificates`: files of PEM, read and checked with the rest of the configuration. */
import { readFileSync, statSync } from 'node:fs';
import { messageOf } from '../kit/assert.ts';
import {
  checkCertificate,
  type CertificateProblemReason,
  type CheckedCertificate,
} from '../model/certificate-check.ts';
import { CERTIFICATES } from '../model/limits.ts';
import type { ConfigurationDocument } from './configuration-document.ts';
import { show, type Place, type Problem } from './configuration-problems.ts';

/** Paths, as the file says them. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly privateKey: string;
  readonly chain?: string | undefined;
}

type FileKey = keyof CertificateFiles;

/** Which file is to be looked at. */
const WHERE: Readonly<Record<CertificateProblemReason, FileKey>> = {
  'malformed-certificate': 'certificate',
  'several-certificates': 'certificate',
  'unsupported-key': 'certificate',
  'malformed-key': 'privateKey',
  'encrypted-key': 'privateKey',
  'key-mismatch': 'privateKey',
  'malformed-chain': 'chain',
  'broken-chain': 'chain',
};
const MAX_LENGTHS: Readonly<Record<FileKey, number>> = {
  certificate: CERTIFICATES.acm.maxBodyLength,
  privateKey: CERTIFICATES.iam.maxKeyLength,
  chain: CERTIFICATES.acm.maxChainLength,
};

/** The certificates by ARN. What is wrong with them goes to `problems`; no message holds anything of a key. */
export function readCertificates(
  entries: Readonly<Record<string, CertificateFiles>>,
  document: Pick<ConfigurationDocument, 'place'>,
  problems: Problem[],
): Readonly<Record<string, CheckedCertificate>> {
  const certificates: [string, CheckedCertificate][] = [];
  for (const [arn, files] of Object.entries(entries)) {
    const at = (key: FileKey): Place => document.place('certificates', arn, key);
    const texts = new Map<FileKey, string>();
    for (const key of ['certificate', 'privateKey', 'chain'] as const) {
      const path = files[key];
      if (path === undefined) continue;
      const found = readText(path, MAX_LENGTHS[key]);
      if (typeof found === 'string') texts.set(key, found);
      else problems.push({ ...at(key), message: `expected a file of PEM, found ${show(path)}: ${found.message}` });
    }
    const [certificate, privateKey, chain] = [texts.get('certificate'), texts.get('privateKey'), texts.get('chain')];
    if (certificate === undefined || privateKey === undefined) continue;
    // Whether it is valid now is told while weir runs (observe/certificate-watch.ts), and refuses no start.
    const given = { certificate, privateKey, ...(chain === undefined ? {} : { chain }) };
    const checked = checkCertificate(given, 0);
    if (!('reason' in checked)) certificates.push([arn, checked]);
    else {
      const key = WHERE[checked.reason];
      problems.push({ ...at(key), message: `${files[key] ?? ''}: ${checked.message}` });
    }
  }
  return Object.fromEntries(certificates);
}

/** PEM is ASCII; bytes beyond are outside of its blocks. */
function readText(path: string, maxLength: number): string | { readonly message: string } {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) return { message: 'it is no file' };
    if (stats.size > maxLength) return { message: `it is larger than ${maxLength} bytes` };
    return readFileSync(path, 'latin1');
  } catch (error) {
    return { message: messageOf(error) };
  }
}
