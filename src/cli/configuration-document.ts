/** A configuration file: YAML with its line numbers kept, checked against the schema. */
import {
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
} from 'yaml';
import type * as z from 'zod';
import { messageOf } from '../kit/assert.ts';
import { show, unknownKey, type Place, type Problem } from './configuration-problems.ts';
import { fileSchema, knownOptions, type FileSettings, type IssueParameters } from './configuration-schema.ts';

/** A file that was read, checked: its settings, or its problems. */
export interface ConfigurationDocument {
  readonly settings: FileSettings;
  readonly problems: readonly Problem[];
  /** Where the option at `path` stands (or the closest one around it that is there). */
  place(...path: string[]): Place;
}

/** Parses and checks `text`, the content of the file called `name`. */
export function parseConfigurationDocument(name: string, text: string): ConfigurationDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const place = (...path: string[]): Place => ({ source: name, line: lineOf(document, lines, path), path });
  const refused = (problems: readonly Problem[]): ConfigurationDocument => ({ settings: {}, problems, place });
  const invalid = notYaml(document).map(({ at, message }) => ({ source: name, line: lines.linePos(at).line, message }));
  if (invalid.length > 0) return refused(invalid);
  let value: unknown;
  try {
    value = document.toJS() ?? {};
  } catch (error) {
    // Aliases of aliases that would make a small file a huge value.
    return refused([{ ...place(), message: messageOf(error) }]);
  }
  const result = fileSchema.safeParse(value);
  if (result.success) return { settings: result.data, problems: [], place };
  const problems = result.error.issues.flatMap((issue) => describe(issue, value, place));
  return refused(problems.sort((one, other) => (one.line ?? 0) - (other.line ?? 0)));
}

/** What makes the text no YAML, by offset. Warnings too: an unknown tag is a value other than the one meant. */
function notYaml(document: Document.Parsed): { readonly at: number; readonly message: string }[] {
  const invalid = [...document.errors, ...document.warnings].map(({ code, message, pos: [at] }) => ({
    at,
    message: code === 'MULTIPLE_DOCS' ? 'a second document begins here: give one' : `this is not YAML: ${message}`,
  }));
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return;
      invalid.push({ at: alias.range?.[0] ?? 0, message: `there is no anchor &${alias.source} before this alias` });
    },
  });
  return invalid;
}

function describe(issue: z.core.$ZodIssue, value: unknown, place: (...path: string[]) => Place): Problem[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const known = knownOptions(path);
    return issue.keys.map((key) => ({ ...place(...path, key), message: unknownKey(key, known) }));
  }
  if (issue.code === 'invalid_key') {
    const expected = issue.issues.map((inner) => inner.message).join(', ');
    return [{ ...place(...path), message: `this name must be ${expected}` }];
  }
  const { found } = issue.code === 'custom' ? ((issue.params ?? {}) as IssueParameters) : {};
  const present = at(value, path);
  if (present === undefined && found === undefined)
    return [{ ...place(...path), message: `is missing; expected ${issue.message}` }];
  return [{ ...place(...path), message: `expected ${issue.message}, found ${found ?? show(present)}` }];
}

function at(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return found;
}

/** The line of the key (or list element) at `path`; of the innermost one on the way that exists. */
function lineOf(document: Document, lines: LineCounter, path: readonly string[]): number {
  let offset = 0;
  let node: unknown = document.contents;
  for (const key of path) {
    if (isAlias(node)) node = node.resolve(document);
    const member = isMap(node)
      ? node.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === key)
      : isSeq(node)
        ? node.items[Number(key)]
        : undefined;
    const marker = isPair(member) ? member.key : member;
    if (!isNode(marker)) break;
    offset = marker.range?.[0] ?? offset;
    node = isPair(member) ? member.value : member;
  }
  return lines.linePos(offset).line;
}
