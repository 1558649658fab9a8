import assert from 'node:assert/strict';
import { createDecipheriv, createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { COOKIE_KEY_BYTES, sealCookie, type CookieBinding } from './stickiness-seal.ts';

const KEY = Buffer.alloc(COOKIE_KEY_BYTES, 7).fill(8, 32);
const BINDING: CookieBinding = { loadBalancer: '1/r/shop', instancePort: 80, instanceId: 'i-1' };

/** What another node with the key can read: the instance, if the value is genuine. */
function open(key: Buffer, value: string, { loadBalancer, instancePort }: CookieBinding): string | undefined {
  const bytes = Buffer.from(value, 'hex');
  const iv = bytes.subarray(0, 16);
  const plain = createDecipheriv('aes-256-ctr', key.subarray(32), iv).update(bytes.subarray(16));
  const mac = createHmac('sha256', key.subarray(0, 32)).update(`${loadBalancer} ${instancePort} `).update(plain);
  return mac.digest().subarray(0, 16).equals(iv) ? plain.toString().replace(/\0+$/, '') : undefined;
}

describe('the value of a sticky cookie', () => {
  test('is opened with the key, and tells the instance', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[!-~]{1,80}$/),
        fc.integer({ min: 1, max: 65535 }),
        (instanceId, instancePort) => {
          const binding = { ...BINDING, instanceId, instancePort };
          assert.equal(open(KEY, sealCookie(KEY, binding), binding), instanceId);
        },
      ),
    );
  });

  test('is another for each key, load balancer, instance port and instance', () => {
    const changed: CookieBinding[] = [
      { ...BINDING, loadBalancer: '1/r/other' },
      { ...BINDING, instancePort: 81 },
      { ...BINDING, instanceId: 'i-2' },
    ];
    const values = [BINDING, ...changed].map((binding) => sealCookie(KEY, binding));
    values.push(sealCookie(Buffer.alloc(COOKIE_KEY_BYTES, 9), BINDING));
    assert.equal(new Set(values).size, values.length);
  });

  test('is the same each time, upper-case hex, and as long for all ids of AWS', () => {
    const value = sealCookie(KEY, BINDING);
    assert.match(value, /^[0-9A-F]{96}$/);
    assert.equal(sealCookie(KEY, { ...BINDING }), value);
    assert.equal(sealCookie(KEY, { ...BINDING, instanceId: 'i-0123456789abcdef0' }).length, value.length);
  });

  test('does not open when any bit of it is changed', () => {
    const value = sealCookie(KEY, BINDING);
    for (let bit = 0; bit < value.length * 4; bit++) {
      const bytes = Buffer.from(value, 'hex');
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(open(KEY, bytes.toString('hex'), BINDING), undefined);
    }
  });
});
