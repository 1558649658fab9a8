/** The delivery of access logs as `/metrics` shows it. */
import { labels, type Exposition } from './exposition.ts';

/** Lines that were lost, by reason. */
export interface DroppedLines {
  /** A thread wrote faster than the control thread took. */
  readonly ring: number;
  /** The disk did not take them. */
  readonly disk: number;
  /** Too much was not delivered yet. */
  readonly undelivered: number;
}

export interface AccessLogMetrics {
  readonly dropped: DroppedLines;
  readonly deliveredFiles: number;
  readonly deliveryFailures: number;
  readonly undeliveredFiles: number;
  /** The file being written included. */
  readonly undeliveredBytes: number;
}

export function writeAccessLogs(out: Exposition, metrics: AccessLogMetrics): void {
  out.family('weir_access_log_dropped_total', 'counter', 'Access log lines that were lost, by reason.');
  for (const [reason, count] of Object.entries(metrics.dropped)) out.sample(labels({ reason }), count);
  out.family('weir_access_log_delivered_files_total', 'counter', 'Access log files delivered.');
  out.sample('', metrics.deliveredFiles);
  out.family(
    'weir_access_log_delivery_failures_total',
    'counter',
    'Attempts to deliver an access log file that failed.',
  );
  out.sample('', metrics.deliveryFailures);
  out.family(
    'weir_access_log_undelivered_files',
    'gauge',
    'Access log files not delivered yet, those being written included.',
  );
  out.sample('', metrics.undeliveredFiles);
  out.family('weir_access_log_undelivered_bytes', 'gauge', 'Their size.');
  out.sample('', metrics.undeliveredBytes);
}
