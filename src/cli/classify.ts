/** `weir classify`: what desync mitigation says of raw requests. */
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Option, type Command } from 'commander';
import { errorCode, messageOf } from '../kit/assert.ts';
import { HeadAnalysis, classify, findHeadEnd } from '../wire/desync.ts';
import { HexLines, LengthPrefixed, MAX_REQUEST_BYTES } from './classify-input.ts';
import type { BatchEntry, BatchParser } from './classify-input.ts';
import { standardOutput } from './standard-streams.ts';

export type BatchFormat = 'hex' | 'length';

/** The streams of a run: the process's own, or a test's. */
export interface ClassifyStreams {
  readonly input: Readable;
  readonly output: Writable;
  readonly errors: Writable;
}

const HELP = `
Reads one raw HTTP/1.x request from standard input and prints its tier and reason, as the load balancer's
desync mitigation sees it:

  $ printf 'POST / HTTP/1.1\\r\\nTransfer-Encoding: chunked\\r\\nContent-Length: 5\\r\\n\\r\\n' | weir classify
  {"classification":"Ambiguous","reason":"BothTeClPresent"}

Only the head counts: what follows its empty line is not looked at.

--batch reads many and prints one line for each, in the same order:
  --batch, --batch=hex   a request a line, as hexadecimal digits; empty lines are passed over
  --batch=length         each request as its length in decimal digits, a line feed, and its bytes
An entry that cannot be read gives {"error":"..."} in its place.

Exit code: 0 when everything was classified, 1 when something could not be read, 2 for wrong usage.`;

/** Adds the command to the program. */
export function registerClassify(program: Command): void {
  program
    .command('classify')
    .summary('classify raw HTTP requests by tier and reason of desync mitigation')
    .description('Classify raw HTTP requests from standard input by tier and reason of desync mitigation.')
    .addOption(
      new Option('--batch [format]', 'many requests in one run: hex lines, or prefixed by their length')
        .choices(['hex', 'length'])
        .preset('hex'),
    )
    .addHelpText('after', HELP)
    .action(async (options: { batch?: BatchFormat }) => {
      const streams = { input: process.stdin, output: standardOutput(), errors: process.stderr };
      process.exitCode = await runClassify(streams, options.batch);
    });
}

/** Classifies one request, or with `batch` as many as there are. Returns the exit code. */
export async function runClassify(streams: ClassifyStreams, batch?: BatchFormat): Promise<number> {
  try {
    if (batch === undefined) return await classifyOne(streams);
    return await classifyBatch(streams, batch === 'hex' ? new HexLines() : new LengthPrefixed());
  } catch (error) {
    // Whoever read our output has seen enough.
    if (errorCode(error) === 'EPIPE') return 0;
    streams.errors.write(`weir classify: ${messageOf(error)}\n`);
    return 1;
  }
}

async function classifyOne(streams: ClassifyStreams): Promise<number> {
  const request = Buffer.allocUnsafe(MAX_REQUEST_BYTES);
  let length = 0;
  let complete = false;
  for await (const piece of streams.input as AsyncIterable<Buffer>) {
    const seen = length;
    length += piece.copy(request, length);
    complete = findHeadEnd(request, 0, length, seen) !== -1;
    if (complete || length === MAX_REQUEST_BYTES) break;
  }
  if (length === 0) throw new Error('no request on standard input: expected a request line, headers and an empty line');
  if (!complete && length === MAX_REQUEST_BYTES) {
    throw new Error(`no empty line, which ends a request's head, in the first ${MAX_REQUEST_BYTES} bytes`);
  }
  streams.output.write(`${JSON.stringify(classify(request.subarray(0, length)))}\n`);
  return 0;
}

async function classifyBatch(streams: ClassifyStreams, parser: BatchParser): Promise<number> {
  const analysis = new HeadAnalysis();
  let count = 0;
  let failures = 0;
  const lineOf = (entry: BatchEntry): string => {
    count++;
    if ('bytes' in entry && entry.bytes.length > 0) return `${JSON.stringify(classify(entry.bytes, analysis))}\n`;
    failures++;
    return `${JSON.stringify('error' in entry ? entry : { error: `request ${count}: no bytes` })}\n`;
  };
  async function* lines(source: AsyncIterable<Buffer>): AsyncGenerator<string> {
    for await (const piece of source) yield parser.push(piece).map(lineOf).join('');
    yield parser.end().map(lineOf).join('');
  }
  await pipeline(streams.input, lines, streams.output, { end: false });
  if (failures > 0) streams.errors.write(`weir classify: ${failures} of ${count} requests could not be read\n`);
  return failures > 0 ? 1 : 0;
}
