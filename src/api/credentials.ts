/**
 * Keys that may call the API, and the file they live in: the AWS shared-credentials format, so that
 * `AWS_SHARED_CREDENTIALS_FILE=weir-data/credentials aws …` works as it is. Two fields are ours, and ignored by the
 * AWS tools: `weir_account_id` (twelve digits) and `weir_read_only` (true or false).
 */

/** The account of keys that name none. */
export const DEFAULT_ACCOUNT_ID = '000000000000';

export interface Credential {
  /** Name of the section in the file. */
  readonly profile: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** When set, a request must carry it. */
  readonly sessionToken?: string;
  readonly accountId: string;
  /** May describe, may not change. */
  readonly readOnly: boolean;
}

/** A credentials file that cannot be used; the message names file, line and what was expected. */
export class CredentialsError extends Error {
  override name = 'CredentialsError';
}

const MAX_FILE_LENGTH = 1024 * 1024;
const FIELD_RULES: Readonly<Record<string, { readonly pattern: RegExp; readonly expected: string }>> = {
  // A key id is part of the credential scope, whose parts are divided by slashes.
  aws_access_key_id: { pattern: /^[\w.-]{1,128}$/, expected: '1 to 128 letters, digits, dots, hyphens or underscores' },
  aws_secret_access_key: { pattern: /^[!-~]{1,256}$/, expected: '1 to 256 printable characters without spaces' },
  aws_session_token: { pattern: /^[!-~]{1,4096}$/, expected: '1 to 4096 printable characters without spaces' },
  weir_account_id: { pattern: /^\d{12}$/, expected: 'twelve digits' },
  weir_read_only: { pattern: /^(true|false)$/i, expected: 'true or false' },
};

/** What the field of a profile must be where `value` is something else; undefined: it is in order, or belongs to other tools. */
export function expectedOf(field: string, value: string): string | undefined {
  const rule = Object.hasOwn(FIELD_RULES, field) ? FIELD_RULES[field] : undefined;
  return rule?.pattern.test(value) === false ? rule.expected : undefined;
}

interface Section {
  readonly profile: string;
  readonly line: number;
  readonly fields: Map<string, string>;
}

/** Reads the sections line by line; fields that we do not know belong to other tools and are skipped. */
function parseSections(text: string, fileName: string): Section[] {
  const sections: Section[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    const fail = (what: string): never => {
      throw new CredentialsError(`${fileName}: line ${index + 1}: ${what}`);
    };
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const header = /^\[\s*([^[\]]+?)\s*\]$/.exec(line);
    if (header !== null) {
      const profile = header[1]!;
      if (sections.some((section) => section.profile === profile)) fail(`the profile [${profile}] is given twice`);
      sections.push({ profile, line: index + 1, fields: new Map() });
      continue;
    }
    // Never quote the line: it may hold a secret.
    const field = /^([^=\s]+)\s*=\s*(.*)$/.exec(line) ?? fail('expected "[profile]", "name = value" or a comment');
    const section = sections.at(-1) ?? fail('a field before the first "[profile]"');
    const [name, value] = [field[1]!.toLowerCase(), field[2]!];
    if (section.fields.has(name)) fail(`${name} is given twice in [${section.profile}]`);
    const expected = expectedOf(name, value);
    if (expected !== undefined) fail(`${name} must be ${expected}`);
    section.fields.set(name, value);
  }
  return sections;
}

function toCredential(section: Section, fileName: string): Credential {
  const { profile, fields } = section;
  const required = (name: string): string => {
    const value = fields.get(name);
    if (value !== undefined) return value;
    throw new CredentialsError(`${fileName}: line ${section.line}: [${profile}] has no ${name}`);
  };
  const sessionToken = fields.get('aws_session_token');
  return {
    profile,
    accessKeyId: required('aws_access_key_id'),
    secretAccessKey: required('aws_secret_access_key'),
    ...(sessionToken === undefined ? {} : { sessionToken }),
    accountId: fields.get('weir_account_id') ?? DEFAULT_ACCOUNT_ID,
    readOnly: fields.get('weir_read_only')?.toLowerCase() === 'true',
  };
}

/** The keys of a credentials file, the profile `default` first. Throws {@link CredentialsError}. */
export function parseCredentials(text: string, fileName: string): readonly Credential[] {
  if (text.length > MAX_FILE_LENGTH) throw new CredentialsError(`${fileName}: larger than ${MAX_FILE_LENGTH} bytes`);
  const credentials = parseSections(text, fileName).map((section) => toCredential(section, fileName));
  if (credentials.length === 0) {
    throw new CredentialsError(
      `${fileName}: no profile in it; expected "[default]" with aws_access_key_id and aws_secret_access_key`,
    );
  }
  const profileOf = new Map<string, string>();
  for (const { accessKeyId, profile } of credentials) {
    const other = profileOf.get(accessKeyId);
    if (other !== undefined) {
      throw new CredentialsError(
        `${fileName}: the profiles [${other}] and [${profile}] have the same aws_access_key_id`,
      );
    }
    profileOf.set(accessKeyId, profile);
  }
  return credentials.toSorted((a, b) => Number(b.profile === 'default') - Number(a.profile === 'default'));
}

function formatCredential(credential: Credential): string {
  const lines = [
    `[${credential.profile}]`,
    `aws_access_key_id = ${credential.accessKeyId}`,
    `aws_secret_access_key = ${credential.secretAccessKey}`,
  ];
  if (credential.sessionToken !== undefined) lines.push(`aws_session_token = ${credential.sessionToken}`);
  lines.push(`weir_account_id = ${credential.accountId}`);
  if (credential.readOnly) lines.push('weir_read_only = true');
  return `${lines.join('\n')}\n`;
}

/** The text of a credentials file. */
export function formatCredentials(credentials: readonly Credential[]): string {
  const header =
    '# Keys that may call the API of weir, in the format of an AWS shared-credentials file.\n' +
    '# More profiles may be added; weir_account_id (twelve digits) and weir_read_only (true or false) are optional.\n\n';
  return header + credentials.map(formatCredential).join('\n');
}

/** `text` with the keys of its profile `default` replaced, or the profile added; everything else stays as it is. */
export function replaceDefaultKey(text: string, accessKeyId: string, secretAccessKey: string): string {
  const keyLines = [`aws_access_key_id = ${accessKeyId}`, `aws_secret_access_key = ${secretAccessKey}`];
  const lines = text.split('\n');
  const start = lines.findIndex((line) => /^\s*\[\s*default\s*\]\s*$/.test(line));
  if (start < 0) return ['[default]', ...keyLines, '', ...lines].join('\n');
  const next = lines.findIndex((line, index) => index > start && line.trimStart().startsWith('['));
  const end = next < 0 ? lines.length : next;
  const isKey = /^\s*aws_(access_key_id|secret_access_key|session_token)\s*=/i;
  const others = lines.slice(start + 1, end).filter((line) => !isKey.test(line));
  return [...lines.slice(0, start + 1), ...keyLines, ...others, ...lines.slice(end)].join('\n');
}

/** The keys in force, by id. Replaced as a whole when the file is read again. */
export class KeyRing {
  #byId: ReadonlyMap<string, Credential> = new Map();

  constructor(credentials: readonly Credential[]) {
    this.replace(credentials);
  }

  replace(credentials: readonly Credential[]): void {
    this.#byId = new Map(credentials.map((credential) => [credential.accessKeyId, credential]));
  }

  find(accessKeyId: string): Credential | undefined {
    return this.#byId.get(accessKeyId);
  }
}
