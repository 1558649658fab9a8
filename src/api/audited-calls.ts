/**
 * Every call of every service: whether the key may make it, and its line in the log: of each call that can change
 * anything, and of each that is refused, under the request id that the caller was told.
 */
import type { Clock } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import type { Structure } from './codec/value.ts';
import { commonFault, Fault, shown } from './fault.ts';
import type { Caller, DoorRequest, Service } from './service.ts';

export interface AuditedCall {
  readonly service: Service;
  readonly action: string;
  readonly caller: Caller;
  /** Of the caller's making: cut for the log. */
  readonly subject: string;
  readonly request: Pick<DoorRequest, 'requestId' | 'remoteAddress'>;
  /** The input, read; or what is wrong with it. */
  readonly input: () => Structure | Fault;
}

export class AuditedCalls {
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  async perform(call: AuditedCall): Promise<Structure | Fault> {
    const startMs = this.#clock.monotonicMs();
    const result = await answer(call);
    const durationMs = Math.round(this.#clock.monotonicMs() - startMs);
    if (call.service.mutates(call.action) || result instanceof Fault) this.#tell(call, result, durationMs);
    return result;
  }

  /** A call that came to no action of any service. `action`: what was asked for, as far as that could be read. */
  refuse<F extends Fault>(fault: F, call: Pick<AuditedCall, 'action' | 'caller' | 'request'>): F {
    this.#tell({ ...call, action: firstWord(call.action), subject: '' }, fault, 0);
    return fault;
  }

  /** Not the message of a fault: it shows what the caller sent. */
  #tell(call: Omit<AuditedCall, 'service' | 'input'>, result: Structure | Fault, durationMs: number): void {
    const { caller, request } = call;
    const fields = {
      requestId: request.requestId,
      action: call.action,
      subject: firstWord(call.subject),
      result: result instanceof Fault ? result.code : 'OK',
      accountId: caller.accountId,
      region: caller.region,
      accessKeyId: caller.accessKeyId,
      remoteAddress: request.remoteAddress,
      durationMs,
    };
    this.#log.info(fields, 'API call');
  }
}

/** Names have one word: what has more is something else in the wrong place, perhaps a key. */
function firstWord(text: string): string {
  return shown(text.split(/\s/, 1)[0]!);
}

async function answer({ service, action, caller, input }: AuditedCall): Promise<Structure | Fault> {
  if (caller.readOnly && service.mutates(action)) {
    return commonFault(
      'AccessDenied',
      `The access key ${caller.accessKeyId ?? ''} is not authorized to perform: ${service.signingName}:${action}, ` +
        'since it is read-only (weir_read_only in the credentials file).',
    );
  }
  const read = input();
  return read instanceof Fault ? read : service.perform(action, read, caller);
}
