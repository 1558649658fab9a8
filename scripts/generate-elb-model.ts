/** `npm run generate:elb-model`: writes src/api/services/elb/model.json and shapes.ts from the pinned AWS SDK. */
import * as sdk from '@aws-sdk/client-elastic-load-balancing';
import type { ServiceModel } from '../src/api/codec/model.ts';
import * as aws from './aws-model.ts';

const SCRIPT = 'generate-elb-model.ts';

/** The model of the installed SDK. */
export function generateModel(): ServiceModel {
  const version = new sdk.ElasticLoadBalancingClient({ region: 'us-east-1' }).config.apiVersion;
  return aws.generateModel({
    package: '@aws-sdk/client-elastic-load-balancing',
    sdk,
    version,
    xmlNamespace: `http://elasticloadbalancing.amazonaws.com/doc/${version}/`,
  });
}

export function generateShapes(model: ServiceModel): string {
  return aws.generateShapes(model, SCRIPT);
}

export { modelText } from './aws-model.ts';

if (import.meta.main) {
  aws.writeModel(new URL('../src/api/services/elb/', import.meta.url), generateModel(), SCRIPT);
}
