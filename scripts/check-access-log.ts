/**
 * Reads access log lines back as other programs do: with the regular expression that Amazon Athena's user guide gives for
 * the logs of Classic Load Balancers, and with GoAccess (Debian package goaccess) where it is installed.
 *
 *   npm run check-access-log -- <file or folder…>
 *
 * GoAccess's own format AWSELB is of Application Load Balancers: a field in front (`type`) and one behind that the lines of
 * a Classic Load Balancer do not have. Lines of layer 7 get the two for its sake. Of layer 4 GoAccess takes no line in any
 * format of its own, the user guide's examples included, since they have no status: they are read with one that skips it.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `input.regex` of the table in "Query Classic Load Balancer logs". */
export const ATHENA =
  /([^ ]*) ([^ ]*) ([^ ]*):([0-9]*) ([^ ]*)[:-]([0-9]*) ([-.0-9]*) ([-.0-9]*) ([-.0-9]*) (|[-0-9]*) (-|[-0-9]*) ([-0-9]*) ([-0-9]*) "([^ ]*) ([^ ]*) (- |[^ ]*)" ("[^"]*") ([A-Z0-9-]+) ([A-Za-z0-9.-]*)$/;

const LAYER_4 = /" "-" \S+ \S+$/;
const LAYER_4_FORMAT = '%dT%t.%^ %^ %h:%^ %^ %T %^ %^ %^ %^ %^ %b "%r" "%u" %k %K';

/** The lines that Athena would leave empty. It takes a pattern for the whole line. */
export function rejectedByAthena(lines: readonly string[]): string[] {
  const whole = new RegExp(`^${ATHENA.source}`);
  return lines.filter((line) => !whole.test(line));
}

/** The lines that GoAccess counts as invalid; undefined where it is not installed. */
export function rejectedByGoAccess(lines: readonly string[]): string[] | undefined {
  if (spawnSync('goaccess', ['--version']).error !== undefined) return undefined;
  const layer4 = lines.filter((line) => line.includes(' - - ') && line.includes('"- - - "') && LAYER_4.test(line));
  const of4 = new Set(layer4);
  const layer7 = lines.filter((line) => !of4.has(line)).map((line) => `http ${line} -`);
  return [
    ...goAccess(layer7, ['--log-format=AWSELB']),
    ...goAccess(layer4, [`--log-format=${LAYER_4_FORMAT}`, '--date-format=%Y-%m-%d', '--time-format=%H:%M:%S']),
  ];
}

function goAccess(lines: readonly string[], format: readonly string[]): string[] {
  if (lines.length === 0) return [];
  const folder = mkdtempSync(join(tmpdir(), 'weir-goaccess-'));
  try {
    const [log, invalid, report] = ['log', 'invalid', 'report.json'].map((name) => join(folder, name));
    writeFileSync(log!, `${lines.join('\n')}\n`, 'latin1');
    const options = ['--no-global-config', `--invalid-requests=${invalid}`, '-o', report!];
    const run = spawnSync('goaccess', [log!, ...options, ...format], { encoding: 'utf8', input: '' });
    if (run.status !== 0) return [...lines];
    const { general } = JSON.parse(readFileSync(report!, 'utf8')) as { general: GoAccessSummary };
    const rejected = readFileSync(invalid!, 'latin1')
      .split('\n')
      .filter((line) => line !== '');
    const missing = lines.length - general.valid_requests - rejected.length;
    return missing > 0 ? [...rejected, `${missing} more`] : rejected;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface GoAccessSummary {
  readonly valid_requests: number;
}

/** All lines of a file, or of the `.log` files of a folder. */
function linesIn(path: string): string[] {
  if (!statSync(path).isDirectory()) return readFileSync(path, 'latin1').split('\n').slice(0, -1);
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.log')).flatMap((name) => linesIn(join(path, name)));
}

function check(paths: readonly string[]): number {
  const lines = paths.flatMap(linesIn);
  const athena = rejectedByAthena(lines);
  const goaccess = rejectedByGoAccess(lines);
  for (const line of athena) console.error(`Athena: ${line}`);
  for (const line of goaccess ?? []) console.error(`GoAccess: ${line}`);
  const ofGoAccess =
    goaccess === undefined ? 'is not installed (apt-get install goaccess)' : `rejects ${goaccess.length}`;
  console.log(`${lines.length} lines; Athena's expression rejects ${athena.length}; GoAccess ${ofGoAccess}`);
  return lines.length === 0 || athena.length > 0 || (goaccess?.length ?? 0) > 0 ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const paths = process.argv.slice(2);
  if (paths.length === 0) {
    console.error('usage: node scripts/check-access-log.ts <file or folder…>');
    process.exitCode = 2;
  } else {
    try {
      process.exitCode = check(paths);
    } catch (error) {
      console.error(`check-access-log: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = 1;
    }
  }
}
