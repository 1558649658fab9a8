/** Control as it is before it was started. */
import type { Control } from '../control/control.ts';

/** `control` for changes made before it is started: there is no traffic yet that could serve them. */
export function withoutTraffic(control: Control): Control {
  return {
    tryBind: (wanted) => control.tryBind(wanted),
    applied: async () => true,
    instanceState: (loadBalancer, instanceId) => control.instanceState(loadBalancer, instanceId),
    drainingInstances: (loadBalancer) => control.drainingInstances(loadBalancer),
    addressOf: (host) => control.addressOf(host),
    resolveHost: (host) => control.resolveHost(host),
  };
}
