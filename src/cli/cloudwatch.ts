/** CloudWatch's metrics of a running weir: collected from control into a file of the data directory, for the API to tell. */
import type { RunningControl } from '../control/create.ts';
import type { LoadBalancerStatus } from '../control/status.ts';
import type { Clock } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import { CloudWatchCollector, type MetricsSource } from '../observe/cloudwatch-collector.ts';
import { CloudWatchSeries } from '../observe/cloudwatch-series.ts';
import { openSeriesStore } from '../store/series.ts';

export interface CloudWatchOptions {
  /** `:memory:` keeps nothing. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Asked once a minute, from {@link CloudWatch.start} on. */
  readonly control: () => Pick<RunningControl, 'status'>;
}

export interface CloudWatch {
  readonly series: CloudWatchSeries;
  start(): void;
  /** The load balancer is about to be deleted. */
  ending(status: LoadBalancerStatus): void;
  /** Writes what has been counted up to now. */
  flush(): void;
  /** Keeps what was counted, and closes the file. */
  stop(): void;
}

export function openCloudWatch({ path, clock, log, control }: CloudWatchOptions): CloudWatch {
  const store = openSeriesStore(path, log);
  const sources = () => control().status().loadBalancers.map(sourceOf);
  const collector = new CloudWatchCollector({ clock, log, store, sources });
  return {
    series: new CloudWatchSeries(store),
    start: () => collector.start(),
    ending: (status) => collector.ending(sourceOf(status)),
    flush: () => collector.flush(),
    stop() {
      collector.stop();
      store.close();
    },
  };
}

function sourceOf(status: LoadBalancerStatus): MetricsSource {
  const { id, name, zones, crossZone, countedZones, counters, instances } = status;
  const [accountId = '', region = ''] = id.split('/');
  const hosts = instances.map(({ zone, state }) => ({ zone, healthy: state === 'InService' }));
  return { accountId, region, name, countedZones, nodeZone: zones[0] ?? '', crossZone, counters, hosts };
}
