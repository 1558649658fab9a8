/** Both sides of TLS in a script: what a listener serves, clients, and back ends. */
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect, createServer, type ConnectionOptions, type TlsOptions, type TLSSocket } from 'node:tls';
import { assert } from '../../src/kit/assert.ts';
import type { PolicyAttribute } from '../../src/model/load-balancer.ts';
import { readPublicKey } from '../../src/model/public-key.ts';
import { resolveSslPolicy } from '../../src/model/ssl-policy-resolve.ts';
import { SslPolicyFault } from '../../src/model/ssl-policy.ts';
import type { CompiledTls } from '../../src/traffic/snapshot.ts';
import { issue, type Issued } from './issued.ts';
import { Peer, ScriptedServer } from './peers.ts';

/** The certificate of listeners, unless another is asked for. */
export const SITE = issue({ commonName: 'www.example.test' });
/** The certificate of back ends, unless another is asked for. */
export const INSTANCE = issue({ commonName: 'an instance' });

/** The default policy. */
const DEFAULT_POLICY = [{ name: 'Reference-Security-Policy', value: 'ELBSecurityPolicy-2016-08' }];

export interface ServedTls {
  readonly issued?: Issued;
  /** Names that are on; the default policy otherwise. */
  readonly policy?: readonly string[];
  readonly ticketSeed?: number;
}

/** What a listener serves, as control would compile it. */
export function servedTls({ issued = SITE, policy, ticketSeed = 1 }: ServedTls = {}): CompiledTls {
  const attributes: readonly PolicyAttribute[] = policy?.map((name) => ({ name, value: 'true' })) ?? DEFAULT_POLICY;
  const resolved = resolveSslPolicy(attributes);
  assert(!(resolved instanceof SslPolicyFault), 'a policy of which something is left');
  const { ciphers, minVersion, maxVersion, honorCipherOrder, secureOptions } = resolved;
  const { certificate, privateKey } = issued;
  const parts = { certificate, privateKey, ciphers, minVersion, maxVersion, honorCipherOrder, secureOptions };
  const identity = createHash('sha384')
    .update(JSON.stringify({ ...parts, ticketSeed }))
    .digest();
  return { ...parts, key: identity.toString('base64'), ticketKey: new Uint8Array(identity) };
}

/** The public key of a certificate, in the form of CompiledListener.backendPublicKeys. */
export function publicKey({ certificate }: Issued): string {
  const key = readPublicKey(certificate);
  assert(key !== undefined, 'a certificate has a key');
  return key;
}

/** A back end that speaks TLS, with any client. */
export function startTlsBackend(issued: Issued = INSTANCE, options: TlsOptions = {}): Promise<ScriptedServer> {
  const { certificate: cert, privateKey: key } = issued;
  const server = createServer({ cert, key, allowHalfOpen: true, ...options });
  return ScriptedServer.listen(server, 'secureConnection');
}

/** A client whose handshake is done. */
export class TlsPeer extends Peer {
  readonly tls: TLSSocket;

  constructor(socket: TLSSocket) {
    super(socket);
    this.tls = socket;
  }
}

/** Connects with TLS; resolves once the handshake is done, rejects with what went wrong. Any certificate will do. */
export async function dialTls(port: number, options: ConnectionOptions = {}): Promise<TlsPeer> {
  const to = { port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true, rejectUnauthorized: false };
  // Whatever the listener allows: what is tested is what it allows.
  const socket = connect({ ...to, minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0', ...options });
  await once(socket, 'secureConnect');
  return new TlsPeer(socket);
}

export interface Tapped {
  /** For TLS. */
  readonly socket: Duplex;
  readonly raw: Socket;
  readonly recordTypes: () => number[];
}

/** A connection below TLS, with the types of the records that arrive on it: 23 is data, 21 an alert. */
export async function tapped(port: number): Promise<Tapped> {
  const raw = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(raw, 'connect');
  let received = Buffer.alloc(0);
  const socket = new Duplex({
    read: () => undefined,
    // Not when it is sent: who corks `raw` waits for more.
    write: (chunk: Buffer, _encoding, done) => {
      raw.write(chunk);
      done();
    },
    final: (done) => void raw.end(() => done()),
    destroy: (_error, done) => done(raw.destroy() && null),
  });
  raw.on('error', () => undefined);
  raw.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    socket.push(chunk);
  });
  raw.on('end', () => socket.push(null));
  const recordTypes = (): number[] => {
    const types: number[] = [];
    for (let at = 0; at + 5 <= received.length; at += 5 + received.readUInt16BE(at + 3)) types.push(received[at]!);
    return types;
  };
  return { socket, raw, recordTypes };
}

/** The first bytes that a client of TLS sends, in a record of its own. */
export function clientHello(options: ConnectionOptions = {}): Promise<Buffer> {
  return new Promise((resolve) => {
    const nowhere = new Duplex({
      read: () => undefined,
      write: (hello: Buffer, _encoding, done) => {
        resolve(hello);
        done();
      },
    });
    connect({ socket: nowhere, servername: 'www.example.test', ...options }).on('error', () => undefined);
  });
}

/**
 * What a server from before RFC 5746 answers to a hello of TLS 1.2: without any extension, AES128-SHA with the certificate's RSA
 * key; up to ServerHelloDone.
 */
export function answerOfOld({ certificate }: Issued): Buffer {
  const sized = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([0, bytes.length >> 8, bytes.length]), bytes]);
  const message = (type: number, body: Buffer): Buffer => Buffer.concat([Buffer.from([type]), sized(body)]);
  const hello = Buffer.from([3, 3, ...Buffer.alloc(32, 7), 0, 0, 0x2f, 0]);
  const chain = sized(sized(new X509Certificate(certificate).raw));
  const flight = Buffer.concat([message(2, hello), message(11, chain), message(14, Buffer.alloc(0))]);
  return Buffer.concat([Buffer.from([22, 3, 3, flight.length >> 8, flight.length & 0xff]), flight]);
}
