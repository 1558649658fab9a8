/** What the access log says of a connection whose bytes go both ways (traffic/relay.ts): one line, at its end. */
import type { Connection } from '../transport/transport.ts';
import type { ThreadContext } from './context.ts';
import type { ListenerRuntime } from './listener.ts';
import { LogEntry, type LoggedTarget } from './log-entry.ts';

export class StreamLog {
  readonly #context: ThreadContext;
  readonly #entry: LogEntry;
  /** It began as an HTTP request, whose line it is then; times are those of the request. */
  readonly #switched: boolean;

  private constructor(context: ThreadContext, entry: LogEntry, switched: boolean) {
    this.#context = context;
    this.#entry = entry;
    this.#switched = switched;
  }

  /** Of a connection that was accepted just now. Undefined: nothing is logged. */
  static begin(context: ThreadContext, listener: ListenerRuntime, client: Connection): StreamLog | undefined {
    const { settings } = listener.loadBalancer;
    if (settings.accessLog === undefined || context.log === undefined) return undefined;
    const entry = new LogEntry(settings.name, listener.origin, client, context.log.requests);
    entry.begin(settings.accessLog);
    entry.receivedMs = context.clock.monotonicMs();
    return new StreamLog(context, entry, false);
  }

  /** Of a connection that has switched protocols. */
  static join(context: ThreadContext, entry: LogEntry | undefined): StreamLog | undefined {
    return entry === undefined ? undefined : new StreamLog(context, entry, true);
  }

  dialled(): void {
    this.#entry.dialledMs = this.#context.clock.monotonicMs();
  }

  connected(target: LoggedTarget | undefined): void {
    this.#entry.connectedMs = this.#context.clock.monotonicMs();
    this.#entry.target = target;
  }

  /** The first bytes of a side are here. */
  arrived(fromClient: boolean): void {
    if (!this.#switched && !fromClient) this.#entry.answeredMs = this.#context.clock.monotonicMs();
  }

  /** They have been sent on. */
  sent(fromClient: boolean): void {
    if (this.#switched) return;
    const nowMs = this.#context.clock.monotonicMs();
    if (fromClient) this.#entry.sentMs = nowMs;
    else this.#entry.relayedMs = nowMs;
  }

  end(receivedBytes: number, sentBytes: number): void {
    this.#entry.receivedBytes += receivedBytes;
    this.#entry.sentBytes += sentBytes;
    if (this.#switched) this.#context.log?.http(this.#entry, 101, true);
    else this.#context.log?.tcp(this.#entry);
  }
}
