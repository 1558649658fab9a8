/** The instances behind every peer: one nginx that answers from memory, as cheaply as nginx can. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BACKEND_PORT } from './addresses.ts';
import { nginxBackend } from './nginx-config.ts';
import { untilListening, type ManagedProcess, type ProcessTable } from './processes.ts';

export const SMALL_BYTES = 1024;
export const MEDIUM_BYTES = 100 * 1024;
export const LARGE_BYTES = 10 * 1024 * 1024;

/** What the back end serves. */
export const PATHS = {
  small: '/1k',
  medium: '/100k',
  large: '/10m',
  upload: '/upload',
  /** Answers with `X-Forwarded-For|X-Forwarded-Proto|X-Forwarded-Port` as it received them. */
  forwarded: '/forwarded',
} as const;

const LOCATIONS = [
  `= ${PATHS.small} { return 200 "${'x'.repeat(SMALL_BYTES)}"; }`,
  `= ${PATHS.upload} { return 200 "received"; }`,
  `= ${PATHS.forwarded} { return 200 "$http_x_forwarded_for|$http_x_forwarded_proto|$http_x_forwarded_port"; }`,
];

/** Starts the back end on `addresses`. Its files, bodies included, go to `folder`, which is best in memory. */
export async function startBackend(
  processes: ProcessTable,
  folder: string,
  addresses: readonly string[],
  cpus: readonly number[] | undefined,
): Promise<ManagedProcess> {
  const home = mkdtempSync(join(folder, 'backend-'));
  const files = join(home, 'files');
  mkdirSync(files);
  writeFileSync(join(files, '100k'), Buffer.alloc(MEDIUM_BYTES, 'x'));
  writeFileSync(join(files, '10m'), Buffer.alloc(LARGE_BYTES, 'x'));
  const configuration = join(home, 'nginx.conf');
  writeFileSync(configuration, nginxBackend(home, files, addresses, BACKEND_PORT, LOCATIONS));
  const backend = await processes.start({
    name: 'the back end (nginx)',
    file: 'nginx',
    args: ['-c', configuration, '-p', home],
    cpus,
  });
  for (const address of addresses) await untilListening(backend, address, BACKEND_PORT);
  return backend;
}
