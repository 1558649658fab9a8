/** Values as they stand between a codec and an operation; a {@link Structure} has exactly the members of its model. */
export type Value = string | number | boolean | Date | Uint8Array | readonly Value[] | Structure;

export interface Structure {
  readonly [member: string]: Value | undefined;
}

/** A double as AWS's answers have it, a whole one too: `6.0`. Clients in languages that tell the two apart take `6` for an integer. */
export function doubleText(double: number): string {
  return Number.isSafeInteger(double) ? `${double}.0` : String(double);
}
