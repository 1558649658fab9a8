/**
 * Runs operations: the only place of the service that waits, writes and asks the running system. A change is decided
 * on a view, its new listeners are tried, it is committed if nobody was faster (else all of it again), and answered
 * once the traffic threads serve it.
 */
import type { BindRefusal, Control } from '../../../control/control.ts';
import type { Clock } from '../../../kit/clock.ts';
import type { Log } from '../../../kit/log.ts';
import type { Random } from '../../../kit/random.ts';
import type { Configuration } from '../../../model/configuration.ts';
import { API } from '../../../model/limits.ts';
import type { Store, View } from '../../../store/store.ts';
import type { Structure } from '../../codec/value.ts';
import { Fault } from '../../fault.ts';
import { Serial } from '../../serial.ts';
import type { Caller, QueryService } from '../../service.ts';
import { handlers } from './handlers.ts';
import { elbFault, elbModel } from './model.ts';
import type { ElbFault } from './model.ts';
import type { Action, CallContext, Decision, Handler } from './operation.ts';

export interface ElbServiceOptions {
  readonly store: Store;
  readonly control: Control;
  /** What is in force now: it can be read again while the process runs. */
  readonly configuration: () => Configuration;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly isOwnApi: CallContext['isOwnApi'];
}

/** A handler of any action: the codec has seen to it that the input is its own. */
type AnyHandler = Handler<Action>;
type Decide = (view: View) => Decision<Structure> | ElbFault;

/** A change that is durable. */
interface Committed {
  readonly output: Structure;
  readonly revision: number;
}

class ElbService implements QueryService {
  readonly signingName = 'elasticloadbalancing';
  readonly model = elbModel;
  readonly #options: ElbServiceOptions;
  /** Changes of this process go one by one, so that the trial of one does not hold a port that another tries. */
  readonly #changes = new Serial();

  constructor(options: ElbServiceOptions) {
    this.#options = options;
  }

  mutates(action: string): boolean {
    return handlers[action as Action].mutates;
  }

  subject(parameters: ReadonlyMap<string, string>): string {
    return parameters.get('LoadBalancerName') ?? parameters.get('LoadBalancerNames.member.1') ?? '';
  }

  async perform(action: string, input: Structure, caller: Caller): Promise<Structure | Fault> {
    const handler = handlers[action as Action] as unknown as AnyHandler;
    const addresses = await this.#lookUp(handler.hosts?.(input, this.#options.configuration()) ?? []);
    const decide: Decide = (view) =>
      handler.decide(input, this.#context(view, caller, addresses)) as Decision<Structure> | ElbFault;
    if (!handler.mutates) {
      const decision = decide(this.#options.store.view());
      return decision instanceof Fault ? decision : decision.output;
    }
    const committed = await this.#changes.run(() => this.#change(decide));
    if (committed instanceof Fault) return committed;
    await this.#waitUntilApplied(action, committed.revision);
    return committed.output;
  }

  #context(view: View, caller: Caller, addresses: CallContext['addresses']): CallContext {
    const { control, clock, random, isOwnApi } = this.#options;
    return {
      view,
      accountId: caller.accountId,
      region: caller.region,
      configuration: this.#options.configuration(),
      nowMs: clock.epochMs(),
      random,
      health: control,
      addresses,
      isOwnApi,
    };
  }

  async #lookUp(hosts: readonly string[]): Promise<CallContext['addresses']> {
    const addresses = new Map<string, string | undefined>();
    const waiting = [...new Set(hosts)];
    const worker = async (): Promise<void> => {
      for (let host = waiting.pop(); host !== undefined; host = waiting.pop()) {
        addresses.set(host, await this.#options.control.resolveHost(host));
      }
    };
    await Promise.all(Array.from({ length: API.maxLookUps }, worker));
    return addresses;
  }

  /** Decides and commits, again while others commit in between. */
  async #change(decide: Decide): Promise<Committed | ElbFault> {
    const { store, control } = this.#options;
    for (let attempt = 0; attempt < API.maxAttempts; attempt++) {
      const view = store.view();
      const decision = decide(view);
      if (decision instanceof Fault) return decision;
      if (decision.changes.length === 0) return { output: decision.output, revision: view.revision };
      const refusal = decision.opens.length === 0 ? undefined : await control.tryBind(decision.opens);
      if (refusal !== undefined) return bindFault(refusal);
      const result = await store.commit(view.revision, decision.changes);
      if (result.outcome === 'committed') {
        for (const { fields, message } of decision.notes ?? []) this.#options.log.warn(fields, message);
        return { output: decision.output, revision: result.revision };
      }
      if (result.outcome === 'failed') {
        this.#options.log.error({ cause: result.message }, 'the state could not be written');
        return elbFault('InternalFailure', `The state could not be written: ${result.message}. Nothing was changed.`);
      }
    }
    return elbFault('ServiceUnavailable', 'Too many changes at the same time. Nothing was changed; please try again.');
  }

  async #waitUntilApplied(action: string, revision: number): Promise<void> {
    // An empty store was never told to anybody.
    if (revision === 0) return;
    if (await this.#options.control.applied(revision, API.appliedTimeoutMs)) return;
    this.#options.log.warn({ action, revision }, 'a change is stored, but the traffic threads do not serve it yet');
  }
}

function bindFault({ address, port, code, message }: BindRefusal): ElbFault {
  return elbFault(
    'InvalidConfigurationRequest',
    `Port ${port} cannot be opened on ${address} (${code}): ${message}. Nothing was changed.`,
  );
}

/** Elastic Load Balancing 2012-06-01 over the records of `store`. */
export function createElbService(options: ElbServiceOptions): QueryService {
  return new ElbService(options);
}
