/** `weir top` as text: a frame for a terminal of any size, and the table that goes to a file. Pure. */
import { chooseColumns, fit, formatCount, formatDuration, formatLatency, formatRate, tableLine } from './top-table.ts';
import type { Column } from './top-table.ts';
import { CODES } from './top-view.ts';
import type { Activity, InstanceView, LoadBalancerView, Sort, View } from './top-view.ts';

export type Style = 'plain' | 'heading' | 'selected' | 'bad' | 'faint';

export interface Line {
  readonly text: string;
  readonly style: Style;
}

export interface FrameOptions {
  readonly width: number;
  readonly height: number;
  /** `127.0.0.1:7600`. */
  readonly endpoint: string;
  readonly sort: Sort;
  /** The load balancer whose instances are shown; the first when there is none of that name. */
  readonly selected: string | undefined;
  /** Why there is nothing newer. */
  readonly problem: string | undefined;
}

/** What the list is sorted by after which key. */
export const SORT_KEYS: Readonly<Record<string, Sort>> = {
  r: 'requests',
  l: 'latency',
  e: 'errors',
  u: 'queue',
  n: 'name',
};

const MIN_NAME_WIDTH = 16;

/** The most important first. */
const COLUMNS: readonly Column<LoadBalancerView>[] = [
  { title: 'REQ/S', width: 7, text: ({ requests }) => formatRate(requests) },
  { title: 'P99', width: 7, text: ({ p99 }) => formatLatency(p99) },
  { title: 'UP', width: 8, text: ({ healthy, registered }) => `${healthy}/${registered}` },
  { title: '5XX', width: 6, text: ({ codes }) => formatRate(codes['5xx']) },
  { title: 'ELB5XX', width: 7, text: ({ codes }) => formatRate(codes['elb 5xx']) },
  { title: 'QUEUE', width: 6, text: ({ queue }) => formatCount(queue) },
  { title: 'P50', width: 7, text: ({ p50 }) => formatLatency(p50) },
  { title: '4XX', width: 6, text: ({ codes }) => formatRate(codes['4xx']) },
  { title: '2XX', width: 6, text: ({ codes }) => formatRate(codes['2xx']) },
  { title: '3XX', width: 6, text: ({ codes }) => formatRate(codes['3xx']) },
  { title: 'ELB4XX', width: 7, text: ({ codes }) => formatRate(codes['elb 4xx']) },
  { title: 'CLIENTS', width: 8, text: ({ clientConnections }) => formatCount(clientConnections) },
  { title: 'BACKENDS', width: 9, text: ({ backendConnections }) => formatCount(backendConnections) },
];
const ORDER = 'REQ/S P50 P99 2XX 3XX 4XX 5XX ELB4XX ELB5XX QUEUE CLIENTS BACKENDS UP'.split(' ');

const INSTANCE_COLUMNS: readonly Column<InstanceView>[] = [
  { title: 'STATE', width: 16, text: ({ inService }) => (inService ? 'in service' : 'out of service') },
  { title: 'REQUESTS', width: 10, text: ({ outstanding }) => formatCount(outstanding) },
  { title: 'PORT', width: 7, text: ({ port }) => (port === '' ? '-' : port) },
  { title: 'CONNECTIONS', width: 13, text: ({ connections }) => formatCount(connections) },
];
const INSTANCE_ORDER = ['PORT', 'STATE', 'REQUESTS', 'CONNECTIONS'];

/** Heading lines, the two blank ones, both table heads and the line at the foot. */
const FIXED_LINES = 8;

/** At most `height` lines, none longer than `width`. */
export function renderFrame(view: View, options: FrameOptions): Line[] {
  const { width, height, selected, problem, sort } = options;
  const { loadBalancers } = view;
  const at = Math.max(
    0,
    loadBalancers.findIndex(({ name }) => name === selected),
  );
  const chosen = loadBalancers[at];
  const instances = chosen?.instances ?? [];
  const room = Math.max(2, height - FIXED_LINES);
  const forInstances = Math.min(instances.length, Math.max(1, room - loadBalancers.length, Math.floor(room / 2)));
  const [rows, first] = windowAround(loadBalancers, at, room - forInstances);
  const lines: Line[] = [
    ...head(view, options.endpoint),
    { text: '', style: 'plain' },
    ...table('LOAD BALANCER', COLUMNS, ORDER, width, rows, ({ name }) => name).map((text, index): Line => ({
      text,
      style: styleOf(index, rows[index - 1], index - 1 + first === at),
    })),
    { text: '', style: 'plain' },
    ...instanceLines(chosen, instances.slice(0, Math.max(1, forInstances)), width),
  ];
  const foot: Line = problem === undefined ? { text: help(sort), style: 'faint' } : { text: problem, style: 'bad' };
  const body = lines.slice(0, Math.max(0, height - 1));
  return [...body, foot].slice(0, height).map(({ text, style }) => ({ text: fit(text, width), style }));
}

function help(sort: Sort): string {
  const keys = Object.entries(SORT_KEYS).map(([key, name]) => `${key} ${name}${name === sort ? '*' : ''}`);
  return `q quit  up/down  sort: ${keys.join('  ')}`;
}

function styleOf(index: number, row: LoadBalancerView | undefined, isSelected: boolean): Style {
  if (index === 0) return 'heading';
  if (isSelected) return 'selected';
  return row !== undefined && row.healthy < row.registered ? 'bad' : 'plain';
}

/** `count` rows with row `at` among them, and the number of the first. */
function windowAround<T>(rows: readonly T[], at: number, count: number): [T[], number] {
  const first = Math.max(0, Math.min(at - Math.floor(count / 2), rows.length - count));
  return [rows.slice(first, first + count), first];
}

function head(view: View, endpoint: string): Line[] {
  const { version, ready, upSeconds, threads, threadsUp, total } = view;
  const state = ready ? 'ready' : 'not ready';
  const title = `weir ${version}  ${endpoint}  ${state}  up ${formatDuration(upSeconds)}  threads ${threadsUp}/${threads}`;
  return [
    { text: title, style: ready && threadsUp === threads ? 'plain' : 'bad' },
    { text: totals(total), style: 'plain' },
    { text: codes(total), style: 'plain' },
  ];
}

function totals({ requests, p50, p99, queue, spillover, clientConnections, backendConnections }: Activity): string {
  return [
    `${formatRate(requests)} req/s`,
    `p50 ${formatLatency(p50)}`,
    `p99 ${formatLatency(p99)}`,
    `queue ${formatCount(queue)}`,
    `spilled ${formatRate(spillover)}/s`,
    `clients ${formatCount(clientConnections)}`,
    `back ends ${formatCount(backendConnections)}`,
  ].join('  ');
}

function codes(total: Activity): string {
  return CODES.map((code) => `${code} ${formatRate(total.codes[code])}/s`).join('  ');
}

/** Head and rows. */
function table<Row>(
  title: string,
  columns: readonly Column<Row>[],
  order: readonly string[],
  width: number,
  rows: readonly Row[],
  nameOf: (row: Row) => string,
): string[] {
  const shown = chooseColumns(columns, order, width, MIN_NAME_WIDTH);
  const line = (name: string, text: (column: Column<Row>) => string) =>
    tableLine(
      name,
      shown.map((column) => ({ text: text(column), width: column.width })),
      width,
    );
  return [line(title, (column) => column.title), ...rows.map((row) => line(nameOf(row), (column) => column.text(row)))];
}

function instanceLines(chosen: LoadBalancerView | undefined, shown: readonly InstanceView[], width: number): Line[] {
  const title = chosen === undefined ? 'INSTANCE' : `INSTANCE OF ${chosen.name}`;
  const lines = table(title, INSTANCE_COLUMNS, INSTANCE_ORDER, width, shown, ({ instanceId }) => instanceId);
  return lines.map((text, index) => {
    if (index === 0) return { text, style: 'heading' };
    return { text, style: shown[index - 1]?.inService === false ? 'bad' : 'plain' };
  });
}

/** Everything, for a reader that is no terminal: as wide as it needs to be. */
export function renderPlain(view: View, endpoint: string): string {
  const instances = view.loadBalancers.flatMap(({ name, instances: own }) => own.map((one) => ({ name, ...one })));
  const lines = [
    ...head(view, endpoint).map(({ text }) => text),
    '',
    ...wholeTable('LOAD BALANCER', COLUMNS, ORDER, view.loadBalancers, ({ name }) => name),
    '',
    ...wholeTable(
      'LOAD BALANCER AND INSTANCE',
      INSTANCE_COLUMNS,
      INSTANCE_ORDER,
      instances,
      ({ name, instanceId }) => `${name} ${instanceId}`,
    ),
    '',
  ];
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

function wholeTable<Row>(
  title: string,
  columns: readonly Column<Row>[],
  order: readonly string[],
  rows: readonly Row[],
  nameOf: (row: Row) => string,
): string[] {
  const longest = rows.reduce((most, row) => Math.max(most, nameOf(row).length), title.length);
  const width = columns.reduce((sum, column) => sum + column.width, Math.max(longest, MIN_NAME_WIDTH));
  return table(title, columns, order, width, rows, nameOf);
}
