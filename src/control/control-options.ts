/** What control is made of. */
import type { Clock } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import type { Random } from '../kit/random.ts';
import type { Probe } from '../health/probe.ts';
import type { Configuration } from '../model/configuration.ts';
import type { AccessLogs } from '../observe/access-logs.ts';
import type { Secrets } from '../store/secrets.ts';
import type { Store } from '../store/store.ts';
import type { ThreadSettings } from '../traffic/snapshot.ts';
import type { BindTest } from './bind.ts';
import type { CompiledConfiguration } from './compile.ts';
import type { Lookup } from './resolve.ts';
import type { LoadBalancerStatus } from './status.ts';
import type { StartThread } from './worker.ts';

/** What control follows of a configuration that is read again. */
export type LiveConfiguration = CompiledConfiguration & Pick<Configuration, 'instances'>;

export interface ControlOptions {
  readonly store: Store;
  readonly configuration: LiveConfiguration & Pick<Configuration, 'threads'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Opens private keys, and seals the key of session tickets. */
  readonly secrets: Secrets;
  readonly transport?: ThreadSettings['transport'];
  /** Whether a connection there would reach this process's own API, which is no instance unless the configuration allows it. */
  readonly isOwnApi?: (address: string, port: number) => boolean;
  /** A load balancer is about to be taken away. */
  readonly onRemove?: (status: LoadBalancerStatus) => void;
  /** Undefined: nothing is logged. */
  readonly accessLogs?: AccessLogs | undefined;
  /** The ways out of the process; the defaults are the real ones. */
  readonly startThread?: StartThread;
  readonly probe?: Probe;
  readonly lookup?: Lookup;
  readonly testBind?: BindTest;
}
