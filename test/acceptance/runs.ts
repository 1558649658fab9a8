/** All acceptance runs, in the order in which `all` does them. */
import type { AcceptanceRun } from './lab.ts';
import { changes } from './runs/changes.ts';
import { clients } from './runs/clients.ts';
import { controlFails } from './runs/control-fails.ts';
import { exhaustion, exhaustionOfHaproxy } from './runs/exhaustion.ts';
import { idleAndSlow } from './runs/idle-and-slow.ts';
import { realServers } from './runs/real-servers.ts';
import { slowClients } from './runs/slow-clients.ts';
import { twoThreads } from './runs/two-threads.ts';
import { instances } from './runs/instances.ts';
import { killThreads } from './runs/kill-threads.ts';
import { sums } from './runs/sums.ts';
import { swapPolicies } from './runs/swap-policies.ts';
import { unfinishedHandshakes } from './runs/unfinished-handshakes.ts';

export const RUNS: readonly AcceptanceRun[] = [
  clients,
  realServers,
  changes,
  idleAndSlow,
  slowClients,
  exhaustion,
  exhaustionOfHaproxy,
  unfinishedHandshakes,
  twoThreads,
  killThreads,
  controlFails,
  instances,
  swapPolicies,
  sums,
];
