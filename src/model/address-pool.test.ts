import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { networkContains, parseIp, parseNetwork } from '../kit/ip.ts';
import { assignAddress, findClash } from './address-pool.ts';
import type { Holder } from './address-pool.ts';

function holder(owner: string, address: string, ...ports: number[]): Holder<string> {
  return { owner, address, ports };
}

/** Gives one load balancer after another its address; those that clash get none. */
function fill(pool: readonly string[], wanted: readonly (readonly number[])[]): Holder<string>[] {
  const holders: Holder<string>[] = [];
  for (const [index, ports] of wanted.entries()) {
    const assigned = assignAddress(pool, ports, holders);
    if ('address' in assigned) holders.push({ owner: `lb${index}`, address: assigned.address, ports });
  }
  return holders;
}

describe('the address pool', () => {
  it('gives each load balancer its own address, in order, and skips network and broadcast addresses', () => {
    const pool = ['127.41.7.0/30', '127.41.9.9'];
    assert.deepEqual(
      fill(pool, [[80], [80], [80]]).map(({ address }) => address),
      ['127.41.7.1', '127.41.7.2', '127.41.9.9'],
    );
    assert.deepEqual(
      fill(['127.41.7.4/31'], [[80], [80]]).map(({ address }) => address),
      ['127.41.7.4', '127.41.7.5'],
    );
    assert.deepEqual(
      fill(['127.41.7.4/32'], [[80]]).map(({ address }) => address),
      ['127.41.7.4'],
    );
    assert.deepEqual(
      fill(['fd00::/126'], [[80], [80], [80]]).map(({ address }) => address),
      ['fd00::1', 'fd00::2', 'fd00::3'],
    );
    assert.deepEqual(
      fill(['FD00:0::/127'], [[80], [80]]).map(({ address }) => address),
      ['fd00::', 'fd00::1'],
    );
  });

  it('shares when none is free: where the ports are free, and on the address with the fewest', () => {
    const holders = [holder('a', '127.0.0.1', 80), holder('b', '127.0.0.1', 81), holder('c', '127.0.0.2', 82)];
    const pool = ['127.0.0.1', '127.0.0.2'];
    assert.deepEqual(assignAddress(pool, [83], holders), { address: '127.0.0.2' });
    assert.deepEqual(assignAddress(pool, [82], holders), { address: '127.0.0.1' });
  });

  it('names the load balancer that has the port when there is no way out', () => {
    const holders = [holder('a', '127.0.0.1', 80), holder('b', '127.0.0.2', 443, 8080)];
    assert.deepEqual(assignAddress(['127.0.0.1', '127.0.0.2'], [80, 443], holders), {
      clash: { owner: 'a', address: '127.0.0.1', port: 80 },
    });
  });

  it('takes a wildcard for one shared address that meets every address of its family', () => {
    const holders = [holder('a', '0.0.0.0', 80)];
    assert.deepEqual(assignAddress(['0.0.0.0'], [81], holders), { address: '0.0.0.0' });
    assert.deepEqual(assignAddress(['0.0.0.0'], [80], holders), {
      clash: { owner: 'a', address: '0.0.0.0', port: 80 },
    });
    assert.deepEqual(assignAddress(['127.0.0.1'], [80], holders), {
      clash: { owner: 'a', address: '127.0.0.1', port: 80 },
    });
    assert.deepEqual(assignAddress(['::1'], [80], holders), { address: '::1' });
    assert.equal(findClash('::', [80], holders)?.owner, 'a');
    assert.equal(findClash('::1', [80], [holder('b', '::', 80)])?.owner, 'b');
    assert.equal(findClash('127.0.0.1', [80], [holder('b', '::', 80)])?.owner, 'b');
    assert.equal(findClash('127.0.0.1', [81], [holder('b', '::', 80)]), undefined);
  });

  it('finds a free address of another network when a wildcard has the port in the first', () => {
    const holders = [holder('a', '0.0.0.0', 80)];
    assert.deepEqual(assignAddress(['127.0.0.0/8', 'fd00::/64'], [80], holders), { address: 'fd00::1' });
  });

  it('looks at no more addresses of a network than are taken, however large it is', () => {
    const holders = Array.from({ length: 300 }, (_, index) =>
      holder(`lb${index}`, `10.0.${Math.floor((index + 1) / 256)}.${(index + 1) % 256}`, 80),
    );
    assert.deepEqual(assignAddress(['10.0.0.0/8', '::/0'], [80], holders), { address: '10.0.1.45' });
  });

  it('holds for any pool and any ports: own addresses first, never a clash, a refusal only when all clash', () => {
    const pools = fc.uniqueArray(
      fc.constantFrom('127.0.0.0/30', '127.0.0.4', '127.0.0.5', '127.0.0.8/31', '::1', 'fd00::/127', '0.0.0.0', '::'),
      { minLength: 1, maxLength: 4 },
    );
    const ports = fc.uniqueArray(fc.integer({ min: 80, max: 84 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(pools, fc.array(ports, { maxLength: 12 }), ports, (pool, wanted, next) => {
        const holders = fill(pool, wanted);
        for (const [index, { address, ports: held }] of holders.entries()) {
          const parsed = parseIp(address)!;
          assert.ok(pool.some((entry) => networkContains(parseNetwork(entry)!, parsed)));
          assert.equal(findClash(address, held, holders.toSpliced(index, 1)), undefined);
        }
        const all = [
          '127.0.0.1',
          '127.0.0.2',
          '127.0.0.4',
          '127.0.0.5',
          '127.0.0.8',
          '127.0.0.9',
          '::1',
          'fd00::',
          'fd00::1',
          '0.0.0.0',
          '::',
        ];
        const inPool = all.filter((address) =>
          pool.some((entry) => networkContains(parseNetwork(entry)!, parseIp(address)!)),
        );
        const possible = inPool.filter((address) => findClash(address, next, holders) === undefined);
        const assigned = assignAddress(pool, next, holders);
        assert.equal('address' in assigned, possible.length > 0);
        if (!('address' in assigned)) return;
        const isFree = (address: string): boolean => holders.every((held) => held.address !== address);
        if (possible.some(isFree)) assert.ok(isFree(assigned.address));
      }),
    );
  });
});
