/** CloudWatch clients of the API harness. */
import { CloudWatchClient, type CloudWatchClientConfig } from '@aws-sdk/client-cloudwatch';
import { AwsQueryProtocol } from '@aws-sdk/core/protocols';
import { SmithyRpcV2CborProtocol } from '@smithy/core/cbor';
import { KEY } from './api.ts';

/** JSON is what the SDK speaks by itself; it carries the other two. */
const CONFIGURATIONS: Readonly<Record<string, Pick<CloudWatchClientConfig, 'protocol'>>> = {
  JSON: {},
  CBOR: { protocol: SmithyRpcV2CborProtocol },
  Query: { protocol: AwsQueryProtocol },
};
export const PROTOCOLS = Object.keys(CONFIGURATIONS);

/** For the caller to destroy. */
export function cloudWatchClient(endpoint: string, protocol: string, credentials = KEY): CloudWatchClient {
  const common = { endpoint, region: 'us-east-1', credentials, maxAttempts: 1 };
  return new CloudWatchClient({ ...common, ...CONFIGURATIONS[protocol] });
}
