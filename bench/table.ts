/** Rows as text: aligned columns that are also a Markdown table. */
import type { Scenario } from './scenarios.ts';
import { columnsOf, ratioTitle, type Ratio, type Row } from './summary.ts';

/** The table of a scenario, the same on the terminal and in the record. */
export function renderTable(scenario: Scenario, rows: readonly Row[]): string {
  const columns = columnsOf(scenario);
  const [primary, ...others] = columns.map((column) => column.title);
  const header = ['', primary ?? '', ratioTitle(scenario), ...others, 'errors'];
  const body = rows.map((row) => {
    const [first, ...rest] = columns.map((column, i) => number(row.figures[i] ?? NaN, column.digits));
    return [row.label, first ?? '', ratioText(row.ratio), ...rest, errorText(row.errors)];
  });
  const widths = header.map((title, i) => Math.max(3, title.length, ...body.map((cells) => cells[i]?.length ?? 0)));
  // Labels to the left, figures to the right, errors to the left.
  const leftAligned = (i: number): boolean => i === 0 || i === header.length - 1;
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => (leftAligned(i) ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (leftAligned(i) ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(header), rule, ...body.map(line)].join('\n');
}

function number(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '-';
}

function ratioText(ratio: Ratio | undefined): string {
  if (ratio === undefined) return '-';
  return `${ratio.median.toFixed(2)} (${ratio.least.toFixed(2)}-${ratio.most.toFixed(2)})`;
}

function errorText(errors: Readonly<Record<string, number>>): string {
  const kinds = Object.entries(errors);
  if (kinds.length === 0) return 'none';
  return `INVALID: ${kinds.map(([kind, count]) => `${count} × ${kind.replaceAll(/[|\n]+/g, ' ')}`).join(', ')}`;
}
