/** What a run measured, and what had to hold of it. */

interface Row {
  readonly what: string;
  readonly measured: string;
  /** Undefined where the figure is only told. */
  readonly demanded: string | undefined;
  readonly holds: boolean;
}

export class Figures {
  readonly #rows: Row[] = [];
  readonly #tables: string[] = [];

  /** A figure that nothing depends on. */
  note(what: string, measured: string | number): void {
    this.#rows.push({ what, measured: String(measured), demanded: undefined, holds: true });
  }

  /** A figure that must be as `demanded` says; `holds` tells whether it is. */
  demand(what: string, measured: string | number, demanded: string, holds: boolean): void {
    this.#rows.push({ what, measured: String(measured), demanded, holds });
  }

  /** Another view of the figures, printed behind them. */
  attach(table: string): void {
    this.#tables.push(table);
  }

  /** Whether everything that was demanded holds. A run that demanded nothing has shown nothing. */
  get held(): boolean {
    return this.#rows.every((row) => row.holds) && this.#rows.some((row) => row.demanded !== undefined);
  }

  /** For the terminal, and also Markdown. */
  render(): string {
    const cells = this.#rows.map(({ what, measured, demanded, holds }) => [
      what,
      measured,
      demanded ?? '',
      demanded === undefined ? '' : holds ? 'yes' : 'NO',
    ]);
    const rows = renderTable(['figure', 'measured', 'demanded', 'holds'], cells, [1]);
    return [rows, ...this.#tables].join('\n\n');
  }
}

/** A Markdown table that can be read as it is; figures (the columns `toTheRight`) stand below each other. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  toTheRight: readonly number[],
): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const right = (column: number): boolean => toTheRight.includes(column);
  const padded = (cell: string, column: number): string =>
    right(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!);
  const line = (row: readonly string[]): string => `| ${row.map(padded).join(' | ')} |`;
  const rule = widths.map((width, column) => (right(column) ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2)));
  return [line(head), `|${rule.join('|')}|`, ...rows.map(line)].join('\n');
}

/** Bytes as people read them: `12.3 MB` (of 2^20 bytes). */
export function megabytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}

/** Microseconds as people read them: `1.25 ms`. */
export function milliseconds(us: number): string {
  return `${(us / 1000).toFixed(2)} ms`;
}

/** A duration from `monotonicMs` readings: `3.2 s`. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** What went wrong, by kind: `none`, or `3 × timeout, 1 × status 4xx or 5xx`. */
export function errorsText(errors: Readonly<Record<string, number>>): string {
  const kinds = Object.entries(errors);
  return kinds.length === 0 ? 'none' : kinds.map(([kind, count]) => `${count} × ${kind}`).join(', ');
}

/** How many there were of all kinds. */
export function errorCount(errors: Readonly<Record<string, number>>): number {
  return Object.values(errors).reduce((sum, count) => sum + count, 0);
}
