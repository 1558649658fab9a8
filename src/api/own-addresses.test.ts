import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { describe, it } from 'node:test';
import { isLoopback, reaches } from './own-addresses.ts';

describe("the process's own addresses", () => {
  it('are reached by the address that is listened on, in any form, and by no other', () => {
    const bound = { host: '127.0.0.1', port: 7600 };
    for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '::ffff:7f00:1']) assert.ok(reaches(bound, address, 7600));
    assert.ok(!reaches(bound, '127.0.0.1', 7601));
    assert.ok(!reaches(bound, '127.0.0.2', 7600));
    assert.ok(!reaches(bound, '::1', 7600));
    assert.ok(reaches({ host: 'fd00::1', port: 1 }, 'fd00:0::1', 1));
  });

  it('are all of this machine where the API listens on every address', () => {
    const local = Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? []);
    for (const host of ['0.0.0.0', '::']) {
      for (const address of ['127.0.0.1', '127.9.9.9', '::1', ...local]) {
        if (!address.includes('%')) assert.ok(reaches({ host, port: 7600 }, address, 7600), address);
      }
      assert.ok(!reaches({ host, port: 7600 }, '192.0.2.1', 7600));
      assert.ok(!reaches({ host, port: 7600 }, 'name.example', 7600));
    }
  });

  it('are loopback in all of 127.0.0.0/8, ::1 and their mapped forms', () => {
    for (const address of ['127.0.0.1', '127.255.255.254', '::1', '::ffff:127.0.0.1']) assert.ok(isLoopback(address));
    for (const address of ['0.0.0.0', '::', '10.0.0.1', '::ffff:10.0.0.1', 'localhost'])
      assert.ok(!isLoopback(address));
  });
});
