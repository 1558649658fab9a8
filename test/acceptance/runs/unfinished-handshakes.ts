/** Clients that stop somewhere within their TLS handshake: what weir holds for each byte that they have sent, wherever that is. */
import { once } from 'node:events';
import { connect } from 'node:tls';
import {
  CreateLoadBalancerPolicyCommand,
  SetLoadBalancerPoliciesOfListenerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import { HTTP_PORT } from '../../../bench/addresses.ts';
import { helloHeader, inRecords, smallestHello } from '../../support/hellos.ts';
import { issue } from '../../support/issued.ts';
import { clientHello } from '../../support/tls.ts';
import { renderTable } from '../figures.ts';
import { Flood, wireBytes, type FloodFigures } from '../flood.ts';
import { lastFor, type AcceptanceRun, type Lab } from '../lab.ts';
import { peakWhile } from '../memory.ts';
import { NGINX_PORT, startNginx } from '../servers.ts';
import { WeirUnderTest } from '../weir.ts';

const THREADS = 2;
const NAME = 'web';
const HTTPS_PORT = HTTP_PORT + 363;
/** It offers TLS 1.3 too. */
const TLS13_PORT = HTTP_PORT + 364;
const CIPHER = 'ECDHE-RSA-AES128-GCM-SHA256';
/** Of each kind, and how fast they come: all are there before the first of them runs out of time. */
const CLIENTS = 8000;
const PER_SECOND = 3000;
/** Before anything is measured: code is compiled, and pools are filled. */
const WARM_UP = 300;
/** Until everything that was sent has been read. */
const SETTLE_MS = 2000;
const MAX_AMPLIFICATION = 100;

interface Stop {
  readonly name: string;
  readonly first: Buffer;
  readonly port?: number;
}

async function stops(): Promise<readonly Stop[]> {
  const tls12 = await clientHello({ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' });
  const tls13 = await clientHello({ ecdhCurve: 'X25519' });
  return [
    { name: 'nothing', first: Buffer.alloc(0) },
    { name: 'a byte', first: Buffer.from([22]) },
    { name: 'what announces a record', first: Buffer.from([22, 3, 1, 2, 0]) },
    { name: 'what announces a hello of 128 KB', first: inRecords(helloHeader(131_072), 4) },
    { name: 'a hello but for its last byte', first: tls13.subarray(0, -1) },
    { name: 'the smallest hello there is', first: smallestHello() },
    { name: 'a hello of TLS 1.2', first: tls12 },
    { name: 'a hello of TLS 1.3, X25519', first: tls13, port: TLS13_PORT },
    { name: 'a hello of TLS 1.3, X25519MLKEM768', first: await clientHello(), port: TLS13_PORT },
  ];
}

export const unfinishedHandshakes: AcceptanceRun = {
  name: 'unfinished-handshakes',
  about: `${CLIENTS} clients that stop within their TLS handshake, at each point of it: bytes held for each byte sent`,
  needs: ['nginx', 'chrt'],
  limitSeconds: 420,
  async run(lab) {
    const [instance = ''] = lab.addresses.backends;
    await startNginx(lab, 'one', [instance]);
    const rows: string[][] = [];
    const worst: number[] = [];
    for (const stop of await stops()) {
      lab.say(stop.name);
      const { flood, heldBytes } = await endure(lab, instance, stop);
      const amplification = heldBytes / wireBytes(flood);
      worst.push(amplification);
      const { connected } = flood;
      const left = connected - flood.ended;
      const held = `${(heldBytes / left / 1024).toFixed(1)} KB`;
      const sent = (wireBytes(flood) / connected).toFixed(0);
      rows.push([stop.name, String(stop.first.length), sent, String(left), held, amplification.toFixed(1)]);
      lab.figures.demand(`${stop.name}: clients`, connected, String(CLIENTS), connected === CLIENTS);
    }
    lab.figures.attach(
      renderTable(
        ['sent', 'bytes', 'on the wire', 'not ended by weir', 'held for each', 'per byte sent by all'],
        rows,
        [1, 2, 3, 4, 5],
      ),
    );
    const most = Math.max(...worst);
    const bound = `< ${MAX_AMPLIFICATION}`;
    lab.figures.demand('worst amplification', most.toFixed(1), bound, most < MAX_AMPLIFICATION);
  },
};

/** A weir of its own for each: one that has held much before has memory that is used again, and would look better. */
async function endure(
  lab: Lab,
  instance: string,
  { name, first, port = HTTPS_PORT }: Stop,
): Promise<{ readonly flood: FloodFigures; readonly heldBytes: number }> {
  const weir = await WeirUnderTest.start(lab, { name: name.replaceAll(' ', '-'), threads: THREADS });
  await create(weir, instance);
  const { front: host, sources } = lab.addresses;
  await warmUp(host, port);
  const startBytes = weir.residentBytes;
  const plan = { host, port, sources, count: CLIENTS, ratePerSecond: PER_SECOND, first: first.toString('base64') };
  const crowd = await Flood.start(lab, plan);
  const { peakBytes } = await peakWhile(weir, async () => {
    await crowd.gathered();
    await lastFor(SETTLE_MS);
  });
  const flood = await crowd.end();
  await weir.demandSoundEnd(lab);
  return { flood, heldBytes: Math.max(0, peakBytes - startBytes) };
}

async function create(weir: WeirUnderTest, instance: string): Promise<void> {
  const certificate = await weir.importCertificate(issue({ key: 'rsa-2048' }));
  const https = { protocol: 'HTTPS', instancePort: NGINX_PORT, certificate } as const;
  await weir.create({
    name: NAME,
    listeners: [
      { ...https, port: HTTPS_PORT },
      { ...https, port: TLS13_PORT },
    ],
    instances: [instance],
    healthCheck: { Target: `TCP:${NGINX_PORT}`, Interval: 5, Timeout: 4, HealthyThreshold: 2, UnhealthyThreshold: 10 },
  });
  const policy = { LoadBalancerName: NAME, PolicyName: 'tls13' };
  const names = ['Protocol-TLSv1.2', 'Protocol-TLSv1.3', 'Server-Defined-Cipher-Order', CIPHER];
  const PolicyAttributes = names.map((AttributeName) => ({ AttributeName, AttributeValue: 'true' }));
  const PolicyTypeName = 'SSLNegotiationPolicyType';
  await weir.client.send(new CreateLoadBalancerPolicyCommand({ ...policy, PolicyTypeName, PolicyAttributes }));
  const listener = { LoadBalancerName: NAME, LoadBalancerPort: TLS13_PORT, PolicyNames: ['tls13'] };
  await weir.client.send(new SetLoadBalancerPoliciesOfListenerCommand(listener));
}

async function warmUp(host: string, port: number): Promise<void> {
  for (let each = 0; each < WARM_UP; each++) {
    const socket = connect({ host, port, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    socket.destroy();
    await once(socket, 'close');
  }
}
