/**
 * The record of a load balancer, as the store keeps it: AWS's nouns, plain data, JSON-safe, immutable.
 * Everything that the traffic needs is compiled from these records (control/compile.ts).
 */

export type Protocol = 'HTTP' | 'HTTPS' | 'TCP' | 'SSL';
export type Scheme = 'internet-facing' | 'internal';
export type Platform = 'vpc' | 'ec2-classic';

export interface Listener {
  readonly protocol: Protocol;
  readonly loadBalancerPort: number;
  readonly instanceProtocol: Protocol;
  readonly instancePort: number;
  /** ARN of the certificate; on HTTPS and SSL listeners only. */
  readonly sslCertificateId?: string;
  /** Names of the policies set on the listener. */
  readonly policyNames: readonly string[];
}

/** A registered instance, with what its id was resolved to when it was registered. */
export interface Instance {
  readonly instanceId: string;
  /** IP address or host name that the traffic connects to. */
  readonly host: string;
  /** Set for a literal `address:port`: used instead of every instance port. */
  readonly port?: number;
  /** Instance port → real port, from the inventory (`ports: {80: 9001}`). */
  readonly ports?: Readonly<Record<string, number>>;
  readonly zone: string;
  /** Epoch milliseconds of the registration. */
  readonly registeredTimeMs: number;
}

export interface HealthCheck {
  /** `TCP:port`, `SSL:port`, `HTTP:port/path`, `HTTPS:port/path`. */
  readonly target: string;
  /** Seconds. */
  readonly interval: number;
  /** Seconds; below the interval. */
  readonly timeout: number;
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
}

export interface AccessLogAttribute {
  readonly enabled: boolean;
  readonly s3BucketName?: string;
  /** Minutes: 5 or 60. */
  readonly emitInterval: 5 | 60;
  readonly s3BucketPrefix?: string;
}

export type DesyncMitigationMode = 'monitor' | 'defensive' | 'strictest';

export interface Attributes {
  readonly crossZoneLoadBalancing: boolean;
  readonly accessLog: AccessLogAttribute;
  readonly connectionDraining: { readonly enabled: boolean; /** Seconds. */ readonly timeout: number };
  /** Seconds. */
  readonly idleTimeout: number;
  /** `elb.http.desyncmitigationmode` and `weir.*`, as given; keys are checked by the API. */
  readonly additional: Readonly<Record<string, string>>;
}

export interface PolicyAttribute {
  readonly name: string;
  /** In the one form that everybody reads: booleans in lower case, a public key in base64 of its DER. */
  readonly value: string;
  /** As the caller wrote it, and is told again, where that is another form. */
  readonly given?: string;
}

export interface Policy {
  readonly policyName: string;
  readonly policyTypeName: string;
  readonly attributes: readonly PolicyAttribute[];
}

export interface Tag {
  readonly key: string;
  /** Absent when the tag was made without a value. */
  readonly value?: string;
}

export interface BackendServerPolicies {
  readonly instancePort: number;
  readonly policyNames: readonly string[];
}

export interface LoadBalancer {
  readonly accountId: string;
  readonly region: string;
  /** As the caller wrote it; unique per account and region without regard to case. */
  readonly name: string;
  readonly scheme: Scheme;
  /** Epoch milliseconds. */
  readonly createdTimeMs: number;
  readonly dnsName: string;
  /** The address that its listeners bind, from the pool of the configuration. */
  readonly address: string;
  readonly vpcId: string;
  readonly zones: readonly string[];
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
  readonly listeners: readonly Listener[];
  readonly instances: readonly Instance[];
  readonly healthCheck: HealthCheck;
  readonly attributes: Attributes;
  readonly policies: readonly Policy[];
  readonly backendServerPolicies: readonly BackendServerPolicies[];
  readonly tags: readonly Tag[];
}

/** `account/region/name` with the name folded: what identifies a load balancer everywhere in the process. */
export type LoadBalancerId = string & { readonly brand: 'LoadBalancerId' };

export function loadBalancerId(accountId: string, region: string, name: string): LoadBalancerId {
  return `${accountId}/${region}/${name.toLowerCase()}` as LoadBalancerId;
}

export function idOf(record: LoadBalancer): LoadBalancerId {
  return loadBalancerId(record.accountId, record.region, record.name);
}

/** The real port of `instance` for `instancePort` (a literal's own port, then the inventory's map, then itself). */
export function realPort(instance: Instance, instancePort: number): number {
  return instance.port ?? instance.ports?.[String(instancePort)] ?? instancePort;
}

/** 7 for HTTP and HTTPS, 4 for TCP and SSL. */
export function layerOf(protocol: Protocol): 4 | 7 {
  return protocol === 'HTTP' || protocol === 'HTTPS' ? 7 : 4;
}

/** Whether listeners or instances of the protocol speak TLS. */
export function isTls(protocol: Protocol): boolean {
  return protocol === 'HTTPS' || protocol === 'SSL';
}
