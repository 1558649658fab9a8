/**
 * Terraform itself with its AWS provider: the recipe of docs/clients.md, and what the page names beside it
 * (terraform/resources.tf). Made, changed, imported, destroyed; after each, Terraform must find nothing left to do.
 */
import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  DescribeLoadBalancersCommand,
  type ElasticLoadBalancingClient,
  type LoadBalancerDescription,
} from '@aws-sdk/client-elastic-load-balancing';
import { issue } from '../../support/issued.ts';
import { recipe } from '../../support/recipes.ts';
import { freePort } from '../../support/weir-process.ts';
import { ask, execute, here, start, type Place } from './recipes.ts';

/** The folder that has the provider: no test asks a registry. */
export const PLUGINS_VARIABLE = 'WEIR_TERRAFORM_PLUGINS';

const RESOURCES = fileURLToPath(new URL('terraform/resources.tf', import.meta.url));
/** As many as terraform/resources.tf takes. */
const PORT_COUNT = 8;
const ENVIRONMENT = { CHECKPOINT_DISABLE: '1', TF_IN_AUTOMATION: '1', TF_INPUT: '0' };

/** One run of Terraform in the folder of the configuration. Rejects with what it says. */
type Run = (command: string, ...words: readonly string[]) => Promise<string>;

/** The page's provider and resources, for the weir and the instance of this run; `plugins` is a mirror of providers. */
export async function runTerraform(test: TestContext, path: string, plugins: string): Promise<void> {
  const place = await start(test);
  await writeConfiguration(place);
  const run: Run = (command, ...words) => execute(path, [...command.split(' '), ...words], place, ENVIRONMENT);
  await run('init -no-color', `-plugin-dir=${plugins}`);
  const client = await place.weir.client();
  test.after(() => client.destroy());

  await apply(run, false);
  await assertServed(place);
  assert.deepEqual(await summary(client), MADE);
  await apply(run, true);
  assert.deepEqual(await summary(client), CHANGED);
  await run('state rm', 'aws_elb.sticky');
  await run('import -no-color', '-var=changed=true', 'aws_elb.sticky', 'sticky');
  await assertNothingToDo(run, true);
  await run('destroy -no-color -auto-approve', '-var=changed=true');
  assert.deepEqual(await summary(client), {});
}

async function writeConfiguration(place: Place): Promise<void> {
  const { home, weir, ports } = place;
  const instance = `127.0.0.1:${ports.get('9001')}`;
  const page = here(recipe('Terraform', 'hcl'), place)
    .replace('/srv/weir-data', weir.dataDir)
    .replace('"10.0.0.5"', '"127.0.0.1"')
    .replace('"10.0.0.6:9002"', JSON.stringify(instance));
  assert.doesNotMatch(page, /10\.0\.0\./);
  writeFileSync(join(home, 'page.tf'), page);
  copyFileSync(RESOURCES, join(home, 'resources.tf'));
  const { certificate, privateKey } = issue({ key: 'rsa-2048' });
  writeFileSync(join(home, 'web.pem'), certificate);
  writeFileSync(join(home, 'web.key'), privateKey);
  const own: number[] = [];
  while (own.length < PORT_COUNT) {
    const port = await freePort();
    if (!own.includes(port) && ![...ports.values()].includes(port)) own.push(port);
  }
  writeFileSync(join(home, 'terraform.tfvars.json'), JSON.stringify({ ports: own }));
}

async function apply(run: Run, changed: boolean): Promise<void> {
  await run('apply -no-color -auto-approve', `-var=changed=${changed}`);
  await assertNothingToDo(run, changed);
}

/** With 2 as its exit code a plan says that there is something. */
async function assertNothingToDo(run: Run, changed: boolean): Promise<void> {
  await run('plan -no-color -detailed-exitcode', `-var=changed=${changed}`);
}

/** The load balancer of the page answers, and its cookie is set. */
async function assertServed({ weir, ports }: Place): Promise<void> {
  const options = { host: '127.0.0.1', port: ports.get('8081')!, agent: false as const };
  const cookies = await weir.until('an answer with a cookie', async () => {
    let found: string[] | undefined;
    const body = await ask((answered) =>
      get(options, (response) => {
        found = response.headers['set-cookie'];
        answered(response);
      }),
    );
    return body === 'the instance' && found;
  });
  assert.match(cookies[0]!, /^AWSELB=/);
}

/** What of a load balancer is not the same in each run: zones, instances, policies of its instance ports. */
type Summary = readonly [
  zones: number,
  instances: readonly string[],
  backends: Readonly<Record<string, readonly string[]>>,
];

const MADE: Readonly<Record<string, Summary>> = {
  inside: [1, ['127.0.0.2'], { 25: ['TFEnableProxyProtocol'] }],
  plain: [3, ['127.0.0.2', '127.0.0.3'], {}],
  secure: [1, [], { 8443: ['authentication-0'] }],
  sticky: [1, [], {}],
};
const CHANGED: Readonly<Record<string, Summary>> = {
  inside: [2, ['127.0.0.3'], { 25: ['TFEnableProxyProtocol'], 587: ['TFEnableProxyProtocol'] }],
  plain: [1, ['127.0.0.3'], {}],
  secure: [1, [], { 8443: ['authentication-1'] }],
  sticky: [1, [], {}],
};

/** Of all load balancers but the page's; the one with a made-up name goes by its resource. */
async function summary(client: ElasticLoadBalancingClient): Promise<Readonly<Record<string, Summary>>> {
  const { LoadBalancerDescriptions = [] } = await client.send(new DescribeLoadBalancersCommand({}));
  const others = LoadBalancerDescriptions.filter(({ LoadBalancerName: name }) => name !== 'web');
  return Object.fromEntries(others.map(summaryOf));
}

function summaryOf(described: LoadBalancerDescription): readonly [name: string, summary: Summary] {
  const { LoadBalancerName: name = '', AvailabilityZones: zones = [], Instances: instances = [] } = described;
  const backends = (described.BackendServerDescriptions ?? []).map(({ InstancePort, PolicyNames = [] }) => {
    return [String(InstancePort), PolicyNames] as const;
  });
  const ids = instances.map(({ InstanceId = '' }) => InstanceId).toSorted();
  return [name.startsWith('p-') ? 'plain' : name, [zones.length, ids, Object.fromEntries(backends)]];
}
