/** What is wrong with a configuration, said so that the reader can put it right. */

/** Where a setting stands: a line of the file, a flag, a variable of the environment. */
export interface Place {
  /** `weir.yaml`, `--api`, `WEIR_API`. */
  readonly source: string;
  /** 1-based, in a file. */
  readonly line?: number;
  /** Keys from the top of the file. */
  readonly path?: readonly string[];
}

export interface Problem extends Place {
  /** What is wrong, and what would be right. */
  readonly message: string;
}

/** A configuration that cannot be used. Its message has a line for each problem. */
export class ConfigurationError extends Error {
  override name = 'ConfigurationError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}

/** `weir.yaml:12: instances.inventory.i-1.address: expected …, found …`. */
function formatProblem({ source, line, path, message }: Problem): string {
  const place = line === undefined ? source : `${source}:${line}`;
  const keys = path === undefined || path.length === 0 ? '' : `${path.join('.')}: `;
  return `${place}: ${keys}${message}`;
}

/** A value as a message shows it. */
export function show(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  // Not JSON for numbers: .nan and .inf are numbers of YAML.
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** The keys that other tools, or our own flags and variables, use for what is called otherwise in the file. */
const OTHER_NAMES: Readonly<Record<string, string>> = { listen: 'addresses', pool: 'addresses', endpoint: 'api' };

/** The message for a key that means nothing, with the known key that was probably meant. */
export function unknownKey(key: string, known: readonly string[]): string {
  const other = OTHER_NAMES[fold(key)];
  const meant = other !== undefined && known.includes(other) ? other : closest(key, known);
  const hint = meant === undefined ? '' : `; did you mean "${meant}"?`;
  return `there is no such option${hint} (known here: ${known.join(', ')})`;
}

/** The known key that `key` is at most two slips of the pen away from. */
function closest(key: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(fold(key), fold(candidate)) }))
    .filter(({ candidate, distance }) => distance <= Math.min(2, candidate.length / 2))
    .sort((one, other) => one.distance - other.distance);
  return ranked[0]?.candidate;
}

/** Letter case and separators do not tell keys apart: `data-dir`, `data_dir`, `dataDir`. */
function fold(key: string): string {
  return key.toLowerCase().replaceAll(/[-_ ]/g, '');
}

/** Levenshtein's distance. */
function editDistance(one: string, other: string): number {
  let previous = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let row = 1; row <= one.length; row++) {
    const current = [row];
    for (let column = 1; column <= other.length; column++) {
      const replaced = previous[column - 1]! + (one[row - 1] === other[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, previous[column]! + 1, current[column - 1]! + 1));
    }
    previous = current;
  }
  return previous[other.length]!;
}
