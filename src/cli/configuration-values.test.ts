import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addressOrNetwork,
  cidr,
  endpoint,
  portRange,
  Unexpected,
  webAddress,
  wholeNumber,
} from './configuration-values.ts';

/** What is expected instead of each of `values`, all of which are refused. */
const refusals = (parse: (value: unknown) => unknown, ...values: readonly unknown[]) =>
  values.map((value) => {
    const result = parse(value);
    assert.ok(result instanceof Unexpected, String(value));
    return result.expected;
  });

test('an endpoint is a host and a port, IPv6 in brackets and nothing else there', () => {
  assert.deepEqual(['[::1]:0', '127.0.0.1:65535', 'weir.example:80'].map(endpoint), [
    { host: '::1', port: 0 },
    { host: '127.0.0.1', port: 65_535 },
    { host: 'weir.example', port: 80 },
  ]);
  const wrong = [
    '127.0.0.1:65536',
    '127.0.0.1',
    '::1:80',
    '[127.0.0.1]:80',
    '[weir]:80',
    'a b:80',
    '1.2.3:80',
    ':80',
    80,
  ];
  const expected = new Set(refusals(endpoint, ...wrong));
  assert.deepEqual(expected, new Set(['HOST:PORT, such as 127.0.0.1:7600 or [::1]:7600']));
});

test('a range of ports begins with 1, ends with 65535, and does not go backwards', () => {
  assert.deepEqual([80, '80', '1-65535'].map(portRange), [
    { fromPort: 80, toPort: 80 },
    { fromPort: 80, toPort: 80 },
    { fromPort: 1, toPort: 65_535 },
  ]);
  refusals(portRange, 0, '0-80', '80-79', '1-65536', '80-', 'http', null);
});

test('an address of a service has neither keys nor a query, and is of the web', () => {
  assert.equal(webAddress('http://127.0.0.1:9000/s3/'), 'http://127.0.0.1:9000/s3/');
  assert.deepEqual(
    refusals(webAddress, 'ftp://a/', 'a', 'http://key@a/', 'http://:secret@a/', 'http://a/?b', 'http://a/#b'),
    [
      'an address such as https://ec2.us-east-1.amazonaws.com',
      'an address such as https://ec2.us-east-1.amazonaws.com',
      'an address without user name and password',
      'an address without user name and password',
      'an address that ends with its path',
      'an address that ends with its path',
    ],
  );
});

test('bits behind a prefix are asked back about, with the one address as it would be written', () => {
  assert.deepEqual(refusals(cidr, '10.0.0.1/8', 'fd00::1/8'), [
    '10.0.0.0/8 (the whole network) or 10.0.0.1/32 (the one address)',
    'fd00::/8 (the whole network) or fd00::1/128 (the one address)',
  ]);
  assert.deepEqual(refusals(addressOrNetwork, 'fd00::1/8'), [
    'fd00::/8 (the whole network) or fd00::1 (the one address)',
  ]);
});

test('a whole number is one of its range, both ends included, also as text', () => {
  const percent = wholeNumber(0, 100);
  assert.deepEqual([0, '0', 100, '100'].map(percent), [0, 0, 100, 100]);
  refusals(percent, -1, 101, '101', 0.5, '1e1', '', null);
});
