/**
 * From an SSL negotiation policy to what OpenSSL is told. OpenSSL 3 has less than AWS's table: what it cannot do is
 * named, never replaced by something else.
 */
import { constants } from 'node:crypto';
import type { LowSecurityLevel } from './certificate-strength.ts';
import type { PolicyAttribute } from './load-balancer.ts';
import {
  enabledSwitches,
  expandSslAttributes,
  SERVER_DEFINED_CIPHER_ORDER,
  SSL_CIPHERS,
  SSL_PROTOCOLS,
  SslPolicyFault,
  TLS_1_3,
} from './ssl-policy.ts';

export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

/** Options for a server's secure context, under the names that node:tls has for them; and what they leave out. */
export interface ResolvedSslPolicy {
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** `SSL_OP_NO_…` of the versions between the two that the policy does not list; 0 when there is none. */
  readonly secureOptions: number;
  /** OpenSSL's list, in order of preference, with the security level where it is not OpenSSL's own. */
  readonly ciphers: string;
  readonly honorCipherOrder: boolean;
  /** Protocols and ciphers that are offered, by their attribute names. */
  readonly enforceable: readonly string[];
  /** Protocols and ciphers that the policy lists and that cannot be offered. */
  readonly notEnforceable: readonly string[];
}

const VERSIONS: readonly { readonly version: TlsVersion; readonly attribute: string; readonly off: number }[] = [
  { version: 'TLSv1', attribute: 'Protocol-TLSv1', off: constants.SSL_OP_NO_TLSv1 },
  { version: 'TLSv1.1', attribute: 'Protocol-TLSv1.1', off: constants.SSL_OP_NO_TLSv1_1 },
  { version: 'TLSv1.2', attribute: 'Protocol-TLSv1.2', off: constants.SSL_OP_NO_TLSv1_2 },
  { version: 'TLSv1.3', attribute: TLS_1_3, off: constants.SSL_OP_NO_TLSv1_3 },
];

/** TLS 1.3 has cipher suites of its own, which no attribute names; in the order of AWS's newer load balancers. */
const TLS_1_3_SUITES = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

const NOT_ENFORCEABLE: readonly (readonly [RegExp, string])[] = [
  [/^Protocol-SSLv[23]$/, 'OpenSSL has this protocol no more, since it is broken'],
  [/^EXP-/, 'OpenSSL has export ciphers no more, since they are broken'],
  [/KRB5/, 'OpenSSL has Kerberos ciphers no more'],
  [/RC4|RC2|IDEA|SEED/, 'the algorithm is not in the OpenSSL that weir runs with'],
  [/DES/, 'DES and 3DES are not in the OpenSSL that weir runs with'],
  [/^PSK-/, 'a pre-shared key would be needed, and the API has no place to give one'],
];

/** Why a protocol or cipher cannot be offered, for messages; undefined when it can. */
export function whyNotEnforceable(attribute: string): string | undefined {
  return NOT_ENFORCEABLE.find(([pattern]) => pattern.test(attribute))?.[1];
}

/**
 * What the policy's attributes (as given or as kept) mean for OpenSSL, or why they mean nothing: a policy of which
 * nothing is left is a fault. `level`: the highest at which the certificates can be served that it is for, where that is below OpenSSL's.
 */
export function resolveSslPolicy(
  attributes: readonly PolicyAttribute[],
  level?: LowSecurityLevel,
): ResolvedSslPolicy | SslPolicyFault {
  const complete = expandSslAttributes(attributes);
  if (complete instanceof SslPolicyFault) return complete;
  const on = enabledSwitches(complete);
  const listed = [...SSL_PROTOCOLS, TLS_1_3, ...SSL_CIPHERS].filter((name) => on.has(name));
  const enforceable = listed.filter((name) => whyNotEnforceable(name) === undefined);
  const notEnforceable = listed.filter((name) => whyNotEnforceable(name) !== undefined);
  const asked = VERSIONS.filter(({ attribute }) => on.has(attribute));
  const ciphers = SSL_CIPHERS.filter((name) => enforceable.includes(name));
  // One without a cipher serves nobody; and below a gap, OpenSSL would refuse the clients of all others with it.
  const versions = asked.filter(({ version }) => isServed(version, ciphers));
  const [first, last] = [versions[0], versions.at(-1)];
  if (first === undefined || last === undefined) return nothingLeft(asked, ciphers, notEnforceable);
  const between = VERSIONS.slice(VERSIONS.indexOf(first), VERSIONS.indexOf(last));
  const suites = last.version === 'TLSv1.3' ? TLS_1_3_SUITES : [];
  return {
    minVersion: first.version,
    maxVersion: last.version,
    secureOptions: between.filter((each) => !versions.includes(each)).reduce((options, { off }) => options | off, 0),
    ciphers: [...suites, ...ciphers, ...securityLevel(asked, ciphers, level)].join(':'),
    honorCipherOrder: on.has(SERVER_DEFINED_CIPHER_ORDER),
    enforceable,
    notEnforceable,
  };
}

/** Everything that a handshake may agree on under some policy: a version, and OpenSSL's name of a cipher that it has. */
export function negotiableCiphers(): readonly { readonly version: TlsVersion; readonly cipher: string }[] {
  const offered = SSL_CIPHERS.filter((name) => whyNotEnforceable(name) === undefined);
  return VERSIONS.flatMap(({ version }) => {
    const ciphers =
      version === 'TLSv1.3' ? TLS_1_3_SUITES : offered.filter((name) => version === 'TLSv1.2' || !needsTls12(name));
    return ciphers.map((cipher) => ({ version, cipher }));
  });
}

type Version = (typeof VERSIONS)[number];

/** Whether a handshake of that version can end well: with GCM or SHA-2 ciphers alone, TLS 1.1 has none. */
function isServed(version: TlsVersion, ciphers: readonly string[]): boolean {
  if (version === 'TLSv1.3') return true;
  return ciphers.some((name) => version === 'TLSv1.2' || !needsTls12(name));
}

/** RFC 5246 and 5289: their MACs and modes came with TLS 1.2. */
function needsTls12(cipher: string): boolean {
  return /-SHA(?:256|384)$/.test(cipher);
}

/**
 * OpenSSL's own security level forbids the hashes of TLS 1.0 and 1.1, and ciphers without authentication: exactly for
 * a policy that lists those it is 0. It forbids certificates too that AWS takes (certificate-strength.ts): for those it is what they need.
 */
function securityLevel(
  versions: readonly Version[],
  ciphers: readonly string[],
  level: LowSecurityLevel | undefined,
): readonly string[] {
  const isOld = versions.some(({ version }) => version === 'TLSv1' || version === 'TLSv1.1');
  if (isOld || ciphers.some((name) => name.startsWith('ADH-'))) return ['@SECLEVEL=0'];
  return level === undefined ? [] : [`@SECLEVEL=${level}`];
}

function nothingLeft(
  versions: readonly Version[],
  ciphers: readonly string[],
  notEnforceable: readonly string[],
): SslPolicyFault {
  const missing = [
    versions.length === 0 ? 'a protocol (Protocol-TLSv1, Protocol-TLSv1.1, Protocol-TLSv1.2)' : '',
    ciphers.length === 0 ? 'a cipher' : '',
  ].filter((each) => each !== '');
  const told = notEnforceable.slice(0, 5).map((name) => `${name}: ${whyNotEnforceable(name) ?? ''}`);
  const why = told.length === 0 ? '' : ` What it lists cannot be offered (${told.join('; ')}).`;
  return new SslPolicyFault(
    'InvalidConfigurationRequest',
    missing.length === 0
      ? 'No client could connect with this policy: its ciphers need Protocol-TLSv1.2, which is not enabled.'
      : `No client could connect with this policy: it must enable ${missing.join(' and ')} that can be offered.${why}`,
  );
}
