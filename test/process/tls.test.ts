/** HTTPS of the whole program, with two traffic threads: what a change means for the next connection, wherever it lands. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import {
  CreateLoadBalancerCommand,
  CreateLoadBalancerPolicyCommand,
  RegisterInstancesWithLoadBalancerCommand,
  SetLoadBalancerListenerSSLCertificateCommand,
  SetLoadBalancerPoliciesOfListenerCommand,
  type ElasticLoadBalancingClient,
} from '@aws-sdk/client-elastic-load-balancing';
import { IAMClient, UploadServerCertificateCommand } from '@aws-sdk/client-iam';
import { present } from '../../src/kit/assert.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { readMessage } from '../support/http-reader.ts';
import { issue } from '../support/issued.ts';
import { namedBackend } from '../support/named-backend.ts';
import { dialTls, type TlsPeer } from '../support/tls.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const [OLD, NEW] = [issue({ commonName: 'old.example.test' }), issue({ commonName: 'new.example.test' })];
const CIPHERS = ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384'] as const;
const GET = 'GET / HTTP/1.1\r\nHost: www.example.test\r\n\r\n';
const NAME = 'secure';
/** So many that both threads get some: the kernel deals them out by their ports. */
const CONNECTIONS = 24;
const IN_FORCE_MS = 1000;

interface Site {
  readonly weir: WeirProcess;
  readonly client: ElasticLoadBalancingClient;
  readonly port: number;
  /** ARNs of {@link OLD} and {@link NEW}. */
  readonly certificates: readonly [string, string];
}

/** A weir with two threads and an HTTPS listener that shows {@link OLD}, in front of one instance that serves. */
async function start(test: TestContext): Promise<Site> {
  const backend = await namedBackend(test, 'one');
  const weir = new WeirProcess(test, { flags: ['--threads', '2'] });
  await weir.ready();
  const client = await weir.client();
  const certificates = await upload(weir, client);
  const port = await freePort();
  const ports = { LoadBalancerPort: port, InstancePort: 80 };
  const listener = { Protocol: 'HTTPS', InstanceProtocol: 'HTTP', SSLCertificateId: certificates[0], ...ports };
  const where = { LoadBalancerName: NAME, Listeners: [listener], AvailabilityZones: ['us-east-1a'] };
  await client.send(new CreateLoadBalancerCommand(where));
  const Instances = [{ InstanceId: backend.instanceId }];
  await client.send(new RegisterInstancesWithLoadBalancerCommand({ LoadBalancerName: NAME, Instances }));
  await weir.until('an instance in service', async () => {
    const peer = await dialTls(port);
    peer.send(GET);
    const { startLine } = await readMessage(peer);
    peer.socket.destroy();
    return startLine === 'HTTP/1.1 200 OK' ? true : undefined;
  });
  return { weir, client, port, certificates };
}

async function upload(weir: WeirProcess, client: ElasticLoadBalancingClient): Promise<[string, string]> {
  const { credentials, region } = client.config;
  const iam = new IAMClient({ endpoint: await weir.endpoint(), region, credentials });
  const arnOf = async (ServerCertificateName: string, { certificate, privateKey }: typeof OLD): Promise<string> => {
    const input = { ServerCertificateName, CertificateBody: certificate, PrivateKey: privateKey };
    const { ServerCertificateMetadata } = await iam.send(new UploadServerCertificateCommand(input));
    return present(ServerCertificateMetadata?.Arn, 'an ARN');
  };
  const arns: [string, string] = [await arnOf('old', OLD), await arnOf('new', NEW)];
  iam.destroy();
  return arns;
}

async function ask(client: TlsPeer): Promise<void> {
  client.send(GET);
  assert.equal((await readMessage(client)).body, 'one');
}

/** What each of many new connections, all at once, was given. */
async function seenBy<T>(port: number, look: (client: TlsPeer) => T, session?: Buffer): Promise<Set<T>> {
  const resume = session === undefined ? {} : { session };
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => dialTls(port, resume)));
  await Promise.all(clients.map(ask));
  const seen = new Set(clients.map(look));
  for (const { tls } of clients) tls.destroy();
  return seen;
}

const resumed = ({ tls }: TlsPeer) => tls.isSessionReused();
const cipher = ({ tls }: TlsPeer) => tls.getCipher().name;
const subject = ({ tls }: TlsPeer) => tls.getPeerX509Certificate()?.subject;

describe('HTTPS with two threads', () => {
  it('has a changed certificate and policy in force when the call returns, on every thread, within a second', async (test) => {
    const { client, port, certificates } = await start(test);
    const where = { LoadBalancerName: NAME, LoadBalancerPort: port };
    const kept = await dialTls(port);
    await ask(kept);
    const tookMs: number[] = [];
    const timed = async (call: () => Promise<unknown>): Promise<void> => {
      const startMs = systemClock.monotonicMs();
      await call();
      tookMs.push(systemClock.monotonicMs() - startMs);
    };
    for (const [name, index] of [
      ['new', 1],
      ['old', 0],
    ] as const) {
      const change = { ...where, SSLCertificateId: certificates[index] };
      await timed(() => client.send(new SetLoadBalancerListenerSSLCertificateCommand(change)));
      assert.deepEqual(await seenBy(port, subject), new Set([`CN=${name}.example.test`]));
      const policy = {
        LoadBalancerName: NAME,
        PolicyName: name,
        PolicyTypeName: 'SSLNegotiationPolicyType',
        PolicyAttributes: ['Protocol-TLSv1.2', CIPHERS[index]].map((AttributeName) => ({
          AttributeName,
          AttributeValue: 'true',
        })),
      };
      await client.send(new CreateLoadBalancerPolicyCommand(policy));
      const set = { ...where, PolicyNames: [name] };
      await timed(() => client.send(new SetLoadBalancerPoliciesOfListenerCommand(set)));
      assert.deepEqual(await seenBy(port, cipher), new Set([CIPHERS[index]]));
      await ask(kept);
    }
    test.diagnostic(`calls took ${tookMs.map((ms) => ms.toFixed(0)).join(', ')} ms`);
    // One of them may have met a machine that was busy.
    assert.ok(Math.min(...tookMs) <= IN_FORCE_MS);
    assert.equal(cipher(kept), CIPHERS[0], 'what was up before goes on as it was');
  });

  it('resumes sessions on either thread, after a restart too, and none of what has been replaced', async (test) => {
    const { weir, client, port, certificates } = await start(test);
    const first = await dialTls(port);
    const session = first.tls.getSession()!;
    await ask(first);
    assert.deepEqual(await seenBy(port, resumed, session), new Set([true]));
    const change = { LoadBalancerName: NAME, LoadBalancerPort: port, SSLCertificateId: certificates[1] };
    await client.send(new SetLoadBalancerListenerSSLCertificateCommand(change));
    assert.deepEqual(await seenBy(port, resumed, session), new Set([false]));
    assert.deepEqual(await seenBy(port, subject, session), new Set(['CN=new.example.test']));
    const second = await dialTls(port);
    const later = second.tls.getSession()!;
    await ask(second);
    weir.child.kill('SIGTERM');
    second.tls.destroy();
    assert.equal((await weir.exited).code, 0);
    const again = new WeirProcess(test, { dataDir: weir.dataDir, flags: ['--threads', '2'] });
    await again.ready();
    await again.until('an instance in service', async () => {
      const probe = await dialTls(port);
      probe.send(GET);
      const { startLine } = await readMessage(probe);
      probe.tls.destroy();
      return startLine === 'HTTP/1.1 200 OK' ? true : undefined;
    });
    assert.deepEqual(await seenBy(port, resumed, later), new Set([true]));
  });

  it('tells in its metrics of handshakes, resumed or not, and how long certificates are valid', async (test) => {
    const { weir, port, certificates } = await start(test);
    const first = await dialTls(port);
    const session = first.tls.getSession()!;
    await ask(first);
    const metric = async (series: string): Promise<number> => {
      const text = await (await fetch(`${await weir.endpoint()}/metrics`)).text();
      const line = text.split('\n').find((each) => each.startsWith(`${series} `));
      return Number(present(line, `a line of ${series}`).slice(series.length));
    };
    const resumedHandshakes = (yes: boolean): Promise<number> =>
      metric(
        `weir_tls_handshakes_total{load_balancer="${NAME}",version="TLSv1.2",cipher="${CIPHERS[0]}",resumed="${yes}"}`,
      );
    const full = await resumedHandshakes(false);
    await seenBy(port, resumed, session);
    assert.equal(await resumedHandshakes(true), CONNECTIONS);
    assert.equal(await resumedHandshakes(false), full);
    for (const [index, issued] of [OLD, NEW].entries()) {
      const left = await metric(`weir_certificate_expiry_seconds{certificate="${certificates[index]}"}`);
      const validTo = new X509Certificate(issued.certificate).validToDate.getTime();
      assert.ok(Math.abs(left - (validTo - systemClock.epochMs()) / 1000) < 60);
    }
  });
});
