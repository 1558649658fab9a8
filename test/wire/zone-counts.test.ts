/** What is counted by zone (docs/cloudwatch.md): of a TCP connection, the zone of the instance that it has reached. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TARGET_STATE } from '../../src/traffic/target-table.ts';
import { setUp, TRANSPORTS } from '../support/traffic.ts';

for (const transport of TRANSPORTS) {
  test(`a TCP connection counts in the zone of its instance, or in the node's without one, over the ${transport} transport`, async (t) => {
    const zones = ['a', 'b'];
    const { traffic, backends } = await setUp(t, { transport, protocol: 'TCP', backendCount: 2, zones });
    const clients = [await traffic.dial(), await traffic.dial()];
    const instances = [await backends[0]!.accept(), await backends[1]!.accept()];
    await traffic.counted('requests', 2);
    assert.deepEqual(traffic.countByZone('requests'), [1, 1]);
    assert.equal(traffic.count('latencyCount'), 2);
    for (const slot of [0, 1]) traffic.setState(slot, TARGET_STATE.outOfService);
    const refused = await traffic.dial();
    await traffic.counted('requests', 3);
    await refused.shutDown();
    assert.deepEqual(traffic.countByZone('requests'), [2, 1], 'the first zone is the node’s');
    for (const each of [...clients, ...instances]) each.end();
    for (const client of clients) await client.close();
    assert.equal(traffic.count('requests'), 3, 'each once');
  });
}
