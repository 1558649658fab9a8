/** Names of load balancers and of policies. */
import { MAX_NAME_LENGTH } from '../../../model/limits.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';

/** What is wrong with a name for a new load balancer, in AWS's words; undefined when it may be used. */
export function nameFault(name: string): ElbFault | undefined {
  const problem = nameProblem(name, MAX_NAME_LENGTH) ?? dashProblem(name);
  return problem === undefined ? undefined : elbFault('ValidationError', `LoadBalancer name ${problem}`);
}

function dashProblem(name: string): string | undefined {
  return name.startsWith('-') || name.endsWith('-') ? 'cannot begin or end with a dash.' : undefined;
}

/** What every name must be; the end of a sentence in AWS's words. */
export function nameProblem(name: string, maxLength: number): string | undefined {
  if (name === '') return 'cannot be empty';
  if (name.length > maxLength) return `cannot be longer than ${maxLength} characters`;
  if (/^[A-Za-z0-9-]+$/.test(name)) return undefined;
  return 'cannot contain characters that are not letters, or digits or the dash.';
}
