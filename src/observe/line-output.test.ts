import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { LineOutput, withoutWaiting } from './line-output.ts';

/** A pipe whose writing end waits, as standard error does, and its reader. */
function pipe(test: TestContext) {
  const path = join(temporaryDirectory(test), 'pipe');
  assert.equal(spawnSync('mkfifo', [path]).status, 0);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, 'w');
  let isOpen = true;
  const close = () => {
    if (isOpen) closeSync(reader);
    isOpen = false;
  };
  test.after(() => {
    close();
    closeSync(writer);
  });
  /** Everything that is there now. */
  const read = (): string => {
    const buffer = Buffer.alloc(1024 * 1024);
    let length = 0;
    try {
      for (let count = -1; count !== 0; length += count)
        count = readSync(reader, buffer, length, buffer.length - length, null);
    } catch {
      // Nothing more at the moment.
    }
    return buffer.toString('utf8', 0, length);
  };
  return { writer, read, close };
}

it('a reader who stands still holds up nobody: lines are kept, then lost, and told of when he goes on', (test) => {
  const { writer, read } = pipe(test);
  const output = new LineOutput(withoutWaiting(writer), 20_000);
  const line = (number: number) => `${number} ${'é'.repeat(500)}\n`;
  for (let number = 0; number < 200; number++) output.write(line(number));
  assert.equal(output.takeLost(), 0, 'while lines from before are kept');
  let text = read();
  for (let number = 200; output.takeLost() === 0 && number < 210; number++) {
    output.write(line(number));
    text += read();
  }
  const got = text.split('\n').slice(0, -1);
  assert.ok(got.length > 60 && got.length < 200, `${got.length} lines`);
  const numbers = got.map((each) => Number(each.split(' ')[0]));
  assert.deepEqual(
    got.map((each) => `${each}\n`),
    numbers.map(line),
    'lines are whole, and in order',
  );
  assert.deepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b),
  );
  assert.ok(numbers.includes(200), 'what comes when he reads again arrives');
});

it('lines that were lost are counted once', (test) => {
  const { writer, read } = pipe(test);
  const output = new LineOutput(withoutWaiting(writer), 100);
  for (let number = 0; number < 200; number++) output.write(`${'x'.repeat(1023)}\n`);
  const before = read();
  output.write('last\n');
  const lost = output.takeLost();
  assert.equal(output.takeLost(), 0);
  const after = read();
  assert.ok(after.endsWith('\nlast\n'));
  assert.ok(lost > 0);
  assert.equal(lost + `${before}${after}`.split('\n').length - 1, 201);
});

it('a reader who has gone away, and one who is slow at the end, are no reason not to end', (test) => {
  const { writer, read, close } = pipe(test);
  const output = new LineOutput(withoutWaiting(writer), 200_000);
  for (let number = 0; number < 200; number++) output.write(`${'x'.repeat(1000)}\n`);
  output.finish();
  assert.ok(read().length > 0);
  output.finish();
  assert.ok(read().length > 0, 'what was kept came after what had been read');
  close();
  for (let number = 0; number < 3; number++) {
    output.write('to nobody\n');
    assert.equal(output.takeLost(), 0, 'there is nobody who could be told');
  }
  output.finish();
});

it('what is lost while there is no reader is told to the next', (test) => {
  const path = join(temporaryDirectory(test), 'pipe');
  assert.equal(spawnSync('mkfifo', [path]).status, 0);
  const open = () => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const first = open();
  const writer = openSync(path, 'w');
  const output = new LineOutput(withoutWaiting(writer));
  closeSync(first);
  for (let number = 0; number < 3; number++) output.write('to nobody\n');
  const next = open();
  output.write('to the next\n');
  assert.equal(output.takeLost(), 3);
  closeSync(next);
  closeSync(writer);
});
