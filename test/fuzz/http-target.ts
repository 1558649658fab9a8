/**
 * The targets `http-parsers`: desync mitigation and the engine's HTTP/1.1 readers against the reference reader; and `http`: these and
 * the engine as a whole.
 */
import type { Random } from '../../src/kit/random.ts';
import type { DesyncMitigationMode } from '../../src/model/load-balancer.ts';
import { engineTarget } from './engine-target.ts';
import { requestReaders, responseReaders } from './engine-readers.ts';
import { requestHead, requestStream, responseStream, splits } from './http-generator.ts';
import { analysisAgrees, canonicalIsPlain, headEndAgrees, requestsAgree, responsesAgree } from './http-properties.ts';
import { check, type Finding, type FuzzTarget } from './target.ts';

const MODES: readonly DesyncMitigationMode[] = ['monitor', 'defensive', 'strictest'];

export const parsersTarget: FuzzTarget = {
  name: 'http-parsers',
  about: 'requests and responses: what the engine reads is what the reference reader reads',
  run(random) {
    return checkHead(random) ?? checkRequests(random) ?? checkResponse(random);
  },
};

export const httpTarget: FuzzTarget = {
  name: 'http',
  about: 'both http-parsers and http-engine',
  run(random) {
    return parsersTarget.run(random) ?? engineTarget.run(random);
  },
};

function checkHead(random: Random): Finding | undefined {
  const head = requestHead(random);
  return (
    check('the analysis of a head agrees with the reference', analysisAgrees, head) ??
    check('a canonical head is plain', canonicalIsPlain, head) ??
    check('the end of a head is found', headEndAgrees, head.subarray(0, 400))
  );
}

function checkRequests(random: Random): Finding | undefined {
  const stream = requestStream(random);
  const mode = MODES[random.below(MODES.length)]!;
  const cuts = splits(random, stream.length);
  for (const reader of requestReaders) {
    const agrees = (bytes: Uint8Array): string | undefined => requestsAgree(reader, bytes, cuts, mode);
    const finding = check(
      `${reader.name} reads requests like the reference (${mode}, cut at ${cuts.join(' ')})`,
      agrees,
      stream,
    );
    if (finding !== undefined) return finding;
  }
  return undefined;
}

function checkResponse(random: Random): Finding | undefined {
  const { bytes: stream, method } = responseStream(random);
  const closed = random.below(2) === 0;
  const cuts = splits(random, stream.length);
  for (const reader of responseReaders) {
    const agrees = (bytes: Uint8Array): string | undefined => responsesAgree(reader, bytes, cuts, method, closed);
    const about = `${method}, ${closed ? 'closed' : 'open'}, cut at ${cuts.join(' ')}`;
    const finding = check(`${reader.name} reads a response like the reference (${about})`, agrees, stream);
    if (finding !== undefined) return finding;
  }
  return undefined;
}
