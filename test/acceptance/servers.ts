/** Real servers as instances. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nginxBackend } from '../../bench/nginx-config.ts';
import { untilListening, type ManagedProcess } from '../../bench/processes.ts';
import type { Lab } from './lab.ts';

export const NGINX_PORT = 9101;
export const REDIS_PORT = 6379;
export const MARKED_FILES = 4;
export const MARKED_BYTES = 10 * 1024 * 1024;

/** What every nginx of a run serves. */
export const PATHS = {
  name: '/',
  small: '/1k',
  health: '/health',
  /** Answers when it has read the whole request. */
  upload: '/upload',
  marked: (index: number) => `/marked-${index}`,
};

export interface NginxPlan {
  /** What it serves from disk. */
  readonly files?: string;
  /** What starts it, such as `chrt --fifo 1`. */
  readonly starter?: readonly string[];
}

/** Starts an nginx that answers {@link PATHS} on `addresses`. */
export async function startNginx(
  lab: Lab,
  name: string,
  addresses: readonly string[],
  { files, starter }: NginxPlan = {},
): Promise<ManagedProcess> {
  const home = mkdtempSync(join(lab.folder, `nginx-${name}-`));
  const configuration = join(home, 'nginx.conf');
  writeFileSync(configuration, nginxConfiguration(home, name, addresses, files ?? home));
  const nginx = await lab.processes.start({
    name: `nginx ${name}`,
    file: 'nginx',
    args: ['-c', configuration, '-p', home],
    starter,
  });
  for (const address of addresses) await untilListening(nginx, address, NGINX_PORT);
  return nginx;
}

function nginxConfiguration(home: string, name: string, addresses: readonly string[], files: string): string {
  return nginxBackend(home, files, addresses, NGINX_PORT, [
    `= ${PATHS.name} { return 200 "${name}"; }`,
    `= ${PATHS.health} { return 200 "well"; }`,
    `= ${PATHS.upload} { proxy_pass http://${addresses[0]}:${NGINX_PORT}${PATHS.small}; }`,
    `= ${PATHS.small} { return 200 "${'x'.repeat(1024)}"; }`,
  ]);
}

/** Files in which every four bytes tell which file they are of and where in it they stand. */
export function writeMarkedFiles(lab: Lab): { readonly folder: string; readonly contents: readonly Buffer[] } {
  const folder = join(lab.folder, 'marked');
  mkdirSync(folder);
  const contents = Array.from({ length: MARKED_FILES }, (_, index) => {
    const content = Buffer.allocUnsafe(MARKED_BYTES);
    for (let at = 0; at < MARKED_BYTES; at += 4) content.writeUInt32LE(index * 2 ** 28 + at / 4, at);
    writeFileSync(join(folder, PATHS.marked(index)), content);
    return content;
  });
  return { folder, contents };
}

/** Starts a Redis that keeps nothing on disk. */
export async function startRedis(lab: Lab, name: string, address: string): Promise<ManagedProcess> {
  const home = mkdtempSync(join(lab.folder, `redis-${name}-`));
  const redis = await lab.processes.start({
    name: `redis ${name}`,
    file: 'redis-server',
    args: ['--bind', address, '--port', String(REDIS_PORT), '--dir', home, '--save', '', '--appendonly', 'no'],
  });
  await untilListening(redis, address, REDIS_PORT);
  return redis;
}
