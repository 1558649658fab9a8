import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { sampleCertificate } from '../../test/support/issued.ts';
import { SeededRandom, systemRandom } from '../kit/random.ts';
import { createMemoryStore } from './memory.ts';
import { adoptSecrets } from './secrets-at-start.ts';
import { readMasterKey } from './secrets-file.ts';
import { createSecrets, SecretsError } from './secrets.ts';
import { certificateChange } from './store.ts';

const key = new SeededRandom(1).bytes(32);
const plain = createSecrets(systemRandom, undefined);
const encrypted = createSecrets(systemRandom, key);
const other = createSecrets(systemRandom, new SeededRandom(2).bytes(32));

describe('a sealed secret', () => {
  it('opens for its context, with its master key', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (secret, context) => {
        for (const secrets of [plain, encrypted])
          assert.equal(secrets.open(secrets.seal(secret, context), context), secret);
        assert.equal(encrypted.open(plain.seal(secret, context), context), secret);
      }),
    );
  });

  it('tells nothing, and is another one each time', () => {
    const [one, two] = [encrypted.seal('a private key', 'c'), encrypted.seal('a private key', 'c')];
    assert.notEqual(one, two);
    assert.match(one, /^aes-256-gcm:[0-9a-f]{12}:[\w-]{16}:[\w-]+$/);
    assert.ok(!Buffer.from(one.split(':')[3]!, 'base64url').includes('private'));
  });

  it('that an earlier weir has sealed opens', () => {
    const sealed = 'aes-256-gcm:a2293dfaa9bc:Umv0ZzzONQ5HxQ_V:TVw1jTEDZN5wVn4_p2SjpeXW_WJN1qh4eAzMb6g';
    assert.equal(encrypted.open(sealed, 'cookie-key'), 'a private key');
    assert.match(encrypted.seal('', ''), new RegExp(`^${sealed.split(':').slice(0, 2).join(':')}:`));
  });

  it('does not open with a wrong or a missing master key, and the message says which one it needs', () => {
    const sealed = encrypted.seal('secret', 'c');
    const id = sealed.split(':')[1]!;
    const otherId = other.seal('', '').split(':')[1]!;
    assert.throws(
      () => plain.open(sealed, 'c'),
      new SecretsError(`it is sealed with the master key ${id}. Name its file in WEIR_MASTER_KEY_FILE.`),
    );
    assert.throws(
      () => other.open(sealed, 'c'),
      new RegExp(`the master key ${id}, and WEIR_MASTER_KEY_FILE holds ${otherId}\\.`),
    );
  });

  it('does not open for another context, or changed in any place', () => {
    const sealed = encrypted.seal('secret', 'c');
    assert.throws(() => encrypted.open(sealed, 'd'), /it is damaged, or was sealed for something else/);
    for (let at = 0; at < sealed.length; at++) {
      const changed = sealed.slice(0, at) + (sealed[at] === 'A' ? 'B' : 'A') + sealed.slice(at + 1);
      // The last character of base64 has bits that stand for nothing.
      const isSame = Buffer.from(changed.split(':')[3] ?? '', 'base64url').equals(
        Buffer.from(sealed.split(':')[3]!, 'base64url'),
      );
      if (isSame && at === sealed.length - 1) continue;
      assert.throws(() => encrypted.open(changed, 'c'), SecretsError, changed);
    }
    for (const broken of ['', 'x', sealed.slice(0, 40), sealed.split(':').slice(0, 3).join(':')])
      assert.throws(() => encrypted.open(broken, 'c'), SecretsError);
  });
});

describe('the master key file', () => {
  const files = (test: TestContext) => {
    const directory = temporaryDirectory(test);
    let count = 0;
    const file = (content: string | Uint8Array, mode = 0o600): string => {
      const path = join(directory, String(count++));
      writeFileSync(path, content);
      chmodSync(path, mode);
      return path;
    };
    return { directory, file };
  };

  it('holds the key as it is, in hex or in base64', (test) => {
    const { file } = files(test);
    const hex = key.toString('hex');
    const base64 = key.toString('base64');
    for (const content of [key, hex, `${hex.toUpperCase()}\r\n`, base64, ` ${base64}\n`, key.toString('base64url')])
      assert.deepEqual(Buffer.from(readMasterKey(file(content))), key);
    assert.deepEqual(Buffer.from(readMasterKey(file(key, 0o400))), key);
  });

  it('is refused when others can get at it, or it holds something else, and its content is never told', (test) => {
    const { directory, file } = files(test);
    for (const mode of [0o640, 0o604, 0o620, 0o601]) {
      assert.throws(
        () => readMasterKey(file(key, mode)),
        new RegExp(`its mode 0${mode.toString(8)} lets other users at it; run: chmod 600`),
      );
    }
    for (const content of [
      '',
      'secret',
      key.subarray(1),
      'a'.repeat(63),
      'a'.repeat(65),
      'z'.repeat(64),
      'a'.repeat(5000),
    ]) {
      assert.throws(() => readMasterKey(file(content)), /must hold 32 random bytes.*openssl rand -base64 32/);
    }
    mkdirSync(join(directory, 'folder'), { mode: 0o700 });
    assert.throws(() => readMasterKey(join(directory, 'folder')), /is not a regular file/);
    assert.equal(spawnSync('mkfifo', ['-m', '600', join(directory, 'pipe')]).status, 0);
    assert.throws(() => readMasterKey(join(directory, 'pipe')), /is not a regular file/, 'nobody is waited for');
    assert.throws(() => readMasterKey(join(directory, 'missing')), /WEIR_MASTER_KEY_FILE\): cannot be opened: ENOENT/);
  });
});

describe('private keys at the start', () => {
  const put = (sealedKey: string, id: string) => {
    const certificate = sampleCertificate(id, { id, sealedKey });
    return certificateChange(certificate.arn, certificate);
  };

  it('are sealed once there is a master key, and only then', async () => {
    const store = createMemoryStore();
    await store.commit(0, [put(plain.seal('one', '1'), '1'), put(encrypted.seal('two', '2'), '2')]);
    assert.equal(await adoptSecrets(store, encrypted), 1);
    const sealed = store
      .view()
      .list('certificate')
      .map(({ id, sealedKey }) => [sealedKey.split(':')[0], encrypted.open(sealedKey, id)]);
    assert.deepEqual(sealed, [
      ['aes-256-gcm', 'one'],
      ['aes-256-gcm', 'two'],
    ]);
    assert.equal(await adoptSecrets(store, encrypted), 0);
    assert.equal(store.view().revision, 2);
  });

  it('that do not open are an error that names the certificate, and nothing is changed', async () => {
    const store = createMemoryStore();
    await store.commit(0, [put(plain.seal('one', '1'), '1'), put(encrypted.seal('two', '2'), '2')]);
    for (const secrets of [plain, other]) {
      await assert.rejects(adoptSecrets(store, secrets), {
        name: 'SecretsError',
        message:
          /^the private key of the certificate arn:aws:iam::000000000000:server-certificate\/2 cannot be opened: it is sealed with the master key /,
      });
    }
    assert.equal(store.view().revision, 1);
  });

  it('that cannot be sealed, since the state cannot be written or has changed meanwhile, are an error too', async () => {
    const store = createMemoryStore();
    await store.commit(0, [put(plain.seal('one', '1'), '1')]);
    for (const [result, cause] of [
      [{ outcome: 'failed', message: 'disk full' }, 'disk full'],
      [{ outcome: 'conflict', revision: 2 }, 'the state was changed meanwhile'],
    ] as const) {
      const message = `the private keys could not be sealed: ${cause}`;
      await assert.rejects(adoptSecrets({ ...store, commit: async () => result }, encrypted), { message });
    }
  });
});
