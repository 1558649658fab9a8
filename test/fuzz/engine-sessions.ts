/** Sticky sessions in runs of the engine: cookies that clients bring along, and what comes of them. */
import type { LoadBalancerId } from '../../src/model/load-balancer.ts';
import type { CompiledStickiness } from '../../src/traffic/snapshot.ts';
import { COOKIE_KEY_BYTES, sealCookie } from '../../src/traffic/stickiness-seal.ts';
import { valuesOf } from '../support/reference-headers.ts';
import type { RequestMessage } from '../support/reference-reader.ts';
import type { ResponseMessage } from '../support/reference-response.ts';

const KEY = Buffer.alloc(COOKIE_KEY_BYTES, 7);
const APPLICATION_COOKIE = 'a';

export class Sessions {
  readonly compiled: CompiledStickiness;
  /** What clients may send. */
  readonly lines: readonly string[];
  /** Of each instance, by its slot. */
  readonly #values: readonly string[];

  constructor(kind: CompiledStickiness['kind'], loadBalancer: LoadBalancerId, instancePort: number, instances: number) {
    const keys = [KEY];
    this.compiled = kind === 'duration' ? { kind, keys } : { kind, keys, cookieName: APPLICATION_COOKIE };
    this.#values = Array.from({ length: instances }, (_, slot) =>
      sealCookie(KEY, { loadBalancer, instancePort, instanceId: `i-${slot}` }),
    );
    const other = sealCookie(KEY, { loadBalancer, instancePort: instancePort + 1, instanceId: 'i-0' });
    this.lines = [
      ...this.#values.flatMap((value) => [
        `Cookie: AWSELB=${value}; a=1\r\n`,
        `Cookie: a=1\r\ncookie: x; b=2;AWSELB="${value}"\r\n`,
        `Cookie: AWSELBCORS=${value}; a=\r\n`,
        `Cookie: AWSELB=${value}\r\n`,
        `Cookie: AWSELB=${other}; AWSELBCORS=${value}; a=1; AWSELB = ${value} \r\n`,
      ]),
      `Cookie: AWSELB=${other}; a=1; AWSELBCORS=${this.#values[0]}\r\n`,
    ];
  }

  /** The slot of the instance that the request's session is bound to; undefined: there is no session. */
  boundTo({ headers }: RequestMessage): number | undefined {
    const pairs = valuesOf(headers, 'Cookie').flatMap((field) =>
      field.split(';').flatMap((pair) => {
        const [, name, value] = /^[ \t]*(.*?)[ \t]*=[ \t]*(.*?)[ \t]*$/s.exec(pair) ?? [];
        return name === undefined ? [] : [{ name, value: value!.replace(/^"(.*)"$/s, '$1') }];
      }),
    );
    const inSession = this.compiled.kind === 'duration' || pairs.some(({ name }) => name === APPLICATION_COOKIE);
    if (!inSession) return undefined;
    const own = pairs.some(({ name }) => name === 'AWSELB') ? 'AWSELB' : 'AWSELBCORS';
    const slots = pairs.filter(({ name }) => name === own).map(({ value }) => this.#values.indexOf(value));
    return slots.find((slot) => slot !== -1);
  }

  /** How many cookies of ours the response of the instance of slot `served` gets. */
  cookiesFor(request: RequestMessage, { headers }: ResponseMessage, served: number): number {
    const bound = this.boundTo(request);
    if (this.compiled.kind === 'duration') return bound === served ? 0 : 2;
    const begins = valuesOf(headers, 'Set-Cookie').some((value) => /^a[ \t]*=/.test(value) && !value.endsWith(';'));
    return begins || (bound !== undefined && bound !== served) ? 1 : 0;
  }
}
