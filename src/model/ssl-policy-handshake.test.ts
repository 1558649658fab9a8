/** Policies against OpenSSL: what a real handshake with a listener ends in, for every cipher and version that one can offer. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { after, before, describe, it } from 'node:test';
import * as tls from 'node:tls';
import { DSA_CERTIFICATE, DSA_PRIVATE_KEY } from '../../test/support/certificate.ts';
import { issue } from '../../test/support/issued.ts';
import { makeServerContext } from '../traffic/listener-tls.ts';
import { resolveSslPolicy, whyNotEnforceable, type ResolvedSslPolicy } from './ssl-policy-resolve.ts';
import { findPredefinedSslPolicy, predefinedSslPolicies, SSL_CIPHERS, SslPolicyFault } from './ssl-policy.ts';

interface Pair {
  readonly certificate: string;
  readonly privateKey: string;
}

const rsa = issue({ key: 'rsa-2048' });
const ecdsa = issue({ key: 'ec-prime256v1' });
/** No load balancer can have one; the DSS ciphers of a policy need it to be seen at work. */
const dsa: Pair = { certificate: DSA_CERTIFICATE, privateKey: DSA_PRIVATE_KEY };
const EVERYTHING = 'ALL:COMPLEMENTOFALL:@SECLEVEL=0';
const OLDEST = { minVersion: 'TLSv1', maxVersion: 'TLSv1.3' } as const;

let server: Server;
/** What the next connection is served with. */
let secureContext: tls.SecureContext;
before(async () => {
  server = createServer((socket) => {
    const served = new tls.TLSSocket(socket, { isServer: true, secureContext });
    served.on('error', () => undefined).on('secure', () => served.end());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
after(() => server.close());

function serve(policy: ResolvedSslPolicy, { certificate, privateKey }: Pair): void {
  secureContext = makeServerContext({ ...policy, certificate, privateKey, ticketKey: new Uint8Array(48) });
}

/** Puts the policy in force for new connections. */
function use(names: readonly string[], pair: Pair, level?: 0 | 1): void {
  const policy = resolveSslPolicy(
    names.map((name) => ({ name, value: 'true' })),
    level,
  );
  assert.ok(!(policy instanceof SslPolicyFault));
  serve(policy, pair);
}

/** `cipher version` of a handshake, or the code of the error that it ended in. */
async function handshake(options: tls.ConnectionOptions = {}): Promise<string> {
  const { port } = server.address() as AddressInfo;
  const defaults = { host: '127.0.0.1', port, ciphers: EVERYTHING, ...OLDEST, rejectUnauthorized: false };
  const socket = tls.connect({ ...defaults, minDHSize: 1024, ...options });
  let ended = 'closed';
  socket.on('secureConnect', () => (ended = `${socket.getCipher().name} ${socket.getProtocol()}`));
  socket.on('error', (error: NodeJS.ErrnoException) => (ended = error.code ?? error.message));
  socket.resume();
  await new Promise((resolve) => socket.on('close', resolve));
  return ended;
}

/** The pair that the cipher authenticates with. */
function pairFor(cipher: string): Pair {
  if (cipher.includes('-DSS-')) return dsa;
  return cipher.includes('-ECDSA-') ? ecdsa : rsa;
}

const OFFERED = SSL_CIPHERS.filter((name) => whyNotEnforceable(name) === undefined);

describe('SSL policies in handshakes', () => {
  it('negotiate every cipher that can be offered, in TLS 1.2 and, if it is as old, in 1.0 and 1.1', async () => {
    for (const cipher of OFFERED) {
      const versions = /SHA(256|384)$/.test(cipher) ? ['TLSv1.2'] : ['TLSv1', 'TLSv1.1', 'TLSv1.2'];
      for (const version of versions) {
        use([`Protocol-${version}`, cipher], pairFor(cipher));
        assert.equal(await handshake(), `${cipher} ${version}`);
      }
    }
  });

  it('refuse a client that has only other ciphers', async () => {
    for (const cipher of OFFERED) {
      use(['Protocol-TLSv1.2', cipher], pairFor(cipher));
      const others = { ciphers: `${EVERYTHING}:!${cipher}`, maxVersion: 'TLSv1.2' } as const;
      assert.match(await handshake(others), /^ERR_SSL_.*HANDSHAKE_FAILURE$/, cipher);
    }
  });

  it('have OpenSSL refuse what is said not to be enforceable', () => {
    for (const cipher of SSL_CIPHERS.filter((name) => !OFFERED.includes(name) && !name.startsWith('PSK-AES'))) {
      assert.throws(() => tls.createSecureContext({ ciphers: `${cipher}:@SECLEVEL=0`, maxVersion: 'TLSv1.2' }), cipher);
    }
  });

  it('refuse every version that they do not list', async () => {
    const versions = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
    for (let listed = 1; listed < 16; listed++) {
      const isListed = (index: number) => (listed & (1 << index)) !== 0;
      use(
        [
          'AES128-SHA',
          'Server-Defined-Cipher-Order',
          ...versions.filter((_, index) => isListed(index)).map((version) => `Protocol-${version}`),
        ],
        rsa,
      );
      for (const [index, version] of versions.entries()) {
        const result = await handshake({ minVersion: version, maxVersion: version });
        const cipher = version === 'TLSv1.3' ? 'TLS_AES_128_GCM_SHA256' : 'AES128-SHA';
        if (isListed(index)) assert.equal(result, `${cipher} ${version}`);
        else assert.match(result, /^(ERR_SSL_|ECONNRESET|closed)/, `${version} of ${listed}`);
      }
    }
  });

  it('serve their newer versions though an older one has no cipher', async () => {
    const cipher = 'ECDHE-ECDSA-AES128-GCM-SHA256';
    for (const old of [['TLSv1'], ['TLSv1', 'TLSv1.1'], ['TLSv1.1']]) {
      const versions = [...old, 'TLSv1.2', 'TLSv1.3'].map((version) => `Protocol-${version}`);
      use([...versions, cipher], ecdsa);
      assert.equal(await handshake({ maxVersion: 'TLSv1.2' }), `${cipher} TLSv1.2`, old.join());
      assert.match(await handshake(), / TLSv1\.3$/, old.join());
      assert.match(await handshake({ maxVersion: 'TLSv1.1' }), /^ERR_SSL_/, old.join());
    }
  });

  it('choose in the order of the server where they say so, else in that of the client', async () => {
    const names = ['Protocol-TLSv1.2', 'AES256-SHA', 'AES128-SHA', 'DHE-RSA-AES256-SHA'];
    const clients = ['DHE-RSA-AES256-SHA:AES256-SHA:AES128-SHA', 'AES256-SHA:DHE-RSA-AES256-SHA'];
    const chosen = async (): Promise<string[]> => {
      const results = [];
      for (const ciphers of clients) results.push((await handshake({ ciphers, maxVersion: 'TLSv1.2' })).split(' ')[0]!);
      return results;
    };
    use([...names, 'Server-Defined-Cipher-Order'], rsa);
    assert.deepEqual(await chosen(), ['AES128-SHA', 'AES256-SHA']);
    use(names, rsa);
    assert.deepEqual(await chosen(), ['DHE-RSA-AES256-SHA', 'AES256-SHA']);
  });

  it('offer, predefined, what fits the certificate, one after the other in the order of the table', async () => {
    for (const { policyName, attributes } of predefinedSslPolicies()) {
      const policy = resolveSslPolicy(attributes);
      assert.ok(!(policy instanceof SslPolicyFault));
      for (const [pair, fits] of [
        [rsa, /^(?!.*(ECDSA|DSS))/],
        [ecdsa, /ECDSA/],
      ] as const) {
        serve({ ...policy, honorCipherOrder: true }, pair);
        let left: string[] = policy.enforceable.filter((name) => SSL_CIPHERS.includes(name) && fits.test(name));
        if (policy.maxVersion !== 'TLSv1.2') left = left.filter((name) => !/SHA(256|384)$/.test(name));
        const seen: string[] = [];
        for (;;) {
          const without = seen.map((name) => `:!${name}`).join('');
          const result = await handshake({ ciphers: EVERYTHING + without, maxVersion: 'TLSv1.2' });
          if (!result.endsWith(policy.maxVersion)) break;
          seen.push(result.split(' ')[0]!);
        }
        assert.deepEqual(seen, left, policyName);
      }
    }
  });

  it('agree on a group as strong as the certificate for DHE', async () => {
    const pairs = { 1024: issue({ key: 'rsa-1024' }), 2048: rsa, 3072: issue({ key: 'rsa-3072' }) };
    for (const [bits, pair] of Object.entries(pairs)) {
      use(['Protocol-TLSv1.2', 'DHE-RSA-AES128-GCM-SHA256'], pair, bits === '1024' ? 1 : undefined);
      const minDHSize = Number(bits);
      assert.equal(await handshake({ minDHSize }), 'DHE-RSA-AES128-GCM-SHA256 TLSv1.2');
      assert.equal(await handshake({ minDHSize: minDHSize + 8 }), 'ERR_TLS_DH_PARAM_SIZE');
    }
  });

  it('change for new connections, and leave nothing of the one before behind', async () => {
    use(['Protocol-TLSv1', 'Protocol-TLSv1.2', 'AES128-SHA'], rsa);
    assert.match(await handshake({ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' }), /^ERR_SSL_/);
    const { attributes } = findPredefinedSslPolicy('ELBSecurityPolicy-TLS-1-1-2017-01')!;
    use(
      attributes.filter(({ value }) => value === 'true').map(({ name }) => name),
      rsa,
    );
    assert.equal(await handshake({ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' }), 'ECDHE-RSA-AES128-SHA TLSv1.1');
  });
});
