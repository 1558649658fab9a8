/** A part of an access log line. */

const out = Buffer.alloc(128 * 1024);
const view = new DataView(out.buffer, out.byteOffset, out.length);
/** Not a multiple of anything. */
const AT = 3;

/** What `put` has written. */
export function written(put: (out: DataView, at: number) => number): string {
  return out.toString('latin1', AT, put(view, AT));
}
