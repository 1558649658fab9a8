import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { intervalEndMs, logFileKey, splitKey, testFileKey, type LogDestination } from './access-log-names.ts';

const DESTINATION: LogDestination = {
  accountId: '123456789012',
  region: 'us-west-2',
  loadBalancer: 'my-loadbalancer',
  address: '172.160.1.192',
  bucket: 'my-loadbalancer-logs',
  prefix: 'my-app',
  intervalMs: 300_000,
};

describe('names of access log files', () => {
  it('are those of the user guide', () => {
    const end = Date.UTC(2014, 1, 15, 23, 40);
    const folder = 'my-loadbalancer-logs/my-app/AWSLogs/123456789012';
    const name =
      '123456789012_elasticloadbalancing_us-west-2_my-loadbalancer_20140215T2340Z_172.160.1.192_20sg8hgm.log';
    assert.equal(
      logFileKey(DESTINATION, end, '20sg8hgm'),
      `${folder}/elasticloadbalancing/us-west-2/2014/02/15/${name}`,
    );
    assert.equal(testFileKey(DESTINATION), `${folder}/ELBAccessLogTestFile`);
    assert.equal(
      testFileKey({ ...DESTINATION, prefix: undefined }),
      'my-loadbalancer-logs/AWSLogs/123456789012/ELBAccessLogTestFile',
    );
    assert.deepEqual(splitKey('bucket/a/b'), { bucket: 'bucket', object: 'a/b' });
  });

  it('have no colons where the address has', () => {
    assert.match(logFileKey({ ...DESTINATION, address: '2001:db8::7' }, 0, 'x'), /_2001\.db8\.\.7_x\.log$/);
  });
});

describe('intervals of access logs', () => {
  it('are aligned to the clock, and every moment lies in the one that ends next', () => {
    assert.equal(intervalEndMs(Date.UTC(2026, 0, 1, 1, 4, 59, 999), 300_000), Date.UTC(2026, 0, 1, 1, 5));
    assert.equal(intervalEndMs(Date.UTC(2026, 0, 1, 1, 5), 300_000), Date.UTC(2026, 0, 1, 1, 10));
    assert.equal(intervalEndMs(Date.UTC(2026, 0, 31, 23, 0, 1), 3_600_000), Date.UTC(2026, 1, 1));
    fc.assert(
      fc.property(fc.nat(4_102_444_800_000), fc.constantFrom(5, 60), (epochMs, minutes) => {
        const end = intervalEndMs(epochMs, minutes * 60_000);
        assert.ok(end > epochMs && end - epochMs <= minutes * 60_000);
        assert.equal(new Date(end).getUTCMinutes() % minutes, 0);
      }),
    );
  });
});
