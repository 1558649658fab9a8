import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, open, readFile, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { SeededRandom } from '../kit/random.ts';
import { makeKey, openCredentials } from './credentials-file.ts';
import { CredentialsError, formatCredentials, KeyRing, parseCredentials } from './credentials.ts';
import type { Credential } from './credentials.ts';

const fixed = { accessKeyId: 'AKIAFIXED', secretAccessKey: 'fixed-secret' };

describe('the credentials format', () => {
  it('is the AWS shared-credentials format, with an account and a read-only flag of ours', () => {
    const text = `# made by weir
[ops]
AWS_ACCESS_KEY_ID=AKIAOPS
aws_secret_access_key = a+b/c=
aws_session_token = token
region = eu-west-1
weir_account_id = 123456789012
weir_read_only = True

; the first profile of the result, wherever it stands
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = secret
`;
    assert.deepEqual(parseCredentials(text, 'f'), [
      {
        profile: 'default',
        accessKeyId: 'AKIADEFAULT',
        secretAccessKey: 'secret',
        accountId: '000000000000',
        readOnly: false,
      },
      {
        profile: 'ops',
        accessKeyId: 'AKIAOPS',
        secretAccessKey: 'a+b/c=',
        sessionToken: 'token',
        accountId: '123456789012',
        readOnly: true,
      },
    ]);
  });

  it('says file, line and what was expected, and never quotes a secret', () => {
    const keys = 'aws_access_key_id = A\naws_secret_access_key = s3cret';
    const cases: readonly (readonly [string, RegExp])[] = [
      ['', /f: no profile in it; expected "\[default\]"/],
      ['aws_access_key_id = A', /f: line 1: a field before the first/],
      ['[default]\ns3cret', /f: line 2: expected "\[profile\]", "name = value" or a comment/],
      ['[default]\naws_access_key_id = A', /f: line 1: \[default\] has no aws_secret_access_key/],
      ['[default]\naws_secret_access_key = s3cret', /f: line 1: \[default\] has no aws_access_key_id/],
      ['[default]\naws_access_key_id = A/B', /f: line 2: aws_access_key_id must be 1 to 128/],
      ['[default]\naws_secret_access_key = s3 cret', /f: line 2: aws_secret_access_key must be/],
      [`[default]\n${keys}\nweir_account_id = 1`, /f: line 4: weir_account_id must be twelve digits/],
      [`[default]\n${keys}\nweir_read_only = yes`, /f: line 4: weir_read_only must be true or false/],
      [`[default]\n${keys}\n${keys}`, /f: line 4: aws_access_key_id is given twice in \[default\]/],
      [`[a]\n${keys}\n[a]\n${keys}`, /f: line 4: the profile \[a\] is given twice/],
      [`[a]\n${keys}\n[b]\n${keys}`, /f: the profiles \[a\] and \[b\] have the same aws_access_key_id/],
    ];
    for (const [text, expected] of cases) {
      assert.throws(
        () => parseCredentials(text, 'f'),
        (error) => {
          assert.ok(error instanceof CredentialsError);
          assert.match(error.message, expected);
          assert.ok(!error.message.includes('s3'));
          return true;
        },
      );
    }
  });

  it('reads back what it writes, and answers any text with keys or a CredentialsError', () => {
    const members = {
      profile: fc.stringMatching(/^[a-z]{1,8}$/),
      accessKeyId: fc.stringMatching(/^[A-Z0-9]{16,20}$/),
      secretAccessKey: fc.stringMatching(/^[!-~]{1,40}$/),
      accountId: fc.stringMatching(/^\d{12}$/),
      readOnly: fc.boolean(),
    };
    const credential: fc.Arbitrary<Credential> = fc.record(members, { noNullPrototype: true });
    const unique = fc.uniqueArray(credential, { minLength: 1, selector: ({ profile }) => profile });
    fc.assert(
      fc.property(unique, (credentials) => {
        const byKey = new Map(credentials.map((one) => [one.accessKeyId, one]));
        const read = parseCredentials(formatCredentials([...byKey.values()]), 'f');
        assert.deepEqual(new Map(read.map((one) => [one.accessKeyId, one])), byKey);
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.constantFrom('[', ']', 'a', '=', '\n', ' ', '#', 'aws_access_key_id')), (parts) => {
        assert.throws(() => parseCredentials(parts.join(''), 'f'), CredentialsError);
      }),
    );
  });

  it('finds a key by its id, and changes as a whole', () => {
    const [one] = parseCredentials('[a]\naws_access_key_id = A\naws_secret_access_key = s', 'f');
    const ring = new KeyRing([one!]);
    assert.equal(ring.find('A'), one);
    assert.equal(ring.find('__proto__'), undefined);
    ring.replace([]);
    assert.equal(ring.find('A'), undefined);
  });
});

describe('the credentials file', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weir-credentials-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('is made at the first start with a random key, for its owner only, and read at the next', async () => {
    const path = join(folder, 'made');
    const [made, ...others] = await openCredentials({ path, random: new SeededRandom(1) });
    assert.deepEqual(others, []);
    assert.match(made!.accessKeyId, /^AKIA[A-Z2-7]{16}$/);
    assert.match(made!.secretAccessKey, /^[A-Za-z0-9+/]{40}$/);
    assert.deepEqual([made!.profile, made!.accountId, made!.readOnly], ['default', '000000000000', false]);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.deepEqual(await openCredentials({ path, random: new SeededRandom(2) }), [made]);
    assert.notDeepEqual(makeKey(new SeededRandom(1)), makeKey(new SeededRandom(2)));
  });

  it('is on the disk under its name before anybody is told the key, for its owner only whatever a kill has left', async (test) => {
    const path = join(folder, 'synced');
    await writeFile(`${path}.new`, 'half a file', { mode: 0o644 });
    const any = await open(folder, 'r');
    const handles = Object.getPrototypeOf(any) as FileHandle;
    await any.close();
    const synced: string[] = [];
    test.mock.method(handles, 'sync', async function (this: FileHandle) {
      const what = (await this.stat()).isDirectory() ? 'the folder' : 'the file';
      synced.push(`${what}, ${existsSync(path) ? 'renamed' : 'not yet renamed'}`);
    });
    await openCredentials({ path, random: new SeededRandom(1) });
    assert.deepEqual(synced, ['the file, not yet renamed', 'the folder, renamed']);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
  });

  it('takes no fixed key that another profile has, and leaves the file as it is', async () => {
    const path = join(folder, 'clash');
    const other = '[other]\naws_access_key_id = AKIAFIXED\naws_secret_access_key = fixed-secret\n';
    for (const text of [other, `[default]\naws_access_key_id = OLD\naws_secret_access_key = old\n${other}`]) {
      await writeFile(path, text, { mode: 0o600 });
      const opened = openCredentials({ path, random: new SeededRandom(1), fixed });
      await assert.rejects(
        opened,
        /clash with the fixed key given: the profiles \[default\] and \[other\] have the same/,
      );
      assert.equal(await readFile(path, 'utf8'), text);
    }
  });

  it('is refused when other users can get at it', { skip: process.platform === 'win32' }, async () => {
    const path = join(folder, "one's own");
    await openCredentials({ path, random: new SeededRandom(1) });
    for (const mode of [0o640, 0o604, 0o620, 0o601]) {
      await chmod(path, mode);
      await assert.rejects(openCredentials({ path, random: new SeededRandom(1) }), {
        name: 'CredentialsError',
        message: new RegExp(
          `own: holds secret keys, but its mode 0${mode.toString(8)} .* chmod 600 '.*/one'\\\\''s own'$`,
        ),
      });
    }
  });

  it('is refused when it is a folder, or a named pipe, whose writer is not waited for', async () => {
    const pipe = join(folder, 'pipe');
    assert.equal(spawnSync('mkfifo', ['-m', '600', pipe]).status, 0);
    for (const path of [folder, pipe]) {
      await assert.rejects(openCredentials({ path, random: new SeededRandom(1) }), /not a regular file/);
    }
  });

  it('takes a fixed key instead of a random one, at the first start and later, and keeps the rest', async () => {
    const path = join(folder, 'fixed');
    const [first] = await openCredentials({ path, random: new SeededRandom(1), fixed });
    assert.deepEqual([first!.accessKeyId, first!.secretAccessKey], ['AKIAFIXED', 'fixed-secret']);
    const text =
      '# mine\n[default]\naws_access_key_id = OLD\naws_secret_access_key = old\naws_session_token = t\nweir_account_id = 111111111111\n\n[other]\naws_access_key_id = O\naws_secret_access_key = o\n';
    await writeFile(path, text);
    const read = await openCredentials({ path, random: new SeededRandom(1), fixed });
    assert.deepEqual(
      read.map(({ profile, accessKeyId, sessionToken, accountId }) => [profile, accessKeyId, sessionToken, accountId]),
      [
        ['default', 'AKIAFIXED', undefined, '111111111111'],
        ['other', 'O', undefined, '000000000000'],
      ],
    );
    assert.match(await readFile(path, 'utf8'), /^# mine\n\[default\]\naws_access_key_id = AKIAFIXED\n/);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    await writeFile(path, '[other]\naws_access_key_id = O\naws_secret_access_key = o\n');
    const added = await openCredentials({ path, random: new SeededRandom(1), fixed });
    assert.deepEqual(
      added.map(({ profile }) => profile),
      ['default', 'other'],
    );
  });

  it('loses a session token of the key that is fixed now, and is no file of megabytes', async () => {
    const path = join(folder, 'with-token');
    const text =
      '[default]\naws_access_key_id = AKIAFIXED\naws_secret_access_key = fixed-secret\naws_session_token = t\n';
    await writeFile(path, text, { mode: 0o600 });
    const [key] = await openCredentials({ path, random: new SeededRandom(1), fixed });
    assert.deepEqual([key!.accessKeyId, key!.sessionToken], ['AKIAFIXED', undefined]);
    assert.throws(
      () => parseCredentials(`${text}#${' '.repeat(1024 * 1024)}`, 'f'),
      /^CredentialsError: f: larger than/,
    );
  });

  it('refuses a fixed key that no request could name', async () => {
    const path = join(folder, 'bad');
    const bad = { accessKeyId: 'A/B', secretAccessKey: 'x' };
    await assert.rejects(
      openCredentials({ path, random: new SeededRandom(1), fixed: bad }),
      /the fixed key given: .*aws_access_key_id/,
    );
    await assert.rejects(stat(path), { code: 'ENOENT' });
  });
});
