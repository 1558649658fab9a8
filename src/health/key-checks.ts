/**
 * TLS and back-end server authentication in health checks: a port whose public key was refused, or where no handshake came
 * about, is looked at after each good probe of its instance, in a handshake of its own, so that one that is right is seen
 * though no traffic goes there.
 */
import type { KeyCheck, Probe, ProbeTarget } from './probe.ts';
import type { ProbeResult } from './threshold-counter.ts';

/** `probe`, and after a good result the `otherKeyChecks` of its target, one after the other until one is not good. */
export function withKeyChecks(probe: Probe): Probe {
  return (target, done) => {
    let cancel = probe(target, (first) => {
      const checks = 'problem' in target ? [] : (target.otherKeyChecks ?? []);
      if (!first.good || checks.length === 0 || 'problem' in target) done(first);
      else checkNext(target, checks, first);
    });
    const checkNext = (base: ProbeTarget, [check, ...others]: readonly KeyCheck[], before: ProbeResult): void => {
      if (check === undefined) return done(before);
      cancel = probe(keyTarget(base, check), (result) => {
        const sum = combine(before, result, check);
        if (sum.good) checkNext(base, others, sum);
        else done(sum);
      });
    };
    return () => cancel();
  };
}

function keyTarget({ address, timeoutMs }: ProbeTarget, check: KeyCheck): ProbeTarget {
  return { protocol: 'SSL', path: '', address, port: check.port, timeoutMs, keyCheck: check };
}

/** The good result `before`, and what a check of a key found after it. */
function combine(before: ProbeResult, check: ProbeResult, { instancePort }: KeyCheck): ProbeResult {
  const elapsedMs = before.elapsedMs + check.elapsedMs;
  const found = check.noTls === true ? [{ instancePort, accepted: false }] : check.publicKeys;
  const publicKeys = [...(before.publicKeys ?? []), ...(found ?? [])];
  if (check.good) return { ...before, elapsedMs, publicKeys };
  // Where nothing was said, nothing is learned: the instance passed the check that it has, and what was refused stays so.
  const judged = found !== undefined;
  const cause = judged ? check.cause : `no handshake at port ${instancePort}: ${check.cause}`;
  const unreached = check.unreached === true ? { unreached: true } : {};
  return { good: false, cause, elapsedMs, inconclusive: !judged, publicKeys, ...unreached };
}
