/** Where there is not enough CPU for all, V8's helper threads are not those who have it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { WeirProcess } from '../support/weir-process.ts';

/** The nice value of each thread of `process`, by the threads' names. */
function niceness(process: number): Map<string, Set<number>> {
  const folder = `/proc/${process}/task`;
  const found = new Map<string, Set<number>>();
  for (const thread of readdirSync(folder)) {
    const name = readFileSync(`${folder}/${thread}/comm`, 'latin1').trim();
    found.set(name, (found.get(name) ?? new Set()).add(getPriority(Number(thread))));
  }
  return found;
}

test(
  'V8 collects and compiles with less priority than traffic and control have',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const weir = new WeirProcess(t);
    await weir.ready();
    const own = getPriority();
    const helpers = () => [...niceness(weir.child.pid!)].find(([name]) => name.includes('V8Worker'))?.[1];
    const nicer = [Math.min(own + 5, 19)];
    await weir.until('the helpers are nicer', () => isDeepStrictEqual([...helpers()!], nicer));
    const all = niceness(weir.child.pid!);
    assert.deepEqual(all.get('weir-0'), new Set([own]));
    assert.equal(getPriority(weir.child.pid), own);
  },
);
