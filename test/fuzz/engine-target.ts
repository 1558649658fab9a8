/** The target `http-engine`: the engine as a whole, between clients and back ends that may do anything. */
import type { Random } from '../../src/kit/random.ts';
import { Tape } from './choices.ts';
import { assertLogged } from './engine-log.ts';
import { assertServed } from './engine-progress.ts';
import { assertNoOffence, assertNothingLeft, assertSafe, recordOf } from './engine-properties.ts';
import { Defect, hold } from './engine-record.ts';
import { World } from './engine-world.ts';
import { check, type Finding, type FuzzTarget } from './target.ts';

export const engineTarget: FuzzTarget = {
  name: 'http-engine',
  about: 'the whole engine: each request goes on as it is read, each response to its request, and nothing is left',
  run: (random) => checkEngine(random),
};

function checkEngine(random: Random): Finding | undefined {
  const tape = new Tape(random);
  const finding = check('a run of the engine', () => play(tape), new Uint8Array());
  if (finding === undefined) return undefined;
  // While it is made smaller it must not become another finding.
  const kind = kindOf(finding.message);
  return {
    ...finding,
    bytes: Buffer.from(tape.used),
    fails: (bytes) => kindOf(play(new Tape(bytes)) ?? '') === kind,
    choices: true,
    script: (bytes) => {
      const script: string[] = [];
      const message = play(new Tape(bytes), script);
      return [...script, `=> ${message}`].join('\n');
    },
  };
}

/** What remains of a message without what differs from run to run. */
function kindOf(message: string): string {
  return message
    .replace(/".*/s, '')
    .replace(/[0-9]+/g, '')
    .slice(0, 60);
}

/** Plays one run; says what was wrong with it. */
function play(tape: Tape, script?: string[]): string | undefined {
  try {
    const world = new World(tape, script);
    world.rest();
    assertNoOffence(world);
    assertServed(recordOf(world));
    const open = world.end();
    assertNoOffence(world);
    const record = recordOf(world);
    assertSafe(record);
    assertLogged(record);
    hold(open.length === 0, () => `${open.length} connections outlive all timeouts`);
    assertNothingLeft(world);
    return undefined;
  } catch (error) {
    if (error instanceof Defect) return error.message;
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}
