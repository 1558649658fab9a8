import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { HexLines, LengthPrefixed, MAX_REQUEST_BYTES, type BatchEntry, type BatchParser } from './classify-input.ts';
import { runClassify, type BatchFormat } from './classify.ts';

interface Run {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

/** Runs the command on an input that comes in these pieces. */
async function run(pieces: readonly (string | Buffer)[], batch?: BatchFormat): Promise<Run> {
  const output = new PassThrough();
  const errors = new PassThrough();
  const input = Readable.from(pieces.map((piece) => Buffer.from(piece as string, 'latin1')));
  const collected = [output, errors].map(async (stream) => Buffer.concat(await stream.toArray()).toString());
  const code = await runClassify({ input, output, errors }, batch);
  output.end();
  errors.end();
  const [out, err] = await Promise.all(collected);
  return { code, output: out!, errors: err! };
}

const BOTH = 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n';
const COMPLIANT = '{"classification":"Compliant","reason":"Compliant"}\n';

describe('weir classify', () => {
  it('prints tier and reason of the request, whatever follows its head', async () => {
    const { code, output } = await run([BOTH.slice(0, 70), `${BOTH.slice(70)}hello\0`]);
    assert.deepEqual([code, output], [0, '{"classification":"Ambiguous","reason":"BothTeClPresent"}\n']);
  });

  it('does not wait for the end of the input once the head is there', async () => {
    const input = new PassThrough();
    input.write('GET / HTTP/1.1\r\n\r\n');
    const output = new PassThrough();
    assert.equal(await runClassify({ input, output, errors: new PassThrough() }), 0);
    assert.equal(String(output.read()), COMPLIANT);
  });

  it('classifies a request that is cut short', async () => {
    const { output } = await run(['GET / HTTP/1.1\r\nHost: a']);
    assert.equal(output, '{"classification":"Ambiguous","reason":"PartialHeaderLine"}\n');
  });

  it('says what it expected when there is nothing', async () => {
    const { code, output, errors } = await run([]);
    assert.deepEqual([code, output], [1, '']);
    assert.match(errors, /no request on standard input: expected a request line/);
  });

  it('reads no more than its limit', async () => {
    const { code, errors } = await run(['GET / HTTP/1.1\r\n', ...Array<string>(20).fill('a'.repeat(65_536))]);
    assert.equal(code, 1);
    assert.match(errors, /no empty line, which ends a request's head, in the first 1048576 bytes/);
  });
});

describe('weir classify --batch', () => {
  const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');

  it('reads a request a line and answers each in order', async () => {
    const input = `${hex(BOTH)}\n${hex('GET / HTTP/1.1\r\n\r\n').toUpperCase()}\r\n\n${hex('GET / HTTP/1.1\n\n')}`;
    const { code, output, errors } = await run([input], 'hex');
    const lines = output
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { reason: string }).reason);
    assert.deepEqual(lines, ['BothTeClPresent', 'Compliant', 'NonCrLfLineTermination']);
    assert.deepEqual([code, errors], [0, '']);
  });

  it('gives an error in the place of a line that is none, and goes on', async () => {
    const { code, output, errors } = await run([`zz\n47 4\n474\n${hex('GET / HTTP/1.1\r\n\r\n')}\n`], 'hex');
    const lines = output.split('\n');
    assert.match(lines[0]!, /^\{"error":"line 1, column 1: .*hexadecimal/);
    assert.match(lines[1]!, /line 2, column 3/);
    assert.match(lines[2]!, /line 3: 3 hexadecimal digits/);
    assert.equal(`${lines[3]}\n`, COMPLIANT);
    assert.equal(code, 1);
    assert.match(errors, /3 of 4 requests could not be read/);
  });

  it('--batch=length reads lengths and bytes', async () => {
    const { code, output } = await run([`${BOTH.length}\n${BOTH}18\nGET / HTTP/1.1\r\n\r\n`], 'length');
    assert.deepEqual([code, output.split('\n').length], [0, 3]);
    assert.match(output, /BothTeClPresent.*\n.*"Compliant"/);
  });

  it('--batch=length says where the input went wrong, and reads no further', async () => {
    const { code, output } = await run(['18\nGET / HTTP/1.1\r\n\r\nx9\nGET'], 'length');
    assert.equal(code, 1);
    const error =
      'request 2: expected its length in decimal digits and a line feed, found \\"x\\"; nothing after it was read';
    assert.equal(output, `${COMPLIANT}{"error":"${error}"}\n`);
  });

  it('--batch=length tells a request that is not all there, empty, or too long', async () => {
    const tooLong = MAX_REQUEST_BYTES + 1;
    const { output } = await run([`0\n${tooLong}\n`, Buffer.alloc(tooLong), '5\nGE'], 'length');
    assert.deepEqual(output.trimEnd().split('\n'), [
      '{"error":"request 1: no bytes"}',
      '{"error":"request 2: longer than 1048576 bytes"}',
      '{"error":"request 3: the input ends 3 bytes before its end"}',
    ]);
  });

  it('is no failure when the reader of its output goes away', async () => {
    const output = new PassThrough();
    const input = Readable.from([Buffer.from(`${hex(BOTH)}\n`)]);
    output.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    output.on('error', () => {});
    assert.equal(await runClassify({ input, output, errors: new PassThrough() }, 'hex'), 0);
  });
});

describe('the input of a batch', () => {
  const parseAll = (parser: BatchParser, bytes: Buffer, cuts: number[]): BatchEntry[] => {
    const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
    const entries = [0, ...ends].flatMap((start, i) => parser.push(bytes.subarray(start, ends[i] ?? bytes.length)));
    return [...entries, ...parser.end()];
  };
  const requests = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 8 });

  it('is the same however it is cut', () => {
    fc.assert(
      fc.property(requests, fc.array(fc.nat(), { maxLength: 10 }), (list, cuts) => {
        const expected = list.map((bytes) => ({ bytes: Buffer.from(bytes) }));
        const lines = Buffer.from(list.map((bytes) => `${Buffer.from(bytes).toString('hex')}\n`).join(''));
        const prefixed = Buffer.concat(list.flatMap((bytes) => [Buffer.from(`${bytes.length}\n`), bytes]));
        assert.deepEqual(parseAll(new HexLines(), lines, cuts), expected);
        assert.deepEqual(parseAll(new LengthPrefixed(), prefixed, cuts), expected);
      }),
    );
  });

  it('takes bounded memory for a line or length without end', () => {
    const lines = new HexLines();
    for (let i = 0; i < 80; i++) assert.deepEqual(lines.push(Buffer.alloc(65_536, 'a')), []);
    assert.match((lines.end()[0] as { error: string }).error, /^line 1: a request is at most 1048576 bytes/);
    assert.match(
      (new LengthPrefixed().push(Buffer.alloc(20, '1'))[0] as { error: string }).error,
      /more than 15 digits/,
    );
  });
});
