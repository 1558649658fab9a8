/** What an HTTPS or SSL listener serves, from the records of its certificate and its policy. */
import { createHash, hkdfSync } from 'node:crypto';
import { messageOf, present } from '../kit/assert.ts';
import { isUsableIn, type Certificate } from '../model/certificate.ts';
import { levelNeeded, type LowSecurityLevel } from '../model/certificate-strength.ts';
import type { Listener, LoadBalancer, Policy } from '../model/load-balancer.ts';
import { resolveSslPolicy, type ResolvedSslPolicy } from '../model/ssl-policy-resolve.ts';
import {
  DEFAULT_SSL_POLICY_NAME,
  findPredefinedSslPolicy,
  SSL_NEGOTIATION_POLICY_TYPE,
  SslPolicyFault,
} from '../model/ssl-policy.ts';
import type { Secrets } from '../store/secrets.ts';
import { makeServerContext } from '../traffic/listener-tls.ts';
import type { CompiledTls } from '../traffic/snapshot.ts';

const TICKET_KEY_BYTES = 48;
/** Policies remembered with one certificate. */
const MAX_REMEMBERED = 64;

export interface TlsOutcome {
  /** Undefined when there is a problem. */
  readonly tls: CompiledTls | undefined;
  /** Why the listener cannot be served. */
  readonly problem: string | undefined;
  /** The name of the policy, as far as it was found. */
  readonly policy: string;
  /** Protocols and ciphers that the policy lists and that cannot be offered. */
  readonly notOffered: readonly string[];
}

/** What a certificate and a policy make together, before tickets come in. */
type Material = Omit<CompiledTls, 'key' | 'ticketKey'> & { readonly identity: string };

/** What is known of a certificate. */
interface Known {
  /** Served with its chain. */
  readonly pem: string;
  /** Of OpenSSL's security, where it needs another one than OpenSSL's own. */
  readonly level: LowSecurityLevel | undefined;
  /** By policy: opened and tried already, or what is wrong with it. */
  readonly outcomes: Map<string, Material | { readonly problem: string }>;
}

export interface TlsSettingsOptions {
  readonly secrets: Secrets;
  /** By ARN. */
  readonly certificateOf: (arn: string) => Certificate | undefined;
  /** The master key of session tickets at present. */
  readonly ticketMaster: () => Buffer;
}

export class TlsSettings {
  readonly #options: TlsSettingsOptions;
  readonly #known = new WeakMap<Certificate, Known>();

  constructor(options: TlsSettingsOptions) {
    this.#options = options;
  }

  of(record: LoadBalancer, listener: Listener): TlsOutcome {
    const policy = policyOf(record, listener);
    const outcome = { policy: policy.policyName, notOffered: [], tls: undefined };
    const certificate = this.#certificateOf(record, listener);
    if ('problem' in certificate) return { ...outcome, problem: certificate.problem };
    const resolved = resolveSslPolicy(policy.attributes, this.#knownOf(certificate).level);
    if (resolved instanceof SslPolicyFault) {
      return { ...outcome, problem: `the policy ${policy.policyName} cannot be used. ${resolved.message}` };
    }
    const { notEnforceable: notOffered } = resolved;
    const material = this.#material(certificate, resolved);
    if ('problem' in material) return { ...outcome, notOffered, problem: material.problem };
    return { ...outcome, notOffered, tls: this.#withTickets(material), problem: undefined };
  }

  #certificateOf(
    { accountId, region }: LoadBalancer,
    { protocol, sslCertificateId: arn }: Listener,
  ): Certificate | { readonly problem: string } {
    if (arn === undefined) return { problem: `the ${protocol} listener has no certificate` };
    const certificate = this.#options.certificateOf(arn);
    if (certificate !== undefined && isUsableIn(certificate, accountId, region)) return certificate;
    return { problem: `there is no certificate ${arn} for account ${accountId} in ${region}` };
  }

  #knownOf(certificate: Certificate): Known {
    const known = this.#known.get(certificate);
    if (known !== undefined) return known;
    const { body, chain } = certificate;
    const pem = chain === '' ? body : `${body}\n${chain}`;
    const found = {
      pem,
      level: levelNeeded(pem),
      outcomes: new Map<string, Material | { readonly problem: string }>(),
    };
    this.#known.set(certificate, found);
    return found;
  }

  #material(certificate: Certificate, policy: ResolvedSslPolicy): Material | { readonly problem: string } {
    const { ciphers, minVersion, maxVersion, honorCipherOrder, secureOptions } = policy;
    const offered = { ciphers, minVersion, maxVersion, honorCipherOrder, secureOptions };
    const { pem, outcomes } = this.#knownOf(certificate);
    const policyKey = JSON.stringify(offered);
    const known = outcomes.get(policyKey);
    if (known !== undefined) return known;
    const material = this.#makeMaterial(certificate, { certificate: pem, ...offered });
    if (outcomes.size >= MAX_REMEMBERED) outcomes.clear();
    outcomes.set(policyKey, material);
    return material;
  }

  #makeMaterial(
    { arn, id, sealedKey }: Certificate,
    offered: Omit<CompiledTls, 'key' | 'ticketKey' | 'privateKey'>,
  ): Material | { readonly problem: string } {
    let privateKey: string;
    try {
      privateKey = this.#options.secrets.open(sealedKey, id);
    } catch (error) {
      return { problem: `the private key of the certificate ${arn} cannot be opened: ${messageOf(error)}` };
    }
    const parts = { ...offered, privateKey };
    const identity = createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
    try {
      // Tried here, so that no thread is sent what it could not serve.
      makeServerContext({ ...parts, ticketKey: new Uint8Array(TICKET_KEY_BYTES) });
    } catch (error) {
      return { problem: `OpenSSL does not take the certificate ${arn} with its policy: ${messageOf(error)}` };
    }
    return { ...parts, identity };
  }

  #withTickets({ identity, ...parts }: Material): CompiledTls {
    const master = this.#options.ticketMaster();
    const ticketKey = new Uint8Array(hkdfSync('sha256', master, identity, 'weir: session tickets', TICKET_KEY_BYTES));
    const key = createHash('sha256').update(identity).update(ticketKey).digest('base64url');
    return { ...parts, key, ticketKey };
  }
}

/** The policy that is set on the listener; the default one where none is. */
function policyOf(record: LoadBalancer, { policyNames }: Listener): Policy {
  const own = record.policies.find(
    ({ policyName, policyTypeName }) =>
      policyTypeName === SSL_NEGOTIATION_POLICY_TYPE && policyNames.includes(policyName),
  );
  const predefined = own ?? policyNames.map(findPredefinedSslPolicy).find((policy) => policy !== undefined);
  return predefined ?? present(findPredefinedSslPolicy(DEFAULT_SSL_POLICY_NAME), 'the default policy');
}
