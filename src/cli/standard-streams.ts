/**
 * Where commands print. Whoever reads it may have seen enough before all is written (`weir … | head -1`): that is no failure, and
 * what else the command does goes on. Anything else, such as a full disk behind a redirection, is told and makes the exit code 1.
 */
import { messageOf } from '../kit/assert.ts';
import { EXIT_REFUSED } from './failure.ts';

/** Standard output, which can be written to by anybody without asking whether it is still read. */
export function standardOutput(): NodeJS.WriteStream {
  return watched(process.stdout, (error) => {
    complain(`weir: standard output cannot be written: ${messageOf(error)}\n`);
    process.exitCode = EXIT_REFUSED;
  });
}

/** Writes `text` on standard output. */
export function print(text: string): void {
  standardOutput().write(text);
}

/** Writes `text` on standard error. Where that cannot be written, there is nowhere left to say so. */
export function complain(text: string): void {
  watched(process.stderr, () => undefined).write(text);
}

const watchedStreams = new WeakSet<NodeJS.WriteStream>();

function watched(stream: NodeJS.WriteStream, onFailure: (error: unknown) => void): NodeJS.WriteStream {
  if (watchedStreams.has(stream)) return stream;
  watchedStreams.add(stream);
  return stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') onFailure(error);
  });
}
