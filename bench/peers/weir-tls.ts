/** HTTPS listeners of the weir that is measured: certificates through the IAM API, the default policy. */
import {
  CreateLoadBalancerListenersCommand,
  type ElasticLoadBalancingClient,
} from '@aws-sdk/client-elastic-load-balancing';
import { IAMClient, UploadServerCertificateCommand } from '@aws-sdk/client-iam';
import { present } from '../../src/kit/assert.ts';
import { BACKEND_PORT } from '../addresses.ts';
import { HTTPS_PORTS, KEY_KINDS, type BenchCertificates } from '../tls.ts';

/** Uploads the certificates and adds a listener for each to `loadBalancer`; `client` says where and who. */
export async function addHttpsListeners(
  client: ElasticLoadBalancingClient,
  endpoint: string,
  loadBalancer: string,
  certificates: BenchCertificates,
): Promise<void> {
  const { region, credentials } = client.config;
  const iam = new IAMClient({ endpoint, region, credentials, maxAttempts: 1 });
  try {
    for (const kind of KEY_KINDS) {
      const { certificate, privateKey } = certificates[kind];
      const uploaded = await iam.send(
        new UploadServerCertificateCommand({
          ServerCertificateName: `bench-${kind}`,
          CertificateBody: certificate,
          PrivateKey: privateKey,
        }),
      );
      const listener = {
        Protocol: 'HTTPS',
        LoadBalancerPort: HTTPS_PORTS[kind],
        InstanceProtocol: 'HTTP',
        InstancePort: BACKEND_PORT,
        SSLCertificateId: present(uploaded.ServerCertificateMetadata?.Arn, 'the ARN of the certificate'),
      };
      await client.send(
        new CreateLoadBalancerListenersCommand({ LoadBalancerName: loadBalancer, Listeners: [listener] }),
      );
    }
  } finally {
    iam.destroy();
  }
}
