/**
 * A stream that says much is read into a large buffer of its own, and goes back to the shared one when it has said little for a while:
 * events and chats may last for hours, and their first words would cost that buffer for as long.
 */
import { BUFFERS } from '../model/limits.ts';

const SMALL_READ = BUFFERS.sharedRead / 4;
/** So many in a row. */
export const MANY_SMALL_READS = 16;

/** How many reads in a row were small, with this one of `bytes`. */
export function smallReads(before: number, bytes: number): number {
  return bytes < SMALL_READ ? before + 1 : 0;
}
