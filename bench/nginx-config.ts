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

/** An nginx that answers from memory and from `files`, with its `locations` in lines of their own. */
export function nginxBackend(
  home: string,
  files: string,
  addresses: readonly string[],
  port: number,
  locations: readonly string[],
): string {
  return `${nginxIdentity()}
worker_processes 1;
worker_rlimit_nofile 16384;
${nginxPaths(home)}
events { worker_connections 12000; multi_accept on; }
http {
  access_log off;
${nginxTemporaryPaths(home)}
  default_type application/octet-stream;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  open_file_cache max=16 inactive=1h;
  client_max_body_size 1m;
  server {
${addresses.map((address) => `    listen ${address}:${port} backlog=4096;`).join('\n')}
${locations.map((location) => `    location ${location}`).join('\n')}
    location / { root ${files}; }
  }
}
`;
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
