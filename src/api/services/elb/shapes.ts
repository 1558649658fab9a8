/** Generated from the AWS model (`npm run generate:models`): do not edit. */

export interface AccessLog {
  readonly Enabled: boolean;
  readonly S3BucketName?: string;
  readonly EmitInterval?: number;
  readonly S3BucketPrefix?: string;
}

export interface AddAvailabilityZonesInput {
  readonly LoadBalancerName: string;
  readonly AvailabilityZones: readonly string[];
}

export interface AddAvailabilityZonesOutput {
  readonly AvailabilityZones?: readonly string[];
}

export interface AddTagsInput {
  readonly LoadBalancerNames: readonly string[];
  readonly Tags: readonly Tag[];
}

export type AddTagsOutput = Readonly<Record<string, never>>;

export interface AdditionalAttribute {
  readonly Key?: string;
  readonly Value?: string;
}

export interface AppCookieStickinessPolicy {
  readonly PolicyName?: string;
  readonly CookieName?: string;
}

export interface ApplySecurityGroupsToLoadBalancerInput {
  readonly LoadBalancerName: string;
  readonly SecurityGroups: readonly string[];
}

export interface ApplySecurityGroupsToLoadBalancerOutput {
  readonly SecurityGroups?: readonly string[];
}

export interface AttachLoadBalancerToSubnetsInput {
  readonly LoadBalancerName: string;
  readonly Subnets: readonly string[];
}

export interface AttachLoadBalancerToSubnetsOutput {
  readonly Subnets?: readonly string[];
}

export interface BackendServerDescription {
  readonly InstancePort?: number;
  readonly PolicyNames?: readonly string[];
}

export interface ConfigureHealthCheckInput {
  readonly LoadBalancerName: string;
  readonly HealthCheck: HealthCheck;
}

export interface ConfigureHealthCheckOutput {
  readonly HealthCheck?: HealthCheck;
}

export interface ConnectionDraining {
  readonly Enabled: boolean;
  readonly Timeout?: number;
}

export interface ConnectionSettings {
  readonly IdleTimeout: number;
}

export interface CreateAccessPointInput {
  readonly LoadBalancerName: string;
  readonly Listeners: readonly Listener[];
  readonly AvailabilityZones?: readonly string[];
  readonly Subnets?: readonly string[];
  readonly SecurityGroups?: readonly string[];
  readonly Scheme?: string;
  readonly Tags?: readonly Tag[];
}

export interface CreateAccessPointOutput {
  readonly DNSName?: string;
}

export interface CreateAppCookieStickinessPolicyInput {
  readonly LoadBalancerName: string;
  readonly PolicyName: string;
  readonly CookieName: string;
}

export type CreateAppCookieStickinessPolicyOutput = Readonly<Record<string, never>>;

export interface CreateLBCookieStickinessPolicyInput {
  readonly LoadBalancerName: string;
  readonly PolicyName: string;
  readonly CookieExpirationPeriod?: number;
}

export type CreateLBCookieStickinessPolicyOutput = Readonly<Record<string, never>>;

export interface CreateLoadBalancerListenerInput {
  readonly LoadBalancerName: string;
  readonly Listeners: readonly Listener[];
}

export type CreateLoadBalancerListenerOutput = Readonly<Record<string, never>>;

export interface CreateLoadBalancerPolicyInput {
  readonly LoadBalancerName: string;
  readonly PolicyName: string;
  readonly PolicyTypeName: string;
  readonly PolicyAttributes?: readonly PolicyAttribute[];
}

export type CreateLoadBalancerPolicyOutput = Readonly<Record<string, never>>;

export interface CrossZoneLoadBalancing {
  readonly Enabled: boolean;
}

export interface DeleteAccessPointInput {
  readonly LoadBalancerName: string;
}

export type DeleteAccessPointOutput = Readonly<Record<string, never>>;

export interface DeleteLoadBalancerListenerInput {
  readonly LoadBalancerName: string;
  readonly LoadBalancerPorts: readonly number[];
}

export type DeleteLoadBalancerListenerOutput = Readonly<Record<string, never>>;

export interface DeleteLoadBalancerPolicyInput {
  readonly LoadBalancerName: string;
  readonly PolicyName: string;
}

export type DeleteLoadBalancerPolicyOutput = Readonly<Record<string, never>>;

export interface DeregisterEndPointsInput {
  readonly LoadBalancerName: string;
  readonly Instances: readonly Instance[];
}

export interface DeregisterEndPointsOutput {
  readonly Instances?: readonly Instance[];
}

export interface DescribeAccessPointsInput {
  readonly LoadBalancerNames?: readonly string[];
  readonly Marker?: string;
  readonly PageSize?: number;
}

export interface DescribeAccessPointsOutput {
  readonly LoadBalancerDescriptions?: readonly LoadBalancerDescription[];
  readonly NextMarker?: string;
}

export interface DescribeAccountLimitsInput {
  readonly Marker?: string;
  readonly PageSize?: number;
}

export interface DescribeAccountLimitsOutput {
  readonly Limits?: readonly Limit[];
  readonly NextMarker?: string;
}

export interface DescribeEndPointStateInput {
  readonly LoadBalancerName: string;
  readonly Instances?: readonly Instance[];
}

export interface DescribeEndPointStateOutput {
  readonly InstanceStates?: readonly InstanceState[];
}

export interface DescribeLoadBalancerAttributesInput {
  readonly LoadBalancerName: string;
}

export interface DescribeLoadBalancerAttributesOutput {
  readonly LoadBalancerAttributes?: LoadBalancerAttributes;
}

export interface DescribeLoadBalancerPoliciesInput {
  readonly LoadBalancerName?: string;
  readonly PolicyNames?: readonly string[];
}

export interface DescribeLoadBalancerPoliciesOutput {
  readonly PolicyDescriptions?: readonly PolicyDescription[];
}

export interface DescribeLoadBalancerPolicyTypesInput {
  readonly PolicyTypeNames?: readonly string[];
}

export interface DescribeLoadBalancerPolicyTypesOutput {
  readonly PolicyTypeDescriptions?: readonly PolicyTypeDescription[];
}

export interface DescribeTagsInput {
  readonly LoadBalancerNames: readonly string[];
}

export interface DescribeTagsOutput {
  readonly TagDescriptions?: readonly TagDescription[];
}

export interface DetachLoadBalancerFromSubnetsInput {
  readonly LoadBalancerName: string;
  readonly Subnets: readonly string[];
}

export interface DetachLoadBalancerFromSubnetsOutput {
  readonly Subnets?: readonly string[];
}

export interface HealthCheck {
  readonly Target: string;
  readonly Interval: number;
  readonly Timeout: number;
  readonly UnhealthyThreshold: number;
  readonly HealthyThreshold: number;
}

export interface Instance {
  readonly InstanceId?: string;
}

export interface InstanceState {
  readonly InstanceId?: string;
  readonly State?: string;
  readonly ReasonCode?: string;
  readonly Description?: string;
}

export interface LBCookieStickinessPolicy {
  readonly PolicyName?: string;
  readonly CookieExpirationPeriod?: number;
}

export interface Limit {
  readonly Name?: string;
  readonly Max?: string;
}

export interface Listener {
  readonly Protocol: string;
  readonly LoadBalancerPort: number;
  readonly InstancePort: number;
  readonly InstanceProtocol?: string;
  readonly SSLCertificateId?: string;
}

export interface ListenerDescription {
  readonly Listener?: Listener;
  readonly PolicyNames?: readonly string[];
}

export interface LoadBalancerAttributes {
  readonly CrossZoneLoadBalancing?: CrossZoneLoadBalancing;
  readonly AccessLog?: AccessLog;
  readonly ConnectionDraining?: ConnectionDraining;
  readonly ConnectionSettings?: ConnectionSettings;
  readonly AdditionalAttributes?: readonly AdditionalAttribute[];
}

export interface LoadBalancerDescription {
  readonly LoadBalancerName?: string;
  readonly DNSName?: string;
  readonly CanonicalHostedZoneName?: string;
  readonly CanonicalHostedZoneNameID?: string;
  readonly ListenerDescriptions?: readonly ListenerDescription[];
  readonly Policies?: Policies;
  readonly BackendServerDescriptions?: readonly BackendServerDescription[];
  readonly AvailabilityZones?: readonly string[];
  readonly Subnets?: readonly string[];
  readonly VPCId?: string;
  readonly Instances?: readonly Instance[];
  readonly HealthCheck?: HealthCheck;
  readonly SourceSecurityGroup?: SourceSecurityGroup;
  readonly SecurityGroups?: readonly string[];
  readonly CreatedTime?: Date;
  readonly Scheme?: string;
}

export interface ModifyLoadBalancerAttributesInput {
  readonly LoadBalancerName: string;
  readonly LoadBalancerAttributes: LoadBalancerAttributes;
}

export interface ModifyLoadBalancerAttributesOutput {
  readonly LoadBalancerName?: string;
  readonly LoadBalancerAttributes?: LoadBalancerAttributes;
}

export interface Policies {
  readonly AppCookieStickinessPolicies?: readonly AppCookieStickinessPolicy[];
  readonly LBCookieStickinessPolicies?: readonly LBCookieStickinessPolicy[];
  readonly OtherPolicies?: readonly string[];
}

export interface PolicyAttribute {
  readonly AttributeName?: string;
  readonly AttributeValue?: string;
}

export interface PolicyAttributeDescription {
  readonly AttributeName?: string;
  readonly AttributeValue?: string;
}

export interface PolicyAttributeTypeDescription {
  readonly AttributeName?: string;
  readonly AttributeType?: string;
  readonly Description?: string;
  readonly DefaultValue?: string;
  readonly Cardinality?: string;
}

export interface PolicyDescription {
  readonly PolicyName?: string;
  readonly PolicyTypeName?: string;
  readonly PolicyAttributeDescriptions?: readonly PolicyAttributeDescription[];
}

export interface PolicyTypeDescription {
  readonly PolicyTypeName?: string;
  readonly Description?: string;
  readonly PolicyAttributeTypeDescriptions?: readonly PolicyAttributeTypeDescription[];
}

export interface RegisterEndPointsInput {
  readonly LoadBalancerName: string;
  readonly Instances: readonly Instance[];
}

export interface RegisterEndPointsOutput {
  readonly Instances?: readonly Instance[];
}

export interface RemoveAvailabilityZonesInput {
  readonly LoadBalancerName: string;
  readonly AvailabilityZones: readonly string[];
}

export interface RemoveAvailabilityZonesOutput {
  readonly AvailabilityZones?: readonly string[];
}

export interface RemoveTagsInput {
  readonly LoadBalancerNames: readonly string[];
  readonly Tags: readonly TagKeyOnly[];
}

export type RemoveTagsOutput = Readonly<Record<string, never>>;

export interface SetLoadBalancerListenerSSLCertificateInput {
  readonly LoadBalancerName: string;
  readonly LoadBalancerPort: number;
  readonly SSLCertificateId: string;
}

export type SetLoadBalancerListenerSSLCertificateOutput = Readonly<Record<string, never>>;

export interface SetLoadBalancerPoliciesForBackendServerInput {
  readonly LoadBalancerName: string;
  readonly InstancePort: number;
  readonly PolicyNames: readonly string[];
}

export type SetLoadBalancerPoliciesForBackendServerOutput = Readonly<Record<string, never>>;

export interface SetLoadBalancerPoliciesOfListenerInput {
  readonly LoadBalancerName: string;
  readonly LoadBalancerPort: number;
  readonly PolicyNames: readonly string[];
}

export type SetLoadBalancerPoliciesOfListenerOutput = Readonly<Record<string, never>>;

export interface SourceSecurityGroup {
  readonly OwnerAlias?: string;
  readonly GroupName?: string;
}

export interface Tag {
  readonly Key: string;
  readonly Value?: string;
}

export interface TagDescription {
  readonly LoadBalancerName?: string;
  readonly Tags?: readonly Tag[];
}

export interface TagKeyOnly {
  readonly Key?: string;
}

export interface Operations {
  readonly AddTags: {
    readonly input: AddTagsInput;
    readonly output: AddTagsOutput;
  };
  readonly ApplySecurityGroupsToLoadBalancer: {
    readonly input: ApplySecurityGroupsToLoadBalancerInput;
    readonly output: ApplySecurityGroupsToLoadBalancerOutput;
  };
  readonly AttachLoadBalancerToSubnets: {
    readonly input: AttachLoadBalancerToSubnetsInput;
    readonly output: AttachLoadBalancerToSubnetsOutput;
  };
  readonly ConfigureHealthCheck: {
    readonly input: ConfigureHealthCheckInput;
    readonly output: ConfigureHealthCheckOutput;
  };
  readonly CreateAppCookieStickinessPolicy: {
    readonly input: CreateAppCookieStickinessPolicyInput;
    readonly output: CreateAppCookieStickinessPolicyOutput;
  };
  readonly CreateLBCookieStickinessPolicy: {
    readonly input: CreateLBCookieStickinessPolicyInput;
    readonly output: CreateLBCookieStickinessPolicyOutput;
  };
  readonly CreateLoadBalancer: {
    readonly input: CreateAccessPointInput;
    readonly output: CreateAccessPointOutput;
  };
  readonly CreateLoadBalancerListeners: {
    readonly input: CreateLoadBalancerListenerInput;
    readonly output: CreateLoadBalancerListenerOutput;
  };
  readonly CreateLoadBalancerPolicy: {
    readonly input: CreateLoadBalancerPolicyInput;
    readonly output: CreateLoadBalancerPolicyOutput;
  };
  readonly DeleteLoadBalancer: {
    readonly input: DeleteAccessPointInput;
    readonly output: DeleteAccessPointOutput;
  };
  readonly DeleteLoadBalancerListeners: {
    readonly input: DeleteLoadBalancerListenerInput;
    readonly output: DeleteLoadBalancerListenerOutput;
  };
  readonly DeleteLoadBalancerPolicy: {
    readonly input: DeleteLoadBalancerPolicyInput;
    readonly output: DeleteLoadBalancerPolicyOutput;
  };
  readonly DeregisterInstancesFromLoadBalancer: {
    readonly input: DeregisterEndPointsInput;
    readonly output: DeregisterEndPointsOutput;
  };
  readonly DescribeAccountLimits: {
    readonly input: DescribeAccountLimitsInput;
    readonly output: DescribeAccountLimitsOutput;
  };
  readonly DescribeInstanceHealth: {
    readonly input: DescribeEndPointStateInput;
    readonly output: DescribeEndPointStateOutput;
  };
  readonly DescribeLoadBalancerAttributes: {
    readonly input: DescribeLoadBalancerAttributesInput;
    readonly output: DescribeLoadBalancerAttributesOutput;
  };
  readonly DescribeLoadBalancerPolicies: {
    readonly input: DescribeLoadBalancerPoliciesInput;
    readonly output: DescribeLoadBalancerPoliciesOutput;
  };
  readonly DescribeLoadBalancerPolicyTypes: {
    readonly input: DescribeLoadBalancerPolicyTypesInput;
    readonly output: DescribeLoadBalancerPolicyTypesOutput;
  };
  readonly DescribeLoadBalancers: {
    readonly input: DescribeAccessPointsInput;
    readonly output: DescribeAccessPointsOutput;
  };
  readonly DescribeTags: {
    readonly input: DescribeTagsInput;
    readonly output: DescribeTagsOutput;
  };
  readonly DetachLoadBalancerFromSubnets: {
    readonly input: DetachLoadBalancerFromSubnetsInput;
    readonly output: DetachLoadBalancerFromSubnetsOutput;
  };
  readonly DisableAvailabilityZonesForLoadBalancer: {
    readonly input: RemoveAvailabilityZonesInput;
    readonly output: RemoveAvailabilityZonesOutput;
  };
  readonly EnableAvailabilityZonesForLoadBalancer: {
    readonly input: AddAvailabilityZonesInput;
    readonly output: AddAvailabilityZonesOutput;
  };
  readonly ModifyLoadBalancerAttributes: {
    readonly input: ModifyLoadBalancerAttributesInput;
    readonly output: ModifyLoadBalancerAttributesOutput;
  };
  readonly RegisterInstancesWithLoadBalancer: {
    readonly input: RegisterEndPointsInput;
    readonly output: RegisterEndPointsOutput;
  };
  readonly RemoveTags: {
    readonly input: RemoveTagsInput;
    readonly output: RemoveTagsOutput;
  };
  readonly SetLoadBalancerListenerSSLCertificate: {
    readonly input: SetLoadBalancerListenerSSLCertificateInput;
    readonly output: SetLoadBalancerListenerSSLCertificateOutput;
  };
  readonly SetLoadBalancerPoliciesForBackendServer: {
    readonly input: SetLoadBalancerPoliciesForBackendServerInput;
    readonly output: SetLoadBalancerPoliciesForBackendServerOutput;
  };
  readonly SetLoadBalancerPoliciesOfListener: {
    readonly input: SetLoadBalancerPoliciesOfListenerInput;
    readonly output: SetLoadBalancerPoliciesOfListenerOutput;
  };
}

export type ErrorCode =
  | 'LoadBalancerNotFound'
  | 'CertificateNotFound'
  | 'DependencyThrottle'
  | 'DuplicateLoadBalancerName'
  | 'DuplicateListener'
  | 'DuplicatePolicyName'
  | 'DuplicateTagKeys'
  | 'InvalidConfigurationRequest'
  | 'InvalidInstance'
  | 'InvalidScheme'
  | 'InvalidSecurityGroup'
  | 'InvalidSubnet'
  | 'ListenerNotFound'
  | 'LoadBalancerAttributeNotFound'
  | 'OperationNotPermitted'
  | 'PolicyNotFound'
  | 'PolicyTypeNotFound'
  | 'SubnetNotFound'
  | 'TooManyLoadBalancers'
  | 'TooManyPolicies'
  | 'TooManyTags'
  | 'UnsupportedProtocol';
