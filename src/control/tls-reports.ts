/** What is to be told of the TLS of a load balancer's listeners: once, when it becomes so. */
import type { Log } from '../kit/log.ts';
import type { LoadBalancerId } from '../model/load-balancer.ts';
import { whyNotEnforceable } from '../model/ssl-policy-resolve.ts';
import type { ListenerFailure } from './status.ts';
import type { TlsOutcome } from './tls-settings.ts';

/** One listener with TLS. */
export interface TlsReport extends Pick<TlsOutcome, 'problem' | 'policy' | 'notOffered'> {
  readonly address: string;
  readonly port: number;
  /** In spite of a problem, since what was in force before is. */
  readonly serves: boolean;
}

/** Listeners whose certificate or policy cannot be used. */
export function tlsFailures(loadBalancer: LoadBalancerId, reports: readonly TlsReport[]): ListenerFailure[] {
  return reports.flatMap(({ address, port, problem }) =>
    problem === undefined ? [] : [{ loadBalancer, address, port, message: problem }],
  );
}

/** Logs what `after` says and `before` did not. */
export function tellReports(log: Log, name: string, before: readonly TlsReport[], after: readonly TlsReport[]): void {
  tellProblems(log, name, before, after);
  const known = new Set(before.map(policyKey));
  for (const report of after) {
    const { policy, notOffered } = report;
    if (notOffered.length === 0 || known.has(policyKey(report))) continue;
    known.add(policyKey(report));
    const why = notOffered.map((each) => `${each}: ${whyNotEnforceable(each) ?? ''}`);
    const fields = { loadBalancer: name, policy, notOffered: why };
    log.warn(fields, 'a policy lists protocols or ciphers that cannot be offered: all its others are');
  }
}

function tellProblems(log: Log, name: string, before: readonly TlsReport[], after: readonly TlsReport[]): void {
  const known = new Map(before.map(({ port, problem }) => [port, problem]));
  for (const { address, port, problem, serves } of after) {
    const was = known.get(port);
    if (problem === was) continue;
    const fields = { loadBalancer: name, address, port };
    if (problem === undefined) log.info(fields, 'listener has a certificate and a policy that serve');
    else if (serves) log.error(fields, `listener goes on with the certificate and policy that it had: ${problem}`);
    else log.error(fields, `listener is down: ${problem}`);
  }
}

function policyKey({ policy, notOffered }: TlsReport): string {
  return `${policy} ${notOffered.join(' ')}`;
}
