import assert from 'node:assert/strict';
import { it } from 'node:test';
import { settled } from '../../test/support/settled.ts';
import { Reloads } from './reloads.ts';

function asked() {
  const told: string[] = [];
  const under: (() => void)[] = [];
  const weir = {
    reload: () =>
      new Promise<void>((resolve) => {
        told.push('reload');
        under.push(resolve);
      }),
  };
  const notifier = { notify: (...words: string[]) => void told.push(words[0]!) };
  const end = async () => {
    under.shift()!();
    await settled();
  };
  return { told, end, reloads: new Reloads(weir, notifier) };
}

it('what is asked for during a reload is one more reload, when that has ended', async () => {
  const { told, end, reloads } = asked();
  reloads.isTold = true;
  for (let time = 0; time < 3; time++) reloads.ask();
  assert.deepEqual(told, ['RELOADING=1', 'reload']);
  await end();
  assert.deepEqual(told, ['RELOADING=1', 'reload', 'reload']);
  await end();
  assert.deepEqual(told, ['RELOADING=1', 'reload', 'reload', 'READY=1']);
  reloads.ask();
  await end();
  assert.deepEqual(told.slice(4), ['RELOADING=1', 'reload', 'READY=1']);
});

it('the service manager does not take the end of a reload for the end of the start', async () => {
  const { told, end, reloads } = asked();
  reloads.ask();
  reloads.isTold = true;
  await end();
  assert.deepEqual(told, ['reload']);
});
