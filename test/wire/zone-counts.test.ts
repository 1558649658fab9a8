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

  test(`a request counts in the zone of the instance that has answered it, or in the node's, over the ${transport} transport`, async (t) => {
    const { traffic, backends } = await setUp(t, { transport, backendCount: 2, zones: ['a', 'b'] });
    traffic.setState(0, TARGET_STATE.outOfService);
    backends[1]!.serve(() => 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    const client = await traffic.dial();
    for (let each = 0; each < 2; each++) {
      client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      await client.take('\r\n\r\n');
    }
    traffic.setState(1, TARGET_STATE.outOfService);
    client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await client.take('\r\n\r\n');
    assert.deepEqual(traffic.countByZone('requests'), [1, 2], 'the first zone is the node’s');
    assert.deepEqual(traffic.countByZone('backend2xx'), [0, 2]);
    assert.deepEqual(traffic.countByZone('elb5xx'), [1, 0]);
  });
}
