/**
 * What the codecs know of a service: its operations, the shapes of their inputs and outputs, its errors. Written by a
 * generator (scripts/aws-model.ts) or by hand, never by a peer.
 */

export type ScalarType = 'string' | 'integer' | 'double' | 'boolean' | 'timestamp' | 'blob';

export type Shape =
  /** What is sensitive is never shown, not even to who sent it. */
  | { readonly type: ScalarType; readonly sensitive?: true }
  | { readonly type: 'structure'; readonly name: string }
  | { readonly type: 'list'; readonly member: Shape }
  /** Of answers only: names that are no members, with a value each. */
  | { readonly type: 'map'; readonly value: Shape };

export interface StructureModel {
  readonly members: Readonly<Record<string, Shape>>;
  readonly required: readonly string[];
}

export interface OperationModel {
  /** Names of structures. */
  readonly input: string;
  readonly output: string;
}

export interface ErrorModel {
  /** As it goes over the wire: `LoadBalancerNotFound`. */
  readonly code: string;
  readonly status: number;
}

export interface ServiceModel {
  /** Where the model is from, with its version. */
  readonly source: string;
  /** The API version that a caller names: `2012-06-01`. */
  readonly version: string;
  /** EC2's form of the Query protocol: lists without `member`, answers and errors without what others wrap them in. */
  readonly dialect?: 'ec2';
  /** Empty where the answers are no XML. */
  readonly xmlNamespace: string;
  readonly operations: Readonly<Record<string, OperationModel>>;
  readonly structures: Readonly<Record<string, StructureModel>>;
  readonly errors: Readonly<Record<string, ErrorModel>>;
}
