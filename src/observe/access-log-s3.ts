/** An S3-compatible service as the place that access logs are delivered to. Its client is loaded when it is needed first. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import type { AwsKey, S3Endpoint } from '../model/configuration.ts';
import type { LogStore } from './access-log-delivery.ts';
import { splitKey } from './access-log-names.ts';

/** `key` is asked before each delivery: keys that expire are replaced by others. It throws where there is none. */
export function s3Store(endpoint: S3Endpoint, key: () => AwsKey): LogStore {
  const client = lazyClient(endpoint, key);
  return {
    name: `S3 at ${endpoint.url}`,
    async put(path, file, signal) {
      const { bucket, object } = splitKey(path);
      const { size } = await stat(file);
      const { PutObjectCommand } = await import('@aws-sdk/client-s3');
      // What becomes of the file while it is read shows in the answer.
      const body = createReadStream(file).on('error', () => undefined);
      const command = new PutObjectCommand({
        Bucket: bucket,
        Key: object,
        Body: body,
        ContentLength: size,
        ContentType: 'text/plain',
      });
      try {
        await (await client()).send(command, { abortSignal: signal });
      } catch (error) {
        throw new Error(describe(error), { cause: error });
      } finally {
        body.destroy();
      }
    },
  };
}

/** What the client has to say is in its errors. */
const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/** The client for the key that is valid now. */
function lazyClient(endpoint: S3Endpoint, key: () => AwsKey): () => Promise<S3Client> {
  let made: { readonly client: S3Client; readonly secret: string } | undefined;
  return async () => {
    const credentials = key();
    const secret = JSON.stringify(credentials);
    if (made?.secret === secret) return made.client;
    const { S3Client } = await import('@aws-sdk/client-s3');
    made?.client.destroy();
    const client = new S3Client({
      endpoint: endpoint.url,
      region: endpoint.region,
      forcePathStyle: endpoint.pathStyle,
      credentials,
      // The delivery has its own patience.
      maxAttempts: 1,
      logger: SILENT,
      // Trailing checksums are more than many compatible services know.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
    made = { client, secret };
    return client;
  };
}

/** `NoSuchBucket: The specified bucket does not exist`, `ECONNREFUSED 127.0.0.1:9000`. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && error.errors.length > 0) return describe(error.errors[0]);
  if (error.name === 'AbortError') return 'no answer in time';
  const { message } = error;
  if (message === '' || message === 'UnknownError') return `it answered with an error (${error.name})`;
  return error.name === 'Error' || message.includes(error.name) ? message : `${error.name}: ${message}`;
}
