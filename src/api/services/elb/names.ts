/** Names of load balancers. */
import { MAX_NAME_LENGTH } from '../../../model/limits.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';

/** What is wrong with a name for a new load balancer, in AWS's words; undefined when it may be used. */
export function nameFault(name: string): ElbFault | undefined {
  const problem = nameProblem(name);
  return problem === undefined ? undefined : elbFault('ValidationError', `LoadBalancer name ${problem}`);
}

function nameProblem(name: string): string | undefined {
  if (name === '') return 'cannot be empty';
  if (name.length > MAX_NAME_LENGTH) return `cannot be longer than ${MAX_NAME_LENGTH} characters`;
  if (!/^[A-Za-z0-9-]+$/.test(name)) return 'cannot contain characters that are not letters, or digits or the dash.';
  if (name.startsWith('-') || name.endsWith('-')) return 'cannot begin or end with a dash.';
  return undefined;
}
