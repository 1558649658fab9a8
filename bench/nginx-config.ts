/** What every nginx of a run (back end and peer) has in common. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Runs in the foreground as the one who started it (as root, nginx would give its files to another user). */
export function nginxIdentity(): string {
  const user = process.getuid?.() === 0 ? 'user root;\n' : '';
  return `${user}daemon off;`;
}

/** Everything nginx writes goes below `home`, or to standard error. */
export function nginxPaths(home: string): string {
  return `pid ${join(home, 'nginx.pid')};\nerror_log stderr warn;`;
}

/** The same for the parts that belong into the `http` block. */
export function nginxTemporaryPaths(home: string): string {
  return ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((part) => `  ${part}_temp_path ${join(home, part)};`)
    .join('\n');
}

/** The line that loads the stream module (layer 4) where it is a module of its own, as in Debian. */
export function nginxStreamModule(): string {
  const build = spawnSync('nginx', ['-V'], { encoding: 'utf8' });
  const folder = /--modules-path=(\S+)/.exec(build.stderr ?? '')?.[1];
  if (folder === undefined) return '';
  const module = join(folder, 'ngx_stream_module.so');
  return existsSync(module) ? `load_module ${module};` : '';
}

/** Such as `nginx 1.22.1`. */
export function nginxVersion(): string {
  const answer = spawnSync('nginx', ['-v'], { encoding: 'utf8' });
  if (answer.error !== undefined)
    throw new Error('nginx is not installed: run bench/setup.sh', { cause: answer.error });
  return `nginx ${/nginx\/(\S+)/.exec(answer.stderr)?.[1] ?? 'of an unknown version'}`;
}
