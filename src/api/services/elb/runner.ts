/** Runs operations: the only place of the service that waits, writes and asks the running system. */
import type { BindRefusal, Control, Unanswered } from '../../../control/control.ts';
import type { Ec2Directory } from '../../../control/ec2-directory.ts';
import type { Clock } from '../../../kit/clock.ts';
import type { Log } from '../../../kit/log.ts';
import type { Random } from '../../../kit/random.ts';
import type { Configuration } from '../../../model/configuration.ts';
import { API } from '../../../model/limits.ts';
import type { Store, View } from '../../../store/store.ts';
import { Changes } from '../../changes.ts';
import type { Structure } from '../../codec/value.ts';
import { Fault } from '../../fault.ts';
import type { Caller, QueryService } from '../../service.ts';
import { handlers } from './handlers.ts';
import { movingHandler } from './instances.ts';
import { elbFault, elbModel } from './model.ts';
import type { ElbFault } from './model.ts';
import type { Action, CallContext, Decision, Handler, Input } from './operation.ts';

export interface ElbServiceOptions {
  readonly store: Store;
  readonly control: Control;
  /** What is in force now: it can be read again while the process runs. */
  readonly configuration: () => Configuration;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly isOwnApi: CallContext['isOwnApi'];
  /** Asks the EC2 endpoint, where the configuration names one. */
  readonly ec2?: Ec2Directory;
}

/** A handler of any action: the codec has seen to it that the input is its own. */
type AnyHandler = Handler<Action>;
type Decide = (view: View) => Decision<Structure> | ElbFault;

export interface ElbService extends QueryService {
  /**
   * Gives instances the places that the inventory or EC2 has for them now, as RegisterInstancesWithLoadBalancer does, but only
   * those that are registered when that is decided: an instance that a caller takes away meanwhile does not come back.
   */
  moveInstances(input: Input<'RegisterInstancesWithLoadBalancer'>, caller: Caller): Promise<Structure | Fault>;
}

class Elb implements ElbService {
  readonly signingName = 'elasticloadbalancing';
  readonly model = elbModel;
  readonly #options: ElbServiceOptions;
  readonly #changes: Changes;

  constructor(options: ElbServiceOptions) {
    this.#options = options;
    this.#changes = new Changes(options);
  }

  mutates(action: string): boolean {
    return handlers[action as Action].mutates;
  }

  subject(parameters: ReadonlyMap<string, string>): string {
    return parameters.get('LoadBalancerName') ?? parameters.get('LoadBalancerNames.member.1') ?? '';
  }

  perform(action: string, input: Structure, caller: Caller): Promise<Structure | Fault> {
    return this.#perform(handlers[action as Action] as unknown as AnyHandler, action, input, caller);
  }

  moveInstances(input: Input<'RegisterInstancesWithLoadBalancer'>, caller: Caller): Promise<Structure | Fault> {
    const handler = movingHandler as unknown as AnyHandler;
    return this.#perform(handler, 'RegisterInstancesWithLoadBalancer', input as unknown as Structure, caller);
  }

  async #perform(handler: AnyHandler, action: string, input: Structure, caller: Caller): Promise<Structure | Fault> {
    const away = await this.#askEc2(handler, input);
    if (away !== undefined) return away;
    const addresses = await this.#lookUp(handler.hosts?.(input, this.#options.configuration()) ?? []);
    const decide: Decide = (view) =>
      handler.decide(input, this.#context(view, caller, addresses)) as Decision<Structure> | ElbFault;
    if (!handler.mutates) {
      const decision = decide(this.#options.store.view());
      return decision instanceof Fault ? decision : decision.output;
    }
    return this.#changes.run(action, decide, (decision) => this.#tryListeners(decision));
  }

  #context(view: View, caller: Caller, addresses: CallContext['addresses']): CallContext {
    const { control, clock, random, isOwnApi, ec2 } = this.#options;
    return {
      view,
      accountId: caller.accountId,
      region: caller.region,
      configuration: this.#options.configuration(),
      nowMs: clock.epochMs(),
      random,
      health: control,
      addressOf: (host) => {
        const address = addresses.get(host);
        return typeof address === 'string' ? address : control.addressOf(host);
      },
      addresses,
      ec2: ec2?.isConfigured === true ? ec2 : undefined,
      isOwnApi,
    };
  }

  /** What is decided rests on what EC2 says now, not on what it said once: where it does not answer, nothing is decided. */
  async #askEc2({ ec2: needsOf }: AnyHandler, input: Structure): Promise<Fault | undefined> {
    const { ec2, configuration } = this.#options;
    if (ec2?.isConfigured !== true || needsOf === undefined) return undefined;
    const failure = await ec2.ensure(needsOf(input, configuration()));
    return failure === undefined ? undefined : ec2Fault(failure.message);
  }

  async #lookUp(hosts: readonly string[]): Promise<CallContext['addresses']> {
    const addresses = new Map<string, string | Unanswered | undefined>();
    const waiting = [...new Set(hosts)];
    // The call comes to nothing then: a thousand names that nobody answers for would take minutes.
    let away: Unanswered | undefined;
    const worker = async (): Promise<void> => {
      for (let host = waiting.pop(); host !== undefined; host = waiting.pop()) {
        const address = away ?? (await this.#options.control.resolveHost(host));
        addresses.set(host, address);
        if (typeof address === 'object')
          away ??= { cause: `it was not asked for, since nobody has answered for ${host}` };
      }
    };
    await Promise.all(Array.from({ length: API.maxLookUps }, worker));
    return addresses;
  }

  async #tryListeners({ opens }: Decision<unknown>): Promise<ElbFault | undefined> {
    const refusal = opens.length === 0 ? undefined : await this.#options.control.tryBind(opens);
    return refusal === undefined ? undefined : bindFault(refusal);
  }
}

/** `cause` begins with EC2's error code, where EC2 answered with one. */
function ec2Fault(cause: string): ElbFault {
  const code = /^(RequestLimitExceeded|Throttling)\b/.test(cause) ? 'DependencyThrottle' : 'ServiceUnavailable';
  return elbFault(
    code,
    `The EC2 endpoint of the configuration (instances.ec2Endpoint) cannot be asked: ${cause}. Nothing was changed.`,
  );
}

/** What the machine lacks at the moment: nothing is wrong with the port, and a client may try again. */
const LACKS: readonly string[] = ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'];

function bindFault({ address, port, code, message }: BindRefusal): ElbFault {
  return elbFault(
    LACKS.includes(code) ? 'ServiceUnavailable' : 'InvalidConfigurationRequest',
    `Port ${port} cannot be opened on ${address} (${code}): ${message}. Nothing was changed.`,
  );
}

/** Elastic Load Balancing 2012-06-01 over the records of `store`. */
export function createElbService(options: ElbServiceOptions): ElbService {
  return new Elb(options);
}
