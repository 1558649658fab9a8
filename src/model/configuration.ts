/**
 * What the operator decides, after flags, environment and file were merged and checked (cli/configuration.ts).
 * Every value is present: defaults are filled in at the edge.
 */
import type { CheckedCertificate } from './certificate-check.ts';
import type { Platform, Scheme } from './load-balancer.ts';

/** An inventory entry: an instance id that weir resolves by itself. */
export interface InventoryInstance {
  readonly address: string;
  readonly zone?: string;
  /** Instance port → real port. */
  readonly ports?: Readonly<Record<string, number>>;
}

/** A key of AWS's, or of a service that speaks like one of AWS's. Never in the configuration itself. */
export interface AwsKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** An EC2 endpoint that knows instances and networks. Its key comes from the environment, as AWS's own tools take it. */
export interface Ec2Endpoint {
  readonly url: string;
  /** The region that calls are signed for. */
  readonly region: string;
  /** Of the shared credentials file; without one AWS_PROFILE decides, then `default`. */
  readonly profile?: string;
}

export interface SecurityGroupRule {
  readonly cidr: string;
  /** Inclusive range of load balancer ports. */
  readonly fromPort: number;
  readonly toPort: number;
}

export interface SecurityGroup {
  readonly ingress: readonly SecurityGroupRule[];
  /** Where it is EC2's: what it is looked up by there. */
  readonly ec2?: SecurityGroupIdentity;
}

/** Tools do not look a security group up by its id only, but by its name in a VPC of an account. */
export interface SecurityGroupIdentity {
  readonly name: string;
  readonly vpcId: string;
  readonly ownerId: string;
}

/** An S3-compatible service. */
export interface S3Endpoint {
  readonly url: string;
  readonly region: string;
  /** Of the AWS credentials file; undefined: the key is taken from the environment, or the usual profile. */
  readonly profile?: string;
  /** The bucket stands in the path, not in front of the host name. */
  readonly pathStyle: boolean;
}

export type AccessLogPlace = { readonly folder: string } | { readonly s3: S3Endpoint };

export interface Configuration {
  readonly dataDir: string;
  readonly api: { readonly host: string; readonly port: number; readonly auth: 'sigv4' | 'none' };
  /** Pools by scheme, each an address or a network in CIDR form. */
  readonly addresses: Readonly<Record<Scheme, readonly string[]>>;
  readonly threads: number;
  readonly platform: Platform;
  readonly region: string;
  readonly domain: string;
  /** Names of the zones of a region; empty: a, b and c of the region that the signature names. */
  readonly zones: readonly string[];
  /** Subnet id → zone. */
  readonly subnets: Readonly<Record<string, string>>;
  readonly securityGroups: Readonly<Record<string, SecurityGroup>>;
  /** By ARN: files of PEM, as they were when the configuration was read. */
  readonly certificates: Readonly<Record<string, CheckedCertificate>>;
  readonly instances: {
    readonly inventory: Readonly<Record<string, InventoryInstance>>;
    /** Who knows the ids that are neither in the inventory nor literals. */
    readonly ec2?: Ec2Endpoint;
    /** Allow link-local addresses and this process's own API as instances. */
    readonly allowReserved: boolean;
  };
  readonly limits: { readonly loadBalancers: number; readonly listeners: number; readonly instances: number };
  /** Keep at least one open connection to every healthy instance (HTTP). */
  readonly preconnect: boolean;
  /** Seconds that a stopping process waits for requests in flight. */
  readonly stopTimeout: number;
  /** Where access logs are delivered to; undefined: to a folder in the data directory. */
  readonly accessLogs?: AccessLogPlace;
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent'; readonly format: 'json' | 'pretty' };
}
