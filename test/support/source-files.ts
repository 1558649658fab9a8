/**
 * The project's own source as syntax trees, for the tests of our laws. TypeScript calls this interface unstable; its
 * version is pinned, and these few uses are all there is to adapt.
 */
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  isFunctionLikeDeclaration,
  isIdentifier,
  isStringLiteral,
  SyntaxKind,
  type Node,
} from 'typescript/unstable/ast';
import { API } from 'typescript/unstable/sync';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A function with a body; `lines` counts from its first to its last line. */
export interface SourceFunction {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

export interface Found {
  readonly line: number;
  readonly text: string;
}

export interface SourceFile {
  /** From the root of the repository, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  readonly functions: readonly SourceFunction[];
  /** Relative paths of modules, however they are named: imports, exports, workers, URLs. */
  readonly modules: readonly Found[];
  /** `a.b` and `f(…)`, as written: what the code reaches for. */
  readonly uses: readonly Found[];
  /** `any`, where a type stands. */
  readonly anyTypes: readonly Found[];
}

/** Every file of the TypeScript project (tsconfig.json's `include`). */
export function readSourceFiles(): SourceFile[] {
  const api = new API({ cwd: ROOT });
  try {
    const { program } = api.updateSnapshot({ openProject: join(ROOT, 'tsconfig.json') }).getProjects()[0]!;
    return program
      .getSourceFileNames()
      .map((name) => ({ name, path: relative(ROOT, name).replaceAll('\\', '/') }))
      .filter(({ path }) => /^(?:src|test|scripts|bench)\/.*\.ts$/.test(path))
      .map(({ name, path }) => readSource(path, program.getSourceFile(name)!))
      .sort((one, other) => (one.path < other.path ? -1 : 1));
  } finally {
    api.close();
  }
}

type Tree = NonNullable<
  ReturnType<ReturnType<ReturnType<API['updateSnapshot']>['getProjects']>[0]['program']['getSourceFile']>
>;

function readSource(path: string, tree: Tree): SourceFile {
  const functions: SourceFunction[] = [];
  const [modules, uses, anyTypes]: [Found[], Found[], Found[]] = [[], [], []];
  const lineAt = (position: number) => tree.getLineAndCharacterOfPosition(position).line + 1;
  const visit = (node: Node): void => {
    const line = lineAt(node.getStart(tree));
    if (isFunctionLikeDeclaration(node) && 'body' in node && node.body !== undefined) {
      functions.push({ name: nameOf(node), line, lines: lineAt(node.end) - line + 1 });
    }
    if (isStringLiteral(node) && /^\.{1,2}\/.*\.[jt]s$/.test(node.text)) modules.push({ line, text: node.text });
    if (node.kind === SyntaxKind.AnyKeyword) anyTypes.push({ line, text: 'any' });
    if (node.kind === SyntaxKind.PropertyAccessExpression) uses.push({ line, text: node.getText(tree) });
    if (node.kind === SyntaxKind.CallExpression || node.kind === SyntaxKind.NewExpression) {
      uses.push({ line, text: callText(node, tree) });
    }
    node.forEachChild(visit);
  };
  visit(tree);
  const lines = tree.text.split('\n').length - 1;
  return { path, text: tree.text, lines, functions, modules, uses, anyTypes };
}

/** `f(…)`, or `f()` when nothing is passed. */
function callText(node: Node, tree: Tree): string {
  const { expression, arguments: passed } = node as Node & { expression: Node; arguments?: readonly Node[] };
  const prefix = node.kind === SyntaxKind.NewExpression ? 'new ' : '';
  return `${prefix}${expression.getText(tree)}(${passed === undefined || passed.length === 0 ? '' : '…'})`;
}

/** Its own name, or the name of what it is the value of. */
function nameOf(node: Node): string {
  for (const candidate of [node, node.parent]) {
    if ('name' in candidate && candidate.name !== undefined) {
      const name = candidate.name as Node;
      return isIdentifier(name) ? name.text : name.getText();
    }
  }
  return node.kind === SyntaxKind.Constructor ? 'constructor' : '(anonymous)';
}
