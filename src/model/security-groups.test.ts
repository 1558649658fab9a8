import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatNetwork } from '../kit/ip.ts';
import { admittedNetworks } from './security-groups.ts';

const GROUPS = {
  'sg-office': {
    ingress: [
      { cidr: '10.0.0.0/8', fromPort: 80, toPort: 80 },
      { cidr: '2001:db8::/32', fromPort: 1, toPort: 65535 },
    ],
  },
  'sg-home': { ingress: [{ cidr: '192.0.2.1', fromPort: 80, toPort: 443 }] },
  'sg-bare': { ingress: [] },
};

function admitted(ids: readonly string[], port: number): string[] | undefined {
  return admittedNetworks(GROUPS, ids, port)?.map(formatNetwork);
}

test('the rules of all groups count together, each at its ports', () => {
  assert.deepEqual(admitted(['sg-office', 'sg-home'], 80), ['10.0.0.0/8', '2001:db8::/32', '192.0.2.1/32']);
  assert.deepEqual(admitted(['sg-office', 'sg-home'], 443), ['2001:db8::/32', '192.0.2.1/32']);
});

test('where there are rules and none is for the port, nobody is let in', () => {
  assert.deepEqual(admitted(['sg-home'], 8080), []);
});

test('groups without rules in the configuration do not restrict, and open nothing that others close', () => {
  assert.equal(admitted([], 80), undefined);
  assert.equal(admitted(['sg-bare', 'sg-unknown'], 80), undefined);
  assert.deepEqual(admitted(['sg-home', 'sg-bare', 'sg-unknown'], 80), ['192.0.2.1/32']);
});
