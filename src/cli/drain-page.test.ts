import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TARGET_STATE } from '../traffic/target-table.ts';
import { loadBalancerId, type LoadBalancerId } from '../model/load-balancer.ts';
import { drainRows } from './drain-page.ts';
import { renderDrains } from './drain-status.ts';

const ID = loadBalancerId('000000000000', 'us-east-1', 'web');
const nameOf = (id: LoadBalancerId): string => id.split('/')[2]!;

function target(instanceId: string, state: number, outstanding: number) {
  return { slot: 0, instanceId, instancePort: 80, state, outstanding, connections: outstanding };
}

function status(targets: ReturnType<typeof target>[]) {
  const drain = { slot: 1, loadBalancer: ID, instanceId: 'i-gone', instancePort: 81, reason: 'deregistered' } as const;
  return { loadBalancers: [{ id: ID, targets }], drains: [{ ...drain, remainingMs: 1500, outstanding: 3 }] };
}

test('what was taken away comes first, then what is out of service and has something in flight', () => {
  const { inService, outOfService } = TARGET_STATE;
  const targets = [target('i-1', inService, 5), target('i-2', outOfService, 2), target('i-3', outOfService, 0)];
  const rows = drainRows(status(targets), false, nameOf);
  const gone = { loadBalancer: 'web', instance: 'i-gone', instancePort: 81, cause: 'deregistered', inFlight: 3 };
  const ill = { loadBalancer: 'web', instance: 'i-2', instancePort: 80, cause: 'out-of-service', inFlight: 2 };
  assert.deepEqual(rows, [
    { ...gone, secondsLeft: 2 },
    { ...ill, secondsLeft: null },
  ]);
  assert.equal(
    renderDrains(rows),
    `LOAD BALANCER  INSTANCE  PORT  BECAUSE         IN FLIGHT  CUT IN
web            i-gone    81    deregistered    3          2 s
web            i-2       80    out-of-service  2          -
`,
  );
});

test('a process that stops drains all of its instances', () => {
  const rows = drainRows(status([target('i-1', TARGET_STATE.inService, 5)]), true, nameOf);
  assert.deepEqual(
    rows.map(({ instance, cause, inFlight }) => [instance, cause, inFlight]),
    [
      ['i-gone', 'deregistered', 3],
      ['i-1', 'stopping', 5],
    ],
  );
});

test('nothing in flight is said in words, and no byte of another machine steers the terminal', () => {
  assert.equal(renderDrains([]), 'nothing drains\n');
  const [row] = drainRows(status([]), false, nameOf);
  assert.ok(!renderDrains([{ ...row!, instance: 'a\u001b[2Jb' }]).includes('\u001b'));
});
