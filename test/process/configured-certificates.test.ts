/** A certificate of the configuration file, from the file to the handshake, in a weir in this process. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { connect } from 'node:tls';
import { CreateLoadBalancerCommand, ElasticLoadBalancingClient } from '@aws-sdk/client-elastic-load-balancing';
import { DeleteServerCertificateCommand, IAMClient, ListServerCertificatesCommand } from '@aws-sdk/client-iam';
import { loadConfiguration } from '../../src/cli/configuration.ts';
import { startWeir } from '../../src/cli/serve.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { systemRandom } from '../../src/kit/random.ts';
import { KEY } from '../support/api.ts';
import { issue, type Issued } from '../support/issued.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const ARN = 'arn:aws:iam::000000000000:server-certificate/shop';

function fingerprintServedAt(host: string, test: TestContext): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: 8443, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()!.fingerprint256);
      socket.destroy();
    });
    socket.on('error', reject);
    test.after(() => socket.destroy());
  });
}

it('a listener serves the certificate of the configuration file, and another one after SIGHUP', async (test) => {
  const dataDir = temporaryDirectory(test);
  const [one, other] = [issue(), issue()];
  const put = ({ certificate, privateKey }: Issued): void => {
    writeFileSync(join(dataDir, 'shop.pem'), certificate);
    writeFileSync(join(dataDir, 'shop.key'), privateKey);
  };
  put(one);
  const file = join(dataDir, 'weir.yaml');
  writeFileSync(
    file,
    `dataDir: ${dataDir}\napi: 127.0.0.1:0\naddresses: 127.44.0.0/24\nthreads: 1\nlog: {level: silent}\ncertificates:
  ${ARN}: {certificate: ${dataDir}/shop.pem, privateKey: ${dataDir}/shop.key}\n`,
  );
  const environment = { WEIR_ACCESS_KEY_ID: KEY.accessKeyId, WEIR_SECRET_ACCESS_KEY: KEY.secretAccessKey };
  const configure = () => loadConfiguration(file, {}, {});
  const weir = await startWeir({ configure, environment, clock: systemClock, random: systemRandom });
  test.after(() => weir.stop(0));
  const client = { endpoint: weir.endpoint, region: 'us-east-1', credentials: KEY, maxAttempts: 1 };
  const [elb, iam] = [new ElasticLoadBalancingClient(client), new IAMClient(client)];
  test.after(() => [elb, iam].forEach((each) => each.destroy()));
  const listener = { Protocol: 'HTTPS', LoadBalancerPort: 8443, InstancePort: 80, SSLCertificateId: ARN };
  await elb.send(
    new CreateLoadBalancerCommand({
      LoadBalancerName: 'shop',
      Listeners: [{ ...listener, InstanceProtocol: 'HTTP' }],
      AvailabilityZones: ['us-east-1a'],
    }),
  );
  const { address } = weir.store.view().list('load-balancer')[0]!;
  assert.equal(await fingerprintServedAt(address, test), new X509Certificate(one.certificate).fingerprint256);

  put(other);
  await weir.reload();
  assert.ok(await weir.control.applied(weir.store.view().revision, 5000));
  assert.equal(await fingerprintServedAt(address, test), new X509Certificate(other.certificate).fingerprint256);

  const listed = await iam.send(new ListServerCertificatesCommand({}));
  assert.deepEqual(
    listed.ServerCertificateMetadataList?.map(({ Arn }) => Arn),
    [ARN],
  );
  const remove = iam.send(new DeleteServerCertificateCommand({ ServerCertificateName: 'shop' }));
  await assert.rejects(remove, { name: 'AccessDenied', message: /stands in the configuration file/ });
});
