/** What everything in one traffic thread shares. Parsers are reused: their results are valid until the next parse. */
import type { Clock } from '../kit/clock.ts';
import { systemRandom } from '../kit/random.ts';
import type { TimerWheel } from '../kit/timer-wheel.ts';
import { Turns } from '../kit/turns.ts';
import { LONG_HEAD } from '../model/limits.ts';
import type { Outbox } from '../transport/outbox.ts';
import type { Transport } from '../transport/transport.ts';
import { HeadAnalysis } from '../wire/desync.ts';
import { RequestHead } from '../wire/request-head.ts';
import { ResponseHead } from '../wire/response-head.ts';
import { HeadBuffers } from './head-buffers.ts';
import { KeepAliveWatch } from './keep-alive-watch.ts';
import type { LogWriter } from './log-writer.ts';
import { TraceIds } from './trace-id.ts';
import type { TargetReport } from './snapshot.ts';

export class ThreadContext {
  readonly thread: number;
  readonly transport: Transport;
  readonly outbox: Outbox;
  readonly wheel: TimerWheel;
  readonly clock: Clock;
  readonly requestHead = new RequestHead();
  readonly responseHead = new ResponseHead();
  readonly analysis = new HeadAnalysis();
  readonly traceIds: TraceIds;
  readonly keepAlive: KeepAliveWatch;
  /** Request heads that cost too much for any number of them to be read in one go. */
  readonly longHeads: Turns;
  readonly headBuffers = new HeadBuffers();
  /** Tells control what was found out about a target. */
  readonly report: (report: TargetReport) => void;
  /** The access log. Undefined: there is nobody to take it. */
  readonly log: LogWriter | undefined;

  constructor(
    thread: number,
    transport: Transport,
    wheel: TimerWheel,
    clock: Clock,
    report: (report: TargetReport) => void = () => {},
    log?: LogWriter,
  ) {
    this.log = log;
    this.report = report;
    this.keepAlive = new KeepAliveWatch(clock, report);
    this.longHeads = new Turns(clock, LONG_HEAD, wheel.onFailure);
    this.thread = thread;
    this.transport = transport;
    this.outbox = transport.outbox;
    this.wheel = wheel;
    this.clock = clock;
    this.traceIds = new TraceIds(clock, systemRandom);
  }
}
