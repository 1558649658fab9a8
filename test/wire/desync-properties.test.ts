/** What holds of the analysis for any bytes, and of the engine's parsers for any stream cut anywhere. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SeededRandom } from '../../src/kit/random.ts';
import { HeadAnalysis, REASONS } from '../../src/wire/desync.ts';
import { requestHead } from '../fuzz/http-generator.ts';
import { analysisAgrees, canonicalIsPlain, headEndAgrees } from '../fuzz/http-properties.ts';
import { parsersTarget } from '../fuzz/http-target.ts';

/** Heads that are nearly right. */
const likely = fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((seed) => requestHead(new SeededRandom(seed)));
/** Strings of the bytes that matter. */
const telling = fc
  .array(
    fc.constantFrom(
      ...Array.from('\r\n\0 \t:,;/A5'),
      '\r\n',
      'HTTP/1.1',
      'GET ',
      'Content-Length:',
      'Transfer-Encoding:',
      'chunked',
    ),
  )
  .map((parts) => Buffer.from(parts.join(''), 'latin1'));
const anything = fc.uint8Array({ maxLength: 200 });
const heads = fc.oneof(likely, telling, anything);

function holds(property: (bytes: Uint8Array) => string | undefined): void {
  fc.assert(
    fc.property(heads, (bytes) => assert.equal(property(bytes), undefined)),
    { numRuns: 3000 },
  );
}

describe('for any bytes', () => {
  it('the analysis agrees with the reference, wherever in a buffer they stand', () => holds(analysisAgrees));
  it('a canonical head is plain, says its length once, and is its own canonical head', () => holds(canonicalIsPlain));
  it('the end of the head is found however they are cut', () => holds(headEndAgrees));

  it('a later byte never makes the verdict on whole lines milder', () => {
    const analysis = new HeadAnalysis();
    const tierOf = (bytes: Uint8Array): number => {
      analysis.analyse(bytes, 0, bytes.length);
      return analysis.tier;
    };
    fc.assert(
      fc.property(heads, (bytes) => {
        const whole = tierOf(bytes);
        for (let end = bytes.indexOf(10) + 1; end > 0 && end < bytes.length; end = bytes.indexOf(10, end) + 1) {
          if (analysis.isHopeless(bytes, 0, end)) assert.equal(whole, 3, REASONS[analysis.reason]![0]);
        }
      }),
    );
  });
});

describe('for any stream', () => {
  it('the engine reads what the reference reader reads, cut anywhere', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (seed) => {
        const finding = parsersTarget.run(new SeededRandom(seed));
        assert.equal(finding && `${finding.property}: ${finding.message.slice(0, 2000)}`, undefined);
      }),
      { numRuns: 3000 },
    );
  });
});
