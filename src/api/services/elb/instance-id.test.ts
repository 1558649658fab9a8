import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatIp, parseIp } from '../../../kit/ip.ts';
import { parseLiteral } from './instance-id.ts';

const ipv4 = fc.ipV4();
const ipv6 = fc.ipV6();
const port = fc.integer({ min: 1, max: 65_535 });

describe('a literal instance id', () => {
  it('is an address, with a port or without, whatever the address', () => {
    fc.assert(
      fc.property(ipv4, port, (host, port) => {
        assert.deepEqual(parseLiteral(host), { host });
        assert.deepEqual(parseLiteral(`${host}:${port}`), { host, port });
      }),
    );
    fc.assert(
      fc.property(ipv6, port, (text, port) => {
        const host = parseLiteral(text)?.host ?? '';
        const [given, read] = [parseIp(text)!, parseIp(host)!];
        assert.equal(read.family === 6 ? read.value : read.value | (0xffffn << 32n), given.value);
        assert.equal(host, formatIp(read));
        assert.deepEqual(parseLiteral(`[${text}]`), { host });
        assert.deepEqual(parseLiteral(`[${text}]:${port}`), { host, port });
      }),
    );
  });

  it('is a host name, with a port or without', () => {
    assert.deepEqual(parseLiteral('web.example'), { host: 'web.example' });
    assert.deepEqual(parseLiteral('Web-1.example:8080'), { host: 'Web-1.example', port: 8080 });
    assert.deepEqual(parseLiteral('localhost'), { host: 'localhost' });
    fc.assert(
      fc.property(fc.domain(), port, (host, port) => assert.deepEqual(parseLiteral(`${host}:${port}`), { host, port })),
    );
  });

  it('is nothing that a resolver would take for an address in another form, and no id of EC2', () => {
    for (const id of [
      '1',
      '127.1',
      '0177.0.0.1',
      '0x7f.1',
      '1.2.3.4.',
      '2130706433',
      '0x7F000001',
      'a.1',
      'i-0123',
      'I-web',
    ]) {
      assert.equal(parseLiteral(id), undefined, id);
    }
  });

  it('answers any text with a destination or undefined, and with a host that is an address or a plain name', () => {
    const piece = fc.oneof(
      fc.constantFrom('[', ']', ':', '.', '::', '1', 'ff', '%', '-', '@', '/'),
      fc.string({ maxLength: 3 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const destination = parseLiteral(pieces.join(''));
        if (destination === undefined) return;
        assert.ok(parseIp(destination.host) !== undefined || /^[\w.-]+$/.test(destination.host));
        assert.ok(destination.port === undefined || (destination.port >= 1 && destination.port <= 65_535));
      }),
    );
  });
});
