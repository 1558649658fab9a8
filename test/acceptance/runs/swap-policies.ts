/** The policy of an HTTPS listener is swapped every second under load, and then its certificate. */
import {
  CreateLoadBalancerListenersCommand,
  CreateLoadBalancerPolicyCommand,
  SetLoadBalancerListenerSSLCertificateCommand,
  SetLoadBalancerPoliciesOfListenerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import { IAMClient, UploadServerCertificateCommand } from '@aws-sdk/client-iam';
import { HTTP_PORT } from '../../../bench/addresses.ts';
import { HTTPS_PORTS, KEY_KINDS, makeCertificates, TLS_CIPHERS } from '../../../bench/tls.ts';
import { present } from '../../../src/kit/assert.ts';
import { systemClock } from '../../../src/kit/clock.ts';
import { Timeline, TlsLoad } from '../../support/tls-load.ts';
import { seconds } from '../figures.ts';
import { lastFor, type AcceptanceRun, type Lab } from '../lab.ts';
import { NGINX_PORT, startNginx } from '../servers.ts';
import { WeirUnderTest } from '../weir.ts';

const NAME = 'swapped';
const PORT = HTTPS_PORTS.ecdsa;
const SWAP_EVERY_MS = 1000;
const POLICY_SWAPS = 60;
const CERTIFICATE_SWAPS = 30;
const CLIENTS_OF_EACH_KIND = 4;
/** Of the specification: a change serves new connections within that time. */
const IN_FORCE_MS = 1000;
const SHOWN = 10;
/** With the ECDSA certificate: one cipher each. */
const POLICIES = [
  { name: 'first', cipher: TLS_CIPHERS.ecdsa },
  { name: 'second', cipher: 'ECDHE-ECDSA-AES256-GCM-SHA384' },
] as const;

export const swapPolicies: AcceptanceRun = {
  name: 'swap-policies',
  about: 'policies and certificates are swapped every second under load; each handshake agrees on what is in force',
  needs: ['nginx'],
  limitSeconds: 180,
  async run(lab) {
    const { backends } = lab.addresses;
    await startNginx(lab, 'both', backends);
    const weir = await WeirUnderTest.start(lab);
    await weir.create({
      name: NAME,
      listeners: [{ protocol: 'HTTP', port: HTTP_PORT, instancePort: NGINX_PORT }],
      instances: backends,
      healthCheck: { Target: `TCP:${NGINX_PORT}`, Interval: 5, Timeout: 2, HealthyThreshold: 2, UnhealthyThreshold: 2 },
    });
    const certificates = await uploadCertificates(weir);
    await addListener(weir, present(certificates[0], 'the first certificate'));
    await swapUnderLoad(lab, {
      what: 'policies',
      ciphers: POLICIES.map(({ cipher }) => cipher),
      swaps: POLICY_SWAPS,
      swap: (index) => setPolicy(weir, POLICIES[index]?.name),
    });
    // The default policy has a cipher for each kind of key.
    await setPolicy(weir, undefined);
    await swapUnderLoad(lab, {
      what: 'certificates',
      ciphers: KEY_KINDS.map((kind) => TLS_CIPHERS[kind]),
      swaps: CERTIFICATE_SWAPS,
      swap: (index) => setCertificate(weir, present(certificates[index], 'a certificate')),
    });
    await weir.demandSoundEnd(lab);
  },
};

interface Swapping {
  readonly what: string;
  /** What a handshake agrees on with the first, and with the second. */
  readonly ciphers: readonly string[];
  readonly swaps: number;
  /** Sets the first or the second in force, through the API. */
  readonly swap: (index: number) => Promise<unknown>;
}

async function swapUnderLoad(lab: Lab, { what, ciphers, swaps, swap }: Swapping): Promise<void> {
  const timeline = new Timeline();
  const set = (index: number): Promise<number> => timeline.swap(present(ciphers[index], 'a cipher'), () => swap(index));
  await set(0);
  const load = new TlsLoad({ host: lab.addresses.front, port: PORT, ciphers, clients: CLIENTS_OF_EACH_KIND });
  let slowestMs = 0;
  for (let each = 1; each <= swaps; each++) {
    const nextMs = systemClock.monotonicMs() + SWAP_EVERY_MS;
    slowestMs = Math.max(slowestMs, await set(each % 2));
    await lastFor(Math.max(0, nextMs - systemClock.monotonicMs()));
  }
  await load.stop();
  demand(lab, what, load, timeline);
  const { figures } = lab;
  figures.note(`${what}: swaps`, swaps);
  const inTime = slowestMs <= IN_FORCE_MS;
  figures.demand(`${what}: in force after, at most`, seconds(slowestMs), `<= ${seconds(IN_FORCE_MS)}`, inTime);
}

function demand(lab: Lab, what: string, load: TlsLoad, timeline: Timeline): void {
  const { figures } = lab;
  for (const [kind, count] of load.answered) figures.demand(`${what}: ${kind}`, count, '> 0', count > 0);
  const { refused, resumed } = load;
  figures.demand(`${what}: handshakes with nothing in common with what is in force`, refused, '> 0', refused > 0);
  figures.demand(`${what}: resumed handshakes`, resumed, '> 0', resumed > 0);
  const wrong = load.wrong(timeline);
  for (const line of wrong.slice(0, SHOWN)) lab.say(line);
  figures.demand(`${what}: handshakes that agreed on what is not in force`, wrong.length, '0', wrong.length === 0);
  const failed = [...load.failures.values()].reduce((sum, count) => sum + count, 0);
  for (const [failure, count] of load.failures) lab.say(`${count} × ${failure}`);
  figures.demand(`${what}: failed requests`, failed, '0', failed === 0);
}

/** ARNs: ECDSA, then RSA. */
async function uploadCertificates({ client, endpoint }: WeirUnderTest): Promise<string[]> {
  const { region, credentials } = client.config;
  const iam = new IAMClient({ endpoint, region, credentials, maxAttempts: 1 });
  const made = makeCertificates();
  const arns: string[] = [];
  for (const kind of KEY_KINDS) {
    const { certificate: CertificateBody, privateKey: PrivateKey } = made[kind];
    const input = { ServerCertificateName: kind, CertificateBody, PrivateKey };
    const { ServerCertificateMetadata } = await iam.send(new UploadServerCertificateCommand(input));
    arns.push(present(ServerCertificateMetadata?.Arn, 'the ARN of the certificate'));
  }
  iam.destroy();
  return arns;
}

async function addListener({ client }: WeirUnderTest, SSLCertificateId: string): Promise<void> {
  const LoadBalancerName = NAME;
  for (const { name, cipher } of POLICIES) {
    const attributes = ['Protocol-TLSv1.2', 'Server-Defined-Cipher-Order', cipher];
    await client.send(
      new CreateLoadBalancerPolicyCommand({
        LoadBalancerName,
        PolicyName: name,
        PolicyTypeName: 'SSLNegotiationPolicyType',
        PolicyAttributes: attributes.map((AttributeName) => ({ AttributeName, AttributeValue: 'true' })),
      }),
    );
  }
  const ports = { LoadBalancerPort: PORT, InstancePort: NGINX_PORT };
  const listener = { Protocol: 'HTTPS', InstanceProtocol: 'HTTP', SSLCertificateId, ...ports };
  await client.send(new CreateLoadBalancerListenersCommand({ LoadBalancerName, Listeners: [listener] }));
}

/** Undefined: none, so that the default one is in force. */
function setPolicy({ client }: WeirUnderTest, name: string | undefined): Promise<unknown> {
  const PolicyNames = name === undefined ? [] : [name];
  return client.send(
    new SetLoadBalancerPoliciesOfListenerCommand({ LoadBalancerName: NAME, LoadBalancerPort: PORT, PolicyNames }),
  );
}

function setCertificate({ client }: WeirUnderTest, SSLCertificateId: string): Promise<unknown> {
  return client.send(
    new SetLoadBalancerListenerSSLCertificateCommand({
      LoadBalancerName: NAME,
      LoadBalancerPort: PORT,
      SSLCertificateId,
    }),
  );
}
