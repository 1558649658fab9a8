/** The delivery of access logs as `/metrics` shows it. */
import type { AccessLogMetrics } from './access-logs.ts';
import { labels, type Exposition } from './exposition.ts';

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
