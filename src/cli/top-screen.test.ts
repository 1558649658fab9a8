import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { FakeTerminal } from '../../test/support/fake-terminal.ts';
import { Screen } from './top-screen.ts';

function opened(colours = true) {
  const terminal = new FakeTerminal();
  const keys: string[] = [];
  const told = { resized: 0, ended: 0 };
  const screen = new Screen({
    input: terminal.input,
    output: terminal.output,
    process: terminal.process,
    colours,
    onKey: (name) => void keys.push(name),
    onResize: () => void told.resized++,
    onEnd: () => void told.ended++,
  });
  screen.open();
  return { terminal, screen, keys, told };
}

test('a screen of its own, without a cursor, is given back by close', () => {
  const { terminal, screen } = opened();
  assert.ok(!terminal.restored && terminal.input.raw);
  screen.close();
  assert.ok(terminal.restored);
  assert.equal(terminal.listeners, 0);
  assert.ok(terminal.input.isPaused());
  const { length } = terminal.output.written;
  screen.draw([{ text: 'late', style: 'plain' }]);
  screen.close();
  assert.equal(terminal.output.written.length, length, 'nothing is written to a terminal that was given back');
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) {
  test(`${signal} restores the terminal, and then does what it does`, () => {
    const { terminal } = opened();
    terminal.process.emit(signal, signal);
    assert.ok(terminal.restored);
    assert.deepEqual(terminal.process.killed, [`42 ${signal}`]);
    assert.equal(terminal.process.listenerCount(signal), 0);
  });
}

for (const event of ['exit', 'uncaughtExceptionMonitor']) {
  test(`${event} restores the terminal`, () => {
    const { terminal } = opened();
    terminal.process.emit(event);
    assert.ok(terminal.restored);
  });
}

test('Ctrl-Z stops the process with the terminal restored, and draws anew when it goes on', async () => {
  const { terminal, told } = opened();
  await terminal.type('\u001A');
  assert.ok(terminal.restored);
  assert.deepEqual(terminal.process.killed, ['0 SIGSTOP']);
  terminal.process.emit('SIGCONT');
  assert.ok(!terminal.restored && terminal.input.raw);
  assert.equal(told.resized, 1);
});

test('keys come by their names, whole sequences among them', async () => {
  const { terminal, keys, told } = opened();
  await terminal.type('qJ\u001B[A\u001BOB\u001B[5~\u001B[6~ü');
  assert.deepEqual(keys.slice(0, 6), ['q', 'j', 'up', 'down', 'pageup', 'pagedown']);
  assert.equal(told.ended, 0);
});

test('Ctrl-C, Ctrl-D, the end of input and a broken output end it', async () => {
  const { terminal, told, keys } = opened();
  await terminal.type('\u0003\u0004');
  assert.equal(told.ended, 2);
  terminal.input.end();
  await once(terminal.input, 'end');
  assert.equal(told.ended, 3);
  terminal.output.emit('error', new Error('EIO'));
  assert.equal(told.ended, 4);
  assert.deepEqual(keys, []);
});

test('a frame clears each row before it writes it, and the rows below', () => {
  const { terminal, screen } = opened();
  terminal.output.rows = 3;
  terminal.output.written = '';
  screen.draw([
    { text: 'one', style: 'heading' },
    { text: 'two', style: 'plain' },
  ]);
  assert.equal(terminal.output.written, '\u001B[H\u001B[K\u001B[1mone\u001B[0m\r\n\u001B[Ktwo\r\n\u001B[K');
});

test('without colours nothing is coloured; a size that is not known is 80 by 24', () => {
  const { terminal, screen } = opened(false);
  screen.draw([
    { text: 'one', style: 'bad' },
    { text: 'two', style: 'faint' },
  ]);
  assert.ok(terminal.output.written.includes('\u001B[1mone\u001B[0m\r\n\u001B[Ktwo\r\n'));
  terminal.resize(0, 0);
  assert.deepEqual(screen.size, { width: 80, height: 24 });
});
