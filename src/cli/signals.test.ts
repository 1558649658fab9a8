import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import { FakeClock } from '../kit/clock.ts';
import { watchSignals, type SignalSource } from './signals.ts';

function watched() {
  const source = new EventEmitter();
  const clock = new FakeClock();
  const calls: string[] = [];
  const end = watchSignals(source as SignalSource, clock, {
    stop: (signal) => calls.push(`stop ${signal}`),
    end: (signal) => calls.push(`end ${signal}`),
    reload: () => calls.push('reload'),
    foreign: (signal) => calls.push(`foreign ${signal}`),
  });
  return { calls, clock, end, send: (signal: NodeJS.Signals) => source.emit(signal, signal) };
}

describe('signals', () => {
  it('stop with the first, end with the second, whichever they are', () => {
    for (const [first, second] of [
      ['SIGTERM', 'SIGTERM'],
      ['SIGINT', 'SIGTERM'],
      ['SIGTERM', 'SIGINT'],
    ] as const) {
      const { calls, send } = watched();
      send(first);
      send(second);
      assert.deepEqual(calls, [`stop ${first}`, `end ${second}`]);
    }
  });

  it('count a SIGINT that was passed on twice as one', () => {
    const { calls, clock, send } = watched();
    send('SIGINT');
    clock.advance(50);
    send('SIGINT');
    assert.deepEqual(calls, ['stop SIGINT']);
    clock.advance(1000);
    send('SIGINT');
    send('SIGINT');
    assert.deepEqual(calls, ['stop SIGINT', 'end SIGINT']);
  });

  it('reload, until a stop', () => {
    const { calls, send } = watched();
    send('SIGHUP');
    send('SIGHUP');
    send('SIGTERM');
    send('SIGHUP');
    assert.deepEqual(calls, ['reload', 'reload', 'stop SIGTERM']);
  });

  it('of other servers are taken, and ask for nothing', () => {
    const { calls, send } = watched();
    for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGTERM'] as const) send(signal);
    assert.deepEqual(calls, ['foreign SIGUSR1', 'foreign SIGUSR2', 'stop SIGTERM']);
  });

  it('are no longer watched after the end', () => {
    const { calls, end, send } = watched();
    end();
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) send(signal);
    assert.deepEqual(calls, []);
  });
});
