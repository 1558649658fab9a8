/** Tables of text in a given width, and numbers that fit into their columns. */
import type { Latency } from './top-view.ts';

export interface Column<Row> {
  readonly title: string;
  readonly width: number;
  readonly text: (row: Row) => string;
}

/** As many of `columns` as fit beside a name of `minNameWidth`, the first ones first; they stand in the order of `order`. */
export function chooseColumns<Row>(
  columns: readonly Column<Row>[],
  order: readonly string[],
  width: number,
  minNameWidth: number,
): Column<Row>[] {
  let left = width - minNameWidth;
  const chosen = new Set<string>();
  for (const { title, width: own } of columns) {
    if (own > left) break;
    chosen.add(title);
    left -= own;
  }
  return order.flatMap((title) => (chosen.has(title) ? columns.filter((column) => column.title === title) : []));
}

/** One line: the name, then the cells, each at the right of its column. Never longer than `width`. */
export function tableLine(name: string, cells: readonly { text: string; width: number }[], width: number): string {
  const right = cells.map(({ text, width: own }) => fit(text, own - 1).padStart(own)).join('');
  const nameWidth = Math.max(0, width - right.length);
  return (fit(name, nameWidth).padEnd(nameWidth) + right).slice(0, Math.max(0, width));
}

/** At most `width` characters; what is cut ends in `~`. Only what every terminal shows one cell wide. */
export function fit(text: string, width: number): string {
  const shown = text.replaceAll(/[^\u0020-\u007e]/gu, '?');
  if (shown.length <= width) return shown;
  return width <= 0 ? '' : `${shown.slice(0, width - 1)}~`;
}

/** At most five characters, up to a million million. */
export function formatRate(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '-';
  if (value < 9.95) return value === 0 ? '0' : value.toFixed(1);
  for (const [unit, suffix] of UNITS) {
    const scaled = value / unit;
    if (scaled < 99.95 && unit > 1) return `${scaled.toFixed(1)}${suffix}`;
    if (scaled < 999.5) return `${Math.round(scaled)}${suffix}`;
  }
  return '>999G';
}

const UNITS: readonly (readonly [number, string])[] = [
  [1, ''],
  [1e3, 'k'],
  [1e6, 'M'],
  [1e9, 'G'],
];

export function formatCount(value: number): string {
  return value < 100_000 ? String(value) : formatRate(value);
}

/** At most six characters: `1.2ms`, `250ms`, `3.4s`, `>60s`. */
export function formatLatency(latency: Latency | undefined): string {
  if (latency === undefined) return '-';
  const { seconds, above } = latency;
  const mark = above ? '>' : '';
  if (seconds < 0.00995) return `${mark}${(seconds * 1000).toFixed(1)}ms`;
  if (seconds < 0.9995) return `${mark}${Math.round(seconds * 1000)}ms`;
  return `${mark}${seconds < 9.95 && !above ? seconds.toFixed(1) : Math.round(seconds)}s`;
}

/** `12s`, `5m`, `3h 20m`, `4d 2h`. */
export function formatDuration(seconds: number): string {
  const whole = Math.floor(seconds);
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
  ];
  if (days > 0) return `${days}d ${hours}h`;
  if (hours > 0) return `${hours}h ${minutes}m`;
  return minutes > 0 ? `${minutes}m` : `${whole}s`;
}
