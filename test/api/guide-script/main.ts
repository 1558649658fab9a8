/**
 * `npm run guide-script`: the commands of the user guide, and the recipes of docs/clients.md, by every client that this
 * machine has: the AWS command line (1 and 2), boto3 in every Python, the AWS SDK for JavaScript, and Terraform (the page's recipe and
 * all resources that it names). A client that is not there is skipped, and said so. Words pick clients by name: `npm run guide-script -- boto3`.
 */
import { test } from 'node:test';
import { boto3Driver, commandLineDriver, findBoto3, findCommandLines, findTerraform, sdkDriver } from './drivers.ts';
import { runBoto3Recipe, runCommandLineRecipes } from './recipes.ts';
import { refuse } from '../../support/script-options.ts';
import { runScript } from './script.ts';
import { PLUGINS_VARIABLE, runTerraform } from './terraform.ts';

const words = process.argv.slice(2);
let run = 0;
const isWanted = (name: string): boolean => {
  const wanted = words.length === 0 || words.some((word) => name.includes(word));
  if (wanted) run++;
  return wanted;
};
const commandLines = findCommandLines();
const boto3 = findBoto3();

for (const driver of [...commandLines.map(commandLineDriver), ...boto3.map(boto3Driver), sdkDriver]) {
  if (isWanted(driver.name)) await test(driver.name, (context) => runScript(context, driver));
}
for (const { path, version } of commandLines) {
  const name = `the recipes for aws-cli ${version}`;
  if (isWanted(name)) await test(name, (context) => runCommandLineRecipes(context, path, version));
}
for (const { path, version } of boto3) {
  const name = `the recipe for boto3 ${version}`;
  if (isWanted(name)) await test(name, (context) => runBoto3Recipe(context, path, version));
}
const terraform = findTerraform();
const plugins = process.env[PLUGINS_VARIABLE];
if (terraform === undefined) test('terraform', { skip: 'no "terraform" on the PATH' });
else if (isWanted(`terraform ${terraform.version}`)) {
  const name = `terraform ${terraform.version}`;
  if (plugins === undefined) test(name, { skip: `${PLUGINS_VARIABLE} names no folder with its AWS provider` });
  else await test(name, (context) => runTerraform(context, terraform.path, plugins));
}
for (const major of ['1', '2']) {
  const isThere = commandLines.some(({ version }) => version.startsWith(`${major}.`));
  if (!isThere) test(`aws-cli ${major}`, { skip: 'no such "aws" on the PATH' });
}
if (boto3.length === 0) test('boto3', { skip: 'no python3 on the PATH has boto3' });
if (run === 0) refuse('guide-script', `no client of this machine is called ${words.join(' or ')}`);
