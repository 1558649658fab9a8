/** HAProxy, set up to do the same work as weir. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BACKEND_PORT, HTTP_PORT, TCP_PORT } from '../addresses.ts';
import { untilListening, type ManagedProcess } from '../processes.ts';
import { HTTPS_PORTS, KEY_KINDS, TLS_CIPHERS, TLS_VERSION, type BenchCertificates } from '../tls.ts';
import type { Peer, PeerPlan } from './peer.ts';

/** Client connections at most; the process needs two file descriptors for each. */
const MAX_CONNECTIONS = 7000;

/** The HAProxy of this machine. `splice`: layer 4 answers are moved inside the kernel (splice(2)), which is not its default. */
export function haproxyPeer(label: string, options: { readonly splice: boolean }): Peer {
  return {
    label,
    version: () => `${haproxyVersion()}${options.splice ? ', splice' : ''}`,
    start: (plan) => start(label, plan, options.splice),
  };
}

async function start(label: string, plan: PeerPlan, splice: boolean): Promise<ManagedProcess> {
  const configuration = join(plan.folder, 'haproxy.cfg');
  writeFileSync(configuration, haproxyConfiguration(plan, splice));
  const process = await plan.processes.start({
    name: label,
    file: 'haproxy',
    args: ['-db', '-f', configuration],
    cpus: plan.cpus,
  });
  await untilListening(process, plan.addresses.front, HTTP_PORT);
  await untilListening(process, plan.addresses.front, TCP_PORT);
  return process;
}

/** The HTTPS ports, and the same work behind them; `servers` are the lines of the back ends. */
function httpsSection({ addresses, folder }: PeerPlan, certificates: BenchCertificates, servers: string): string {
  const binds = KEY_KINDS.map((kind) => {
    const file = join(folder, `${kind}.pem`);
    writeFileSync(file, certificates[kind].certificate + certificates[kind].privateKey);
    const tls = `ssl crt ${file} ssl-min-ver ${TLS_VERSION} ssl-max-ver ${TLS_VERSION} ciphers ${TLS_CIPHERS[kind]}`;
    return `  bind ${addresses.front}:${HTTPS_PORTS[kind]} backlog 4096 ${tls}\n`;
  });
  return `listen https
  mode http
${binds.join('')}  balance leastconn
  http-reuse always
  option forwardfor
  http-request set-header X-Forwarded-Proto https
  http-request set-header X-Forwarded-Port %[dst_port]
${servers}
`;
}

function haproxyConfiguration(plan: PeerPlan, splice: boolean): string {
  const { addresses, threads, certificates } = plan;
  const servers = addresses.backends
    .map((backend, i) => `  server instance${i} ${backend}:${BACKEND_PORT} check inter 5s`)
    .join('\n');
  return `global
  nbthread ${threads}
  maxconn ${MAX_CONNECTIONS}
defaults
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
listen http
  mode http
  bind ${addresses.front}:${HTTP_PORT} backlog 4096
  balance leastconn
  http-reuse always
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Port %[dst_port]
${servers}
listen tcp
  mode tcp
  bind ${addresses.front}:${TCP_PORT} backlog 4096
  balance roundrobin
${splice ? '  option splice-request\n  option splice-response\n' : ''}${servers}
${certificates === undefined ? '' : httpsSection(plan, certificates, servers)}`;
}

function haproxyVersion(): string {
  try {
    const text = execFileSync('haproxy', ['-v'], { encoding: 'utf8' });
    return `HAProxy ${/version (\S+)/.exec(text)?.[1] ?? 'of an unknown version'}`;
  } catch (error) {
    throw new Error('haproxy is not installed: run bench/setup.sh', { cause: error });
  }
}
