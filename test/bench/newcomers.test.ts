import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { parseNewcomers, runNewcomers } from '../../bench/load/newcomers.ts';
import { ProcessTable } from '../../bench/processes.ts';

const OUTPUT = 'figures answered=500 unanswered=0 bytes=90000 microseconds=1000123 p50=2000 p99=9000\n';

describe('what the newcomers say', () => {
  test('the figures of a clean run are read and there are no errors', () => {
    assert.deepEqual(parseNewcomers(OUTPUT), {
      requests: 500,
      bytes: 90_000,
      seconds: 1.000123,
      p50Us: 2000,
      p99Us: 9000,
      late: 0,
      errors: {},
    });
  });

  test('one without an answer makes the sample invalid', () => {
    const { errors } = parseNewcomers(OUTPUT.replace('unanswered=0', 'unanswered=2'));
    assert.deepEqual(errors, { 'newcomer without an answer': 2 });
  });

  test('a line that is not there or not whole is refused with a reason', () => {
    assert.throws(() => parseNewcomers(''), /no line that starts with "figures"/);
    assert.throws(() => parseNewcomers(OUTPUT.replace(' p99=9000', '')), /"p99" is missing/);
  });
});

test('they come at their rate while those before wait, and who is refused counts as unanswered', async (t: TestContext) => {
  const waiting: Socket[] = [];
  const [count, refused] = [20, 3];
  const server = createServer((socket) => {
    socket.on('error', () => undefined).resume();
    if (waiting.push(socket) < count) return;
    for (const [index, each] of waiting.entries()) {
      each.end(index < refused ? 'HTTP/1.1 503 No\r\n\r\n' : 'HTTP/1.1 200 OK\r\n\r\n');
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const processes = new ProcessTable();
  t.after(() => processes.killAllNow());
  const { port } = server.address() as AddressInfo;
  const sources = ['127.0.0.2', '127.0.0.3'];
  const plan = { host: '127.0.0.1', port, path: '/', ratePerSecond: 100, seconds: count / 100, sources };
  const { requests, errors, seconds } = await runNewcomers(processes, plan, undefined);
  assert.deepEqual([requests, errors], [count - refused, { 'newcomer without an answer': refused }]);
  // None comes before it is due.
  assert.ok(seconds >= (count - 1) / 100, `${seconds} s`);
});
