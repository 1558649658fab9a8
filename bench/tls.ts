/**
 * What all peers do when it is about TLS: version, ciphers, curve and certificates are the same, or speed would be that of
 * another algorithm. They are what most clients agree on with the default policy of a Classic Load Balancer.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { systemClock } from '../src/kit/clock.ts';
import { systemRandom } from '../src/kit/random.ts';
import { issueCertificate } from '../src/model/certificate-issue.ts';
import type { Addresses } from './addresses.ts';

export type KeyKind = 'ecdsa' | 'rsa';
export const KEY_KINDS: readonly KeyKind[] = ['ecdsa', 'rsa'];

export const HTTPS_PORTS: Readonly<Record<KeyKind, number>> = { ecdsa: 8443, rsa: 8444 };
export const TLS_VERSION = 'TLSv1.2';
export const TLS_CIPHERS: Readonly<Record<KeyKind, string>> = {
  ecdsa: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  rsa: 'ECDHE-RSA-AES128-GCM-SHA256',
};
/** Of the key exchange; offered as the only one by the client of the handshakes. */
export const TLS_CURVE = 'P-256';

const DAY_MS = 86_400_000;

/** A self-signed certificate and its key, in PEM. */
export interface BenchCertificate {
  readonly certificate: string;
  readonly privateKey: string;
}

export type BenchCertificates = Readonly<Record<KeyKind, BenchCertificate>>;

/** ECDSA with P-256, and RSA with 2048 bits. */
export function makeCertificates(): BenchCertificates {
  return {
    ecdsa: selfSigned(generateKeyPairSync('ec', { namedCurve: 'prime256v1' })),
    rsa: selfSigned(generateKeyPairSync('rsa', { modulusLength: 2048 })),
  };
}

function selfSigned({ publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject }): BenchCertificate {
  const commonName = 'bench.example.test';
  const nowMs = systemClock.epochMs();
  const certificate = issueCertificate({
    commonName,
    domainNames: [commonName],
    publicKey,
    issuerCommonName: commonName,
    signingKey: privateKey,
    serial: systemRandom.bytes(16),
    notBeforeMs: nowMs - DAY_MS,
    notAfterMs: nowMs + 365 * DAY_MS,
  });
  return { certificate: `${certificate}\n`, privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) };
}

export function httpsUrl(addresses: Addresses, kind: KeyKind, path: string): string {
  return `https://${addresses.front}:${HTTPS_PORTS[kind]}${path}`;
}

/** Fails unless the peer agrees on what is compared, in two handshakes of which the second resumes the first. */
export async function checkSameHandshakes(label: string, addresses: Addresses): Promise<void> {
  for (const kind of KEY_KINDS) {
    const first = await handshake(addresses, kind);
    const session = first.getSession();
    first.destroy();
    const second = await handshake(addresses, kind, session);
    const resumed = second.isSessionReused() ? 'resumed' : 'not resumed';
    const seen = `${second.getProtocol()} ${second.getCipher().name}, ${resumed}`;
    second.destroy();
    const wanted = `${TLS_VERSION} ${TLS_CIPHERS[kind]}, resumed`;
    if (seen !== wanted) throw new Error(`${label}: a handshake (${kind}) agreed on ${seen}; expected ${wanted}`);
  }
}

async function handshake({ front }: Addresses, kind: KeyKind, session?: Buffer): Promise<TLSSocket> {
  const to = { host: front, port: HTTPS_PORTS[kind], rejectUnauthorized: false };
  const socket = connect({ ...to, ...(session === undefined ? {} : { session }) });
  await once(socket, 'secureConnect');
  return socket;
}
