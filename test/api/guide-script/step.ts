/** What a step of the script is, and how its output is looked into. */
import type { Output } from './drivers.ts';
import type { Site } from './site.ts';

export interface Step {
  /** As in the guide; `<name>` is a value of the run (site.ts). */
  readonly command: string;
  /** Before the command. */
  readonly before?: (site: Site) => Promise<void>;
  /** Why requests under way may end in a 504 by what the command does. */
  readonly cuts?: string;
  /** That the traffic does what the command says, and the answer says so too. */
  readonly check: (site: Site, output: Output) => Promise<void>;
}

/** The part of a guide's page. */
export interface Tutorial {
  /** File of the guide's source. */
  readonly page: string;
  readonly steps: readonly Step[];
}

/** The value at a path such as `Instances.0.InstanceId`. */
export function at(output: unknown, path: string): unknown {
  let value: unknown = output;
  for (const name of path.split('.')) {
    value = typeof value === 'object' && value !== null ? (Reflect.get(value, name) as unknown) : undefined;
  }
  return value;
}

/** The value at `path` of each element of the list at `list`. */
export function each(output: unknown, list: string, path: string): readonly unknown[] {
  const elements = at(output, list);
  return Array.isArray(elements) ? elements.map((element: unknown) => at(element, path)) : [];
}
