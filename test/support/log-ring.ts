/** Lines in a ring, as a traffic thread would write them. */
import type { LogRingWriter } from '../../src/traffic/log-ring.ts';

/** Writes `line`, which is ASCII; false where it finds no room. */
export function writeLine(writer: LogRingWriter, ordinal: number, second: number, line: string): boolean {
  const at = writer.reserve(ordinal, second, line.length);
  if (at < 0) return false;
  writer.commit(Buffer.from(writer.view.buffer, writer.view.byteOffset).write(line, at, 'latin1'));
  return true;
}
