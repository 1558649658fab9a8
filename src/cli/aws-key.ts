/**
 * The key that calls to the EC2 endpoint, and to the S3 service for access logs, are signed with, from where AWS's own tools
 * take it: the profile that the configuration names; or else the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; or else
 * the profile AWS_PROFILE, then `default`, of the shared credentials file.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Ec2Failure } from '../control/ec2-client.ts';
import { messageOf } from '../kit/assert.ts';
import type { AwsKey, Ec2Endpoint, S3Endpoint } from '../model/configuration.ts';
import type { Environment } from './configuration.ts';

/** The key for an endpoint, or why there is none. Read at each call: keys that expire are replaced by others. */
export function awsKeyOf(environment: Environment, { profile }: Ec2Endpoint | S3Endpoint): AwsKey | Ec2Failure {
  const fromVariables = toKey(
    environment['AWS_ACCESS_KEY_ID'],
    environment['AWS_SECRET_ACCESS_KEY'],
    environment['AWS_SESSION_TOKEN'],
  );
  if (profile === undefined && fromVariables !== undefined) return fromVariables;
  const given = environment['AWS_SHARED_CREDENTIALS_FILE'];
  const path = given || '~/.aws/credentials';
  const name = profile ?? (environment['AWS_PROFILE'] || 'default');
  let text: string;
  try {
    // A user who has neither HOME nor an entry, as in many a container, has no home directory: that throws.
    text = readFileSync(given || join(homedir(), '.aws', 'credentials'), 'utf8');
  } catch (error) {
    // Where a profile is named, the variables do not count.
    const variables = 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY where weir runs, or ';
    const remedy = `${profile === undefined ? variables : ''}make the profile [${name}] in ${path}`;
    return new Ec2Failure(`there is no key for it: ${remedy} (${messageOf(error)})`);
  }
  const fields = profileFields(text, name);
  const { aws_access_key_id: id, aws_secret_access_key: secret, aws_session_token: token } = fields ?? {};
  const key = toKey(id, secret, token);
  if (key !== undefined) return key;
  const missing =
    fields === undefined ? `no profile [${name}]` : `no aws_access_key_id or aws_secret_access_key in [${name}]`;
  return new Ec2Failure(`there is no key for it: ${path} has ${missing}`);
}

function toKey(id: string | undefined, secret: string | undefined, token: string | undefined): AwsKey | undefined {
  if (!id || !secret) return undefined;
  return { accessKeyId: id, secretAccessKey: secret, ...(token ? { sessionToken: token } : {}) };
}

/** The file belongs to other tools too: what is not understood is skipped. */
function profileFields(text: string, name: string): Readonly<Partial<Record<string, string>>> | undefined {
  let fields: Record<string, string> | undefined;
  let inside = false;
  for (const line of text.split('\n').map((each) => each.trim())) {
    const header = /^\[\s*(.+?)\s*\]$/.exec(line);
    if (header !== null) inside = header[1] === name;
    if (inside) fields ??= Object.create(null) as Record<string, string>;
    const field = /^(\w+)\s*=\s*(\S+)$/.exec(line);
    if (inside && field !== null && fields !== undefined) fields[field[1]!.toLowerCase()] = field[2]!;
  }
  return fields;
}
