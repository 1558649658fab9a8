import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLogger, type LoggerOptions } from './logger.ts';

function logged(options: Omit<LoggerOptions, 'write'>, use: (log: ReturnType<typeof createLogger>) => void): string[] {
  const lines: string[] = [];
  use(createLogger({ ...options, write: (line) => lines.push(line) }));
  return lines;
}

describe('logger', () => {
  it('writes one line of JSON with time, level, message and fields', () => {
    const [line = ''] = logged({ level: 'info', format: 'json' }, (log) =>
      log.warn({ port: 80, name: 'a\nb' }, 'hello'),
    );
    const { time, ...rest } = JSON.parse(line) as Record<string, unknown>;
    assert.deepEqual(rest, { level: 'warn', port: 80, name: 'a\nb', message: 'hello' });
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.equal(line.indexOf('\n'), line.length - 1);
  });

  it('keeps quiet below its level, which can change', () => {
    const lines = logged({ level: 'warn', format: 'json' }, (log) => {
      log.info({}, 'no');
      log.error({}, 'yes');
      log.setLevel('debug');
      log.debug({}, 'yes');
      log.setLevel('silent');
      log.error({}, 'no');
    });
    assert.equal(lines.filter((line) => line.includes('yes')).length, 2);
    assert.equal(lines.length, 2);
  });

  it('writes a readable line for people, errors with their stack', () => {
    const error = new TypeError('broken');
    const [line = ''] = logged({ level: 'info', format: 'pretty' }, (log) =>
      log.error({ thread: 1, error }, 'a thread died'),
    );
    assert.match(
      line,
      /^\d\d:\d\d:\d\d\.\d{3} error a thread died {2}thread=1 error=broken\nTypeError: broken\n {4}at /,
    );
    const [plain = ''] = logged({ level: 'info', format: 'pretty' }, (log) => log.info({}, 'ready'));
    assert.match(plain, /^\S+ info {2}ready\n$/);
  });

  it('quotes what could be taken for another field', () => {
    const fields = { plain: 'a/b:1', odd: 'a=b', more: { b: 1 } };
    const [line = ''] = logged({ level: 'info', format: 'pretty' }, (log) => log.info(fields, 'x'));
    assert.match(line, /plain=a\/b:1 odd="a=b" more=\{"b":1\}\n$/);
  });

  it('lets no field break a readable line or move the cursor', () => {
    const fields = { peer: 'a b\r\n\u001B[2J"=\u202E' };
    const [line = ''] = logged({ level: 'info', format: 'pretty' }, (log) => log.info(fields, 'odd \u0007'));
    assert.match(line, /^\S+ info {2}odd \\u0007 {2}peer="a b\\r\\n\\u001b\[2J\\"=\\u202e"\n$/);
  });
});
