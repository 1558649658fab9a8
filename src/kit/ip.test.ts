import assert from 'node:assert/strict';
import { SocketAddress } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatIp, formatNetwork, hostOf, networkContains, parseIp, parseNetwork } from './ip.ts';

describe('IP addresses', () => {
  it('of version 4 are read and written', () => {
    fc.assert(fc.property(fc.ipV4(), (text) => assert.equal(formatIp(parseIp(text)!), text)));
    assert.equal(parseIp('255.255.255.255')!.value, 0xffff_ffffn);
  });

  it('of version 6 are read in every form and written as the platform writes them', () => {
    const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 });
    const plain = groups.map((each) => each.map((group) => group.toString(16)).join(':'));
    fc.assert(
      fc.property(fc.oneof(fc.ipV6(), plain), (text) => {
        const address = parseIp(text)!;
        const written = formatIp(address);
        assert.deepEqual(parseIp(written), address);
        const platform = new SocketAddress({ address: text, family: 'ipv6' }).address;
        // inet_ntop writes some addresses with an IPv4 tail; the value is the same.
        if (platform.includes('.')) assert.deepEqual(parseIp(platform), address);
        else assert.equal(written, platform);
      }),
    );
    for (const text of ['::', '::1', '1::', 'fe80::1:0:0:1', '::ffff:1.2.3.4']) {
      assert.equal(parseIp(text)?.family, 6, text);
    }
  });

  it('stand in brackets in Host where they are of version 6', () => {
    assert.deepEqual(['192.0.2.1', '2001:db8::1'].map(hostOf), ['192.0.2.1', '[2001:db8::1]']);
  });

  it('are not made of anything else', () => {
    for (const text of [
      '',
      'localhost',
      '1.2.3',
      '01.2.3.4',
      '1.2.3.4.5',
      ':::',
      '1::2::3',
      'fe80::1%lo',
      ' ::1',
      '12345::',
    ]) {
      assert.equal(parseIp(text), undefined, text);
    }
    fc.assert(fc.property(fc.string(), (text) => void parseNetwork(text)));
  });
});

describe('networks', () => {
  it('drop the bits below their prefix', () => {
    assert.equal(formatNetwork(parseNetwork('127.41.7.9/25')!), '127.41.7.0/25');
    assert.equal(formatNetwork(parseNetwork('fd00:1:2:3::4/48')!), 'fd00:1:2::/48');
    assert.equal(formatNetwork(parseNetwork('10.0.0.5')!), '10.0.0.5/32');
    assert.equal(formatNetwork(parseNetwork('1.2.3.4/0')!), '0.0.0.0/0');
  });

  it('are refused with a prefix that is none', () => {
    for (const text of ['10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/08', '10.0.0.0/8/8', '10.0.0.0/-1', '/8']) {
      assert.equal(parseNetwork(text), undefined, text);
    }
  });

  it('contain their own addresses and no other', () => {
    const network = parseNetwork('127.41.7.0/25')!;
    for (const [text, inside] of [
      ['127.41.7.0', true],
      ['127.41.7.127', true],
      ['127.41.7.128', false],
      ['126.41.7.1', false],
      ['::ffff:127.41.7.1', false],
    ] as const) {
      assert.equal(networkContains(network, parseIp(text)!), inside, text);
    }
  });
});
