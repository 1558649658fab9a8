/**
 * The health of one registered instance: from probe results to in service or not. Pure: a result
 * makes a new value of the old one.
 */
import { unreachable } from '../kit/assert.ts';
import { HEALTH_CHECK } from '../model/limits.ts';

/** What one probe found. */
export interface ProbeResult {
  readonly good: boolean;
  /** In a few words: `connected`, `status 200`, `connection refused`, `timeout`, `status 500` … */
  readonly cause: string;
  readonly elapsedMs: number;
  /** The probe failed on our side (out of descriptors or local ports): kept, but held against nobody. */
  readonly inconclusive: boolean;
  /** No connection came about that could be used: with TLS, no handshake, or a key that may not be. */
  readonly unreached?: boolean;
  /** What the instance has said in a handshake was no TLS, or an alert. */
  readonly noTls?: boolean;
  /** Public keys that were looked at, and whether the instance may have them. */
  readonly publicKeys?: readonly KeyVerdict[];
}

export interface KeyVerdict {
  readonly instancePort: number;
  readonly accepted: boolean;
}

/** The cause of a result with a key that is not accepted. */
export const PUBLIC_KEY_REFUSED_CAUSE = 'public key refused';

export interface KeptResult extends ProbeResult {
  /** Epoch milliseconds of the end of the probe. */
  readonly timeMs: number;
}

/** Both are numbers of consecutive results. */
export interface Thresholds {
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
}

/**
 * - `registering`: registered while we run, no good probe and not yet UnhealthyThreshold bad ones
 * - `unknown`: registered before we started, no result yet
 * - `in-service`
 * - `failed`: the last UnhealthyThreshold probes (or more) were bad
 * - `not-passed`: out of service, but the last results are not enough to call it failed
 */
export type HealthStatus = 'registering' | 'unknown' | 'in-service' | 'failed' | 'not-passed';

export interface Health {
  readonly status: HealthStatus;
  /** A good probe since the registration (or our start): the next flip into service takes HealthyThreshold of them. */
  readonly everPassed: boolean;
  /** Consecutive results of the present check; one of the two is 0. */
  readonly passes: number;
  readonly failures: number;
  /**
   * Instance ports at which the instance showed a public key that it may not have, or no TLS. While there is one, it is out of
   * service whatever its checks say; the first right key, or handshake, ends that, and no threshold counts either way.
   */
  readonly refusedPorts: readonly number[];
  /** The latest, oldest first. */
  readonly results: readonly KeptResult[];
}

/** The health of an instance before its first probe. `knownBefore`: it was registered when the process started. */
export function initialHealth(knownBefore: boolean): Health {
  const status = knownBefore ? 'unknown' : 'registering';
  return { status, everPassed: false, passes: 0, failures: 0, refusedPorts: [], results: [] };
}

/** What an instance is to everybody else: one with a wrong key has failed. */
export function effectiveStatus({ status, refusedPorts }: Health): HealthStatus {
  return refusedPorts.length > 0 ? 'failed' : status;
}

/** `health` after one more `result`. */
export function observe(health: Health, result: KeptResult, thresholds: Thresholds): Health {
  const results = [...health.results, result].slice(-HEALTH_CHECK.keptResults);
  const verdicts = result.publicKeys ?? [];
  const refused = verdicts.filter(({ accepted }) => !accepted).map(({ instancePort }) => instancePort);
  const judged = new Set(verdicts.map(({ instancePort }) => instancePort));
  const refusedPorts = [...health.refusedPorts.filter((port) => !judged.has(port)), ...refused];
  if (result.inconclusive || refused.length > 0) return { ...health, refusedPorts, results };
  const passes = result.good ? health.passes + 1 : 0;
  const failures = result.good ? 0 : health.failures + 1;
  const everPassed = health.everPassed || result.good;
  const status = nextStatus(health, passes, failures, thresholds);
  return { status, everPassed, passes, failures, refusedPorts, results };
}

function nextStatus(before: Health, passes: number, failures: number, thresholds: Thresholds): HealthStatus {
  if (failures >= thresholds.unhealthyThreshold) return 'failed';
  if (before.status === 'in-service') return 'in-service';
  const passesWanted = before.everPassed ? thresholds.healthyThreshold : 1;
  if (passes >= passesWanted) return 'in-service';
  if (before.status === 'registering') return 'registering';
  return before.status === 'failed' && failures > 0 ? 'failed' : 'not-passed';
}

/** The check itself changed (another port, another path): what the old one found is no part of a consecutive count. */
export function restartCounts(health: Health): Health {
  return { ...health, passes: 0, failures: 0 };
}

/** State, reason code and description as DescribeInstanceHealth gives them. */
export interface HealthDescription {
  readonly state: 'InService' | 'OutOfService' | 'Unknown';
  readonly reasonCode: 'N/A' | 'ELB' | 'Instance';
  readonly description: string;
}

export function describeHealth(status: HealthStatus): HealthDescription {
  switch (status) {
    case 'in-service':
      return { state: 'InService', reasonCode: 'N/A', description: 'N/A' };
    case 'registering':
      return {
        state: 'OutOfService',
        reasonCode: 'ELB',
        description: 'Instance registration is still in progress.',
      };
    case 'unknown':
      return {
        state: 'Unknown',
        reasonCode: 'ELB',
        description: 'A transient error occurred. Please try again later.',
      };
    case 'failed':
      return {
        state: 'OutOfService',
        reasonCode: 'Instance',
        description: 'Instance has failed at least the UnhealthyThreshold number of health checks consecutively.',
      };
    case 'not-passed':
      return {
        state: 'OutOfService',
        reasonCode: 'Instance',
        description: 'Instance has not passed the configured HealthyThreshold number of health checks consecutively.',
      };
    default:
      return unreachable(status);
  }
}
