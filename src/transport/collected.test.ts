/** What the garbage collector must not take, and what it must be able to take. */
import assert from 'node:assert/strict';
import { connect } from 'node:tls';
import { once } from 'node:events';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { turns } from '../../test/support/recorder.ts';
import { servedTls } from '../../test/support/tls.ts';
import { counterRow, makeCounters } from '../traffic/counters.ts';
import { systemClock } from '../kit/clock.ts';
import { ListenerTls } from '../traffic/listener-tls.ts';
import { chooseTransport } from './choose.ts';
import type { Connection, ConnectionOwner } from './transport.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

async function collected(reference: WeakRef<object>): Promise<void> {
  while (reference.deref() !== undefined) {
    await turns(2);
    collect();
  }
}

test('a TLS connection that only its socket knows lives as long as that, and no longer', async (t) => {
  const events = { onFailure: assert.fail, onAcceptError: assert.fail };
  const { transport } = await chooseTransport('handle', events, systemClock);
  const accepted: WeakRef<Connection>[] = [];
  const received: string[] = [];
  const owner = (): ConnectionOwner => ({
    onConnect() {},
    onData: (_connection, bytes, start, end) => void received.push(bytes.toString('latin1', start, end)),
    onEnd: (connection) => connection.finish(),
    onDrain() {},
    onClose() {},
  });
  const tls = new ListenerTls(servedTls(), counterRow(makeCounters(1), 0), () => true);
  const listening = await transport.listen(
    '127.0.0.1',
    0,
    (connection) => {
      connection.owner = owner();
      accepted.push(new WeakRef(connection));
    },
    tls,
  );
  t.after(() => listening.close());
  const client = connect({ port: listening.port, host: '127.0.0.1', rejectUnauthorized: false });
  t.after(() => client.destroy());
  await once(client, 'secureConnect');
  for (const word of ['one', 'two', 'three']) {
    collect();
    await turns(2);
    client.write(word);
    while (received.at(-1) !== word) await turns(1);
  }
  const [connection] = accepted;
  assert.ok(connection?.deref() !== undefined);
  client.end();
  await once(client, 'close');
  await collected(connection);
});
