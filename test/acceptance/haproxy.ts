/** HAProxy in the place of a weir: the same listeners, the same limits where it has them. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { HTTP_PORT } from '../../bench/addresses.ts';
import { usageOf } from '../../bench/cpu.ts';
import { untilListening, type ManagedProcess } from '../../bench/processes.ts';
import { issue } from '../support/issued.ts';
import type { Attacked } from './attack.ts';
import type { Lab } from './lab.ts';
import { NGINX_PORT } from './servers.ts';

/** As weir: a head may have 64 KB. HAProxy holds a whole one in one buffer, and as much again to write into. */
const BUFFER_BYTES = 66 * 1024;
const MAX_CONNECTIONS = 12_000;

export interface HaproxyPlan {
  readonly instance: string;
  readonly httpsPort: number;
  /** The CPUs that it has for itself. */
  readonly cpus: readonly number[] | undefined;
}

export class HaproxyUnderTest implements Attacked {
  readonly #process: ManagedProcess;
  readonly #statsSocket: string;

  private constructor(process: ManagedProcess, statsSocket: string) {
    this.#process = process;
    this.#statsSocket = statsSocket;
  }

  static async start(lab: Lab, plan: HaproxyPlan): Promise<HaproxyUnderTest> {
    const statsSocket = join(lab.folder, 'haproxy.sock');
    const configuration = join(lab.folder, 'haproxy.cfg');
    writeFileSync(configuration, configurationOf(lab, plan, statsSocket));
    const { cpus } = plan;
    const process = await lab.processes.start({
      name: 'haproxy',
      file: 'haproxy',
      args: ['-db', '-f', configuration],
      cpus,
    });
    await untilListening(process, lab.addresses.front, HTTP_PORT);
    return new HaproxyUnderTest(process, statsSocket);
  }

  get running(): boolean {
    return this.#process.running;
  }

  get residentBytes(): number {
    return usageOf(this.#process.pid).residentBytes;
  }

  get cpuSeconds(): number {
    return usageOf(this.#process.pid).cpuSeconds;
  }

  accepted(): Promise<number> {
    return this.#told('CumConns');
  }

  /** Who asks is among them. */
  connected(): Promise<number> {
    return this.#told('CurrConns');
  }

  /** A figure of `show info` (HAProxy's management guide, 9.3). */
  async #told(name: string): Promise<number> {
    const socket = connect(this.#statsSocket);
    let text = '';
    socket.setEncoding('utf8').on('data', (more: string) => (text += more));
    socket.write('show info\n');
    await once(socket, 'close');
    return Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1]);
  }
}

function configurationOf({ addresses, folder }: Lab, plan: HaproxyPlan, statsSocket: string): string {
  const { certificate, privateKey } = issue({ key: 'rsa-2048' });
  const certificateFile = join(folder, 'haproxy.pem');
  writeFileSync(certificateFile, `${certificate}\n${privateKey}`);
  return `global
  nbthread ${plan.cpus?.length ?? 2}
  maxconn ${MAX_CONNECTIONS}
  no strict-limits
  tune.bufsize ${BUFFER_BYTES}
  stats socket ${statsSocket}
defaults
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen http
  mode http
  bind ${addresses.front}:${HTTP_PORT} backlog 4096
  bind ${addresses.front}:${plan.httpsPort} backlog 4096 ssl crt ${certificateFile}
  http-reuse always
  option forwardfor
  http-request set-header X-Forwarded-Port %[dst_port]
  server instance ${plan.instance}:${NGINX_PORT} check inter 5s
`;
}
