/** nginx, set up to do the same work as weir. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BACKEND_PORT, HTTP_PORT, TCP_PORT } from '../addresses.ts';
import { nginxIdentity, nginxPaths, nginxStreamModule, nginxTemporaryPaths, nginxVersion } from '../nginx-config.ts';
import { untilListening, type ManagedProcess } from '../processes.ts';
import { HTTPS_PORTS, KEY_KINDS, TLS_CIPHERS, TLS_VERSION, type BenchCertificates } from '../tls.ts';
import type { Peer, PeerPlan } from './peer.ts';

/** The nginx of this machine. */
export function nginxPeer(label: string): Peer {
  return { label, version: nginxVersion, start: (plan) => start(label, plan) };
}

async function start(label: string, plan: PeerPlan): Promise<ManagedProcess> {
  const configuration = join(plan.folder, 'nginx.conf');
  writeFileSync(configuration, nginxConfiguration(plan));
  const process = await plan.processes.start({
    name: label,
    file: 'nginx',
    args: ['-c', configuration, '-p', plan.folder],
    cpus: plan.cpus,
  });
  await untilListening(process, plan.addresses.front, HTTP_PORT);
  await untilListening(process, plan.addresses.front, TCP_PORT);
  return process;
}

/** Servers on the HTTPS ports; what they do with requests is `location`. */
function httpsServers({ addresses, folder }: PeerPlan, certificates: BenchCertificates, location: string): string {
  return KEY_KINDS.map((kind) => {
    const [certificate, key] = [join(folder, `${kind}.crt`), join(folder, `${kind}.key`)];
    writeFileSync(certificate, certificates[kind].certificate);
    writeFileSync(key, certificates[kind].privateKey);
    return `  server {
    listen ${addresses.front}:${HTTPS_PORTS[kind]} ssl backlog=4096;
    ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    ssl_protocols ${TLS_VERSION};
    ssl_ciphers ${TLS_CIPHERS[kind]};
${location}
  }
`;
  }).join('');
}

// `proxy_max_temp_file_size 0`: a slow client is met with backpressure, as by the others, and not with a file on disk.
function nginxConfiguration(plan: PeerPlan): string {
  const { addresses, folder, threads, certificates } = plan;
  const servers = addresses.backends.map((backend) => `    server ${backend}:${BACKEND_PORT};`).join('\n');
  const location = `    location / {
      proxy_pass http://instances;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Port $server_port;
      proxy_max_temp_file_size 0;
    }`;
  return `${nginxStreamModule()}
${nginxIdentity()}
worker_processes ${threads};
worker_rlimit_nofile 16384;
${nginxPaths(folder)}
events { worker_connections 15000; }
http {
  access_log off;
${nginxTemporaryPaths(folder)}
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  upstream instances {
    least_conn;
${servers}
    keepalive 256;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
  }
  server {
    listen ${addresses.front}:${HTTP_PORT} backlog=4096;
${location}
  }
${certificates === undefined ? '' : httpsServers(plan, certificates, location)}}
stream {
  upstream instances {
${servers}
  }
  server {
    listen ${addresses.front}:${TCP_PORT} backlog=4096;
    proxy_pass instances;
  }
}
`;
}
