/** What everything in one traffic thread shares. Parsers are reused: their results are valid until the next parse. */
import type { Clock } from '../kit/clock.ts';
import type { TimerWheel } from '../kit/timer-wheel.ts';
import type { Outbox } from '../transport/outbox.ts';
import type { Transport } from '../transport/transport.ts';
import { HeadAnalysis } from '../wire/desync.ts';
import { RequestHead } from '../wire/request-head.ts';
import { ResponseHead } from '../wire/response-head.ts';

export class ThreadContext {
  readonly thread: number;
  readonly transport: Transport;
  readonly outbox: Outbox;
  readonly wheel: TimerWheel;
  readonly clock: Clock;
  readonly requestHead = new RequestHead();
  readonly responseHead = new ResponseHead();
  readonly analysis = new HeadAnalysis();

  /** A target showed a certificate with none of the keys that it should have. */
  readonly onPublicKeyRefused: (slot: number) => void;

  constructor(
    thread: number,
    transport: Transport,
    wheel: TimerWheel,
    clock: Clock,
    onPublicKeyRefused: (slot: number) => void = () => {},
  ) {
    this.onPublicKeyRefused = onPublicKeyRefused;
    this.thread = thread;
    this.transport = transport;
    this.outbox = transport.outbox;
    this.wheel = wheel;
    this.clock = clock;
  }
}
