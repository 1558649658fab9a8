/** The commands of the user guide, run by the SDK of this repository; `npm run guide-script` has the other clients. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sdkDriver } from './guide-script/drivers.ts';
import { runScript, TUTORIALS } from './guide-script/script.ts';

describe('the tutorials of the user guide', () => {
  it('are at least sixty commands', () => {
    const commands = TUTORIALS.flatMap(({ steps }) => steps);
    assert.ok(commands.length >= 60, `${commands.length}`);
  });

  it('do to the traffic what they say, with the SDK', (test) => runScript(test, sdkDriver));
});
