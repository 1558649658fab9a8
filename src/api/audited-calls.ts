/** Every call of every service: whether the key may make it, and, if it can change anything, its line in the log. */
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
    const { service, action, caller, request } = call;
    if (service.mutates(action)) {
      const fields = {
        requestId: request.requestId,
        action,
        subject: shown(call.subject),
        result: result instanceof Fault ? result.code : 'OK',
        accountId: caller.accountId,
        region: caller.region,
        accessKeyId: caller.accessKeyId,
        remoteAddress: request.remoteAddress,
        durationMs: Math.round(this.#clock.monotonicMs() - startMs),
      };
      this.#log.info(fields, 'API call');
    }
    return result;
  }
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
