/**
 * `node scripts/tls-scan.ts [POLICY…]`: what two scanners see of each predefined security policy, with an RSA and an ECDSA
 * certificate, against what the policy's table says OpenSSL can offer of it. Prints a table (docs/tls-scan.md) and ends with 1
 * when they differ. Needs nmap, testssl.sh and openssl: `apt-get install nmap testssl.sh openssl`.
 */
import { execFileSync, spawn } from 'node:child_process';
import { systemClock } from '../src/kit/clock.ts';
import { present } from '../src/kit/assert.ts';
import { systemRandom } from '../src/kit/random.ts';
import { predefinedSslPolicies, SslPolicyFault } from '../src/model/ssl-policy.ts';
import { resolveSslPolicy, type ResolvedSslPolicy } from '../src/model/ssl-policy-resolve.ts';
import type { Policy } from '../src/model/load-balancer.ts';
import { counterRow, makeCounters } from '../src/traffic/counters.ts';
import { ListenerTls } from '../src/traffic/listener-tls.ts';
import { chooseTransport } from '../src/transport/choose.ts';
import type { ConnectionOwner } from '../src/transport/transport.ts';
import { issue, type Issued } from '../test/support/issued.ts';

/** Version → ciphers in the order of preference, by OpenSSL's names. */
type Offer = ReadonlyMap<string, readonly string[]>;

const VERSIONS: readonly (readonly [string, string])[] = [
  ['Protocol-TLSv1', 'TLSv1.0'],
  ['Protocol-TLSv1.1', 'TLSv1.1'],
  ['Protocol-TLSv1.2', 'TLSv1.2'],
];

const opensslNames = readNames();

/** IANA's name → OpenSSL's. */
function readNames(): ReadonlyMap<string, string> {
  const table = execFileSync('openssl', ['ciphers', '-stdname', 'ALL:eNULL:@SECLEVEL=0'], { encoding: 'utf8' });
  return new Map(
    table
      .split('\n')
      .map((line) => line.split(/\s+/))
      .flatMap(([iana, , name]) => (iana !== undefined && name !== undefined ? [[iana, name] as const] : [])),
  );
}

/** What a client can agree on, by the table. */
function expectedOffer({ enforceable }: ResolvedSslPolicy, key: 'rsa' | 'ecdsa'): Offer {
  const ciphers = enforceable.filter((name) => !name.startsWith('Protocol-') && fits(name, key));
  const offer = new Map<string, readonly string[]>();
  for (const [attribute, version] of VERSIONS) {
    if (!enforceable.includes(attribute)) continue;
    const served = ciphers.filter((name) => version === 'TLSv1.2' || !/-SHA(?:256|384)$/.test(name));
    if (served.length > 0) offer.set(version, served);
  }
  return offer;
}

/** Can a certificate with that kind of key sign, or decrypt, for the cipher? */
function fits(cipher: string, key: 'rsa' | 'ecdsa'): boolean {
  if (cipher.includes('-DSS-') || cipher.startsWith('ADH-') || cipher.startsWith('PSK-')) return false;
  return cipher.includes('ECDSA') === (key === 'ecdsa');
}

/** nmap prints each version's ciphers in the server's order where the server has one. */
async function nmapOffer(port: number): Promise<Offer> {
  const output = await run('nmap', ['-Pn', '-p', String(port), '--script', 'ssl-enum-ciphers', '127.0.0.1']);
  const offer = new Map<string, string[]>();
  let version = '';
  for (const line of output.split('\n')) {
    version = /^\|\s+(TLSv1\.\d|SSLv3):/.exec(line)?.[1] ?? version;
    const cipher = /^\|\s+(TLS_\w+)/.exec(line)?.[1];
    if (cipher === undefined) continue;
    const list = offer.get(version) ?? [];
    list.push(opensslNames.get(cipher) ?? cipher);
    offer.set(version, list);
  }
  return offer;
}

/** What testssl.sh finds: each version's ciphers in the server's order, or, where the client decides, each by itself. */
async function testsslOffer(port: number, ordered: boolean): Promise<Offer> {
  const check = ordered ? '-P' : '-E';
  const output = await run('testssl', ['--color', '0', '--warnings', 'off', check, '--quiet', `127.0.0.1:${port}`]);
  const offer = new Map<string, string[]>();
  let version = '';
  for (const line of output.split('\n')) {
    const named = /^\s*(TLSv1|TLS 1|SSLv)(?:\.?(\d))?:?\s/.exec(line);
    if (named !== null) version = named[1] === 'SSLv' ? 'SSL' : `TLSv1.${named[2] ?? '0'}`;
    else if (!/^\s{12,}[A-Z0-9]+-|^ x[0-9a-f]+ /.test(line)) version = '';
    // In the long form a line names one cipher, and then much about it.
    const ciphers = line.match(ordered ? /\b[A-Z0-9]+(?:-[A-Z0-9]+)+\b/g : /(?<=^ x[0-9a-f]+\s+)[A-Z0-9-]+/);
    if (version === '' || ciphers === null) continue;
    offer.set(version, [...(offer.get(version) ?? []), ...ciphers]);
  }
  return offer;
}

function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', () => resolve(output));
  });
}

function differences(expected: Offer, seen: Offer, ordered: boolean): string {
  const shown = (offer: Offer): string =>
    JSON.stringify([...offer].map(([version, ciphers]) => [version, ordered ? ciphers : ciphers.toSorted()]));
  return shown(expected) === shown(seen) ? '' : `expected ${shown(expected)}, seen ${shown(seen)}`;
}

/** Serves the policy on a free port and has both scanners look at it. */
async function scan(policy: Policy, key: 'rsa' | 'ecdsa', certificate: Issued): Promise<string[]> {
  const resolved = resolveSslPolicy(policy.attributes);
  if (resolved instanceof SslPolicyFault) throw new Error(`${policy.policyName}: ${resolved.message}`);
  const failures: unknown[] = [];
  const events = { onFailure: (error: unknown) => failures.push(error), onAcceptError: () => {} };
  const { transport } = await chooseTransport('handle', events, systemClock);
  const compiled = {
    ...resolved,
    key: `${policy.policyName} ${key}`,
    certificate: certificate.certificate,
    privateKey: certificate.privateKey,
    ticketKey: systemRandom.bytes(48),
  };
  const tls = new ListenerTls(compiled, counterRow(makeCounters(1), 0), () => true);
  const listening = await transport.listen('127.0.0.1', 0, (connection) => (connection.owner = SILENT), tls);
  const expected = expectedOffer(resolved, key);
  const nmap = differences(expected, await nmapOffer(listening.port), resolved.honorCipherOrder);
  const testssl = differences(
    expected,
    await testsslOffer(listening.port, resolved.honorCipherOrder),
    resolved.honorCipherOrder,
  );
  listening.close();
  if (failures.length > 0) throw new Error(`a connection threw: ${String(failures[0])}`);
  const told = [...expected].map(([version, ciphers]) => `${version}: ${ciphers.length}`).join(', ');
  const order = resolved.honorCipherOrder ? 'server' : 'client';
  const cells = [policy.policyName, key, told, order, String(resolved.notEnforceable.length), nmap || 'agrees'];
  console.log(`| ${[...cells, testssl || 'agrees'].join(' | ')} |`);
  return [nmap, testssl].filter((difference) => difference !== '');
}

const SILENT: ConnectionOwner = {
  onConnect() {},
  onData: (connection) => connection.finish(),
  onEnd: (connection) => connection.finish(),
  onDrain() {},
  onClose() {},
};

const wanted = process.argv.slice(2);
const certificates = { rsa: issue({ key: 'rsa-2048' }), ecdsa: issue({ key: 'ec-prime256v1' }) };
const problems: string[] = [];
console.log('| policy | certificate | ciphers that can be agreed on | order | not enforceable | nmap | testssl.sh |');
console.log('|---|---|---|---|---:|---|---|');
for (const policy of predefinedSslPolicies()) {
  if (wanted.length > 0 && !wanted.includes(policy.policyName)) continue;
  for (const key of ['rsa', 'ecdsa'] as const) {
    problems.push(...(await scan(policy, key, present(certificates[key], 'a certificate'))));
  }
}
process.exit(problems.length === 0 ? 0 : 1);
