/** A weir with one load balancer of both layers, in front of nginx and echoing instances, and clients that go on and on. */
import { HTTP_PORT, TCP_PORT } from '../../bench/addresses.ts';
import { startEcho, SteadyLoad } from '../support/steady-load.ts';
import type { Lab } from './lab.ts';
import { NGINX_PORT, startNginx } from './servers.ts';
import { WeirUnderTest, type WeirPlan } from './weir.ts';

export const CLIENTS_OF_EACH_KIND = 8;
const ECHO_PORT = 9201;

export interface Steady {
  readonly weir: WeirUnderTest;
  /** Begins its load; for the caller to stop. */
  readonly startLoad: () => SteadyLoad;
}

export async function startSteady(lab: Lab, name: string, plan: WeirPlan = {}): Promise<Steady> {
  const { backends, front: host } = lab.addresses;
  await startNginx(lab, 'both', backends);
  const echoes = await Promise.all(backends.map((address) => startEcho(address, ECHO_PORT)));
  lab.own(() => echoes.forEach((echo) => echo.close()));
  const weir = await WeirUnderTest.start(lab, plan);
  await weir.create({
    name,
    listeners: [
      { protocol: 'HTTP', port: HTTP_PORT, instancePort: NGINX_PORT },
      { protocol: 'TCP', port: TCP_PORT, instancePort: ECHO_PORT },
    ],
    instances: backends,
    healthCheck: { Target: `TCP:${NGINX_PORT}`, Interval: 5, Timeout: 2, HealthyThreshold: 2, UnhealthyThreshold: 2 },
  });
  const ports = { httpPort: HTTP_PORT, tcpPort: TCP_PORT };
  return { weir, startLoad: () => new SteadyLoad({ host, ...ports, clients: CLIENTS_OF_EACH_KIND }) };
}
