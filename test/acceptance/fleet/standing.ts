/** Which instances of a fleet have been there all the time: alive, registered and in service. */
import type { FleetInstance } from './instance.ts';

export class Standing {
  readonly #instances: ReadonlyMap<string, FleetInstance>;
  /** A number for each time that an instance has come to stand. */
  readonly #since = new Map<string, number>();
  #next = 1;

  constructor(instances: readonly FleetInstance[]) {
    this.#instances = new Map(instances.map((instance) => [instance.name, instance]));
  }

  /** As long as it is the same number, the instance has stood; undefined when it does not. */
  of(name: string): number | undefined {
    return this.#since.get(name);
  }

  /** How many stand. */
  get count(): number {
    return this.#since.size;
  }

  /** How often the instance was killed. */
  kills(name: string): number {
    return this.#instances.get(name)?.kills ?? 0;
  }

  /** The load balancer says that it is in service, and nobody has done anything to it since. */
  stands(name: string): void {
    if (!this.#since.has(name)) this.#since.set(name, this.#next++);
  }

  falls(name: string): void {
    this.#since.delete(name);
  }
}
