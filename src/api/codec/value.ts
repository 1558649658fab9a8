/** Values as they stand between a codec and an operation; a {@link Structure} has exactly the members of its model. */
export type Value = string | number | boolean | Date | Uint8Array | readonly Value[] | Structure;

export interface Structure {
  readonly [member: string]: Value | undefined;
}
