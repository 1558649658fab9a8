/**
 * `npm run guide-script`: the commands of the user guide by every client that this machine has: the AWS command line
 * (1 and 2), boto3 in every Python, and the AWS SDK for JavaScript. A client that is not there is skipped, and said so.
 */
import { test } from 'node:test';
import { findBoto3, findCommandLines, sdkDriver } from './drivers.ts';
import { runScript } from './script.ts';

const commandLines = findCommandLines();
const boto3 = findBoto3();

for (const driver of [...commandLines, ...boto3, sdkDriver]) {
  await test(driver.name, (context) => runScript(context, driver));
}
for (const version of [1, 2]) {
  const isThere = commandLines.some(({ name }) => name.startsWith(`aws-cli ${version}.`));
  if (!isThere) test(`aws-cli ${version}`, { skip: 'no such "aws" on the PATH' });
}
if (boto3.length === 0) test('boto3', { skip: 'no python3 on the PATH has boto3' });
