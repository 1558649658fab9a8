/** Private keys at rest, from one start of the program to the next. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { IAMClient, UploadServerCertificateCommand } from '@aws-sdk/client-iam';
import { issue } from '../support/issued.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { WeirProcess } from '../support/weir-process.ts';

const KEY = { accessKeyId: 'AKIAWEIRTEST', secretAccessKey: 'secret' };
const KEY_ENVIRONMENT = { WEIR_ACCESS_KEY_ID: KEY.accessKeyId, WEIR_SECRET_ACCESS_KEY: KEY.secretAccessKey };

function masterKeyFile(test: TestContext, byte: number): string {
  const path = join(temporaryDirectory(test), 'master-key');
  writeFileSync(path, Buffer.alloc(32, byte));
  chmodSync(path, 0o600);
  return path;
}

function start(test: TestContext, dataDir: string, masterKey?: string): WeirProcess {
  const master = masterKey === undefined ? {} : { WEIR_MASTER_KEY_FILE: masterKey };
  return new WeirProcess(test, { dataDir, environment: { ...KEY_ENVIRONMENT, ...master } });
}

async function end(weir: WeirProcess): Promise<void> {
  weir.child.kill('SIGTERM');
  assert.equal((await weir.exited).code, 0);
}

describe('private keys at rest', () => {
  it('are sealed once a master key is given, and then the start demands that key', async (test) => {
    const dataDir = temporaryDirectory(test);
    const stored = () => readFileSync(join(dataDir, 'state.db'), 'latin1');
    const { certificate, privateKey } = issue();
    const open = start(test, dataDir);
    const iam = new IAMClient({ endpoint: await open.ready(), region: 'us-east-1', credentials: KEY });
    const input = { ServerCertificateName: 'web', CertificateBody: certificate, PrivateKey: privateKey };
    await iam.send(new UploadServerCertificateCommand(input));
    iam.destroy();
    await end(open);
    assert.match(stored(), /"sealedKey":"plain:/);

    const masterKey = masterKeyFile(test, 1);
    const sealed = start(test, dataDir, masterKey);
    await sealed.ready();
    await end(sealed);
    assert.match(stored(), /"sealedKey":"aes-256-gcm:/);

    for (const wrong of [undefined, masterKeyFile(test, 2)]) {
      const refused = start(test, dataDir, wrong);
      assert.equal((await refused.exited).code, 1);
      const message =
        /^weir: the private key of the certificate arn:aws:iam::\d+:server-certificate\/web cannot be opened: it is/;
      assert.match(refused.stderr, message);
    }
    await start(test, dataDir, masterKey).ready();
  });
});
