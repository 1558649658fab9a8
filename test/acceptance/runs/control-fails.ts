/** The control thread fails: the process ends, says why, and the next one serves within two seconds what this one did. */
import { HTTP_PORT } from '../../../bench/addresses.ts';
import { systemClock } from '../../../src/kit/clock.ts';
import { seconds } from '../figures.ts';
import { Inspector } from '../inspector.ts';
import type { AcceptanceRun, Lab } from '../lab.ts';
import { NGINX_PORT, PATHS, startNginx } from '../servers.ts';
import { WeirUnderTest } from '../weir.ts';

const NODE_FLAGS = ['--inspect=127.0.0.1:0', '--max-old-space-size=192'];
const READY_MS = 2000;
/** Besides the one that is asked. */
const OTHERS = 15;

interface Failure {
  readonly name: string;
  readonly expression: string;
  readonly exits: readonly string[];
  readonly said: RegExp;
  /** Until the process has ended. */
  readonly limitMs: number;
  /** Traffic threads go on while control cannot. */
  readonly servesOn: boolean;
}

const later = (code: string) => `setTimeout(() => { ${code} }, 200), 1`;

const FAILURES: readonly Failure[] = [
  {
    name: 'an exception',
    expression: later('throw new Error("made to fail");'),
    exits: ['3'],
    said: /the control thread has failed: weir ends, so that its service manager starts it again/,
    limitMs: 2000,
    servesOn: false,
  },
  {
    name: 'no memory left',
    expression: later('for (const held = [];;) held.push(Array.from({ length: 1e4 }, () => ({})));'),
    exits: ['SIGABRT', 'SIGTRAP'],
    said: /heap out of memory/,
    limitMs: 20_000,
    servesOn: false,
  },
  {
    name: 'a standstill',
    expression: later('for (;;);'),
    exits: ['SIGABRT'],
    said: /the control thread stands still for 30 s/,
    limitMs: 34_000,
    servesOn: true,
  },
];

export const controlFails: AcceptanceRun = {
  name: 'control-fails',
  about:
    'the control thread throws, fills its memory, stands still: the process ends and says why; the next is ready in 2 s',
  needs: ['nginx'],
  limitSeconds: 180,
  async run(lab) {
    const [instance = ''] = lab.addresses.backends;
    await startNginx(lab, 'one', [instance]);
    const first = await start(lab);
    for (let other = 0; other <= OTHERS; other++) {
      await first.weir.create({
        name: `web-${other}`,
        listeners: [{ protocol: 'HTTP', port: HTTP_PORT + other, instancePort: NGINX_PORT }],
        instances: other === 0 ? [instance] : [],
        healthCheck: {
          Target: `TCP:${NGINX_PORT}`,
          Interval: 5,
          Timeout: 2,
          HealthyThreshold: 2,
          UnhealthyThreshold: 2,
        },
      });
    }
    let { weir } = first;
    for (const failure of FAILURES) {
      await fail(lab, weir, failure);
      const next = await start(lab);
      const holds = next.afterMs <= READY_MS;
      lab.figures.note(`${failure.name}: CPU that the start took`, seconds(next.cpuMs));
      lab.figures.demand(
        `${failure.name}: the next is ready after`,
        seconds(next.afterMs),
        `<= ${seconds(READY_MS)}`,
        holds,
      );
      weir = next.weir;
      await weir.untilState('web-0', instance, 'InService');
      await demandAnswer(lab, `${failure.name}: the next serves`);
    }
    await weir.demandSoundEnd(lab);
  },
};

async function start(
  lab: Lab,
): Promise<{ readonly weir: WeirUnderTest; readonly afterMs: number; readonly cpuMs: number }> {
  const startedMs = systemClock.monotonicMs();
  const weir = await WeirUnderTest.start(lab, { nodeFlags: NODE_FLAGS });
  return { weir, afterMs: systemClock.monotonicMs() - startedMs, cpuMs: weir.cpuSeconds * 1000 };
}

async function fail(lab: Lab, weir: WeirUnderTest, { name, expression, exits, said, limitMs, servesOn }: Failure) {
  lab.say(`control fails: ${name}`);
  const inspector = await Inspector.connect(() => weir.process.output);
  await inspector.numberOf(expression);
  // A process that ends waits for its debugger.
  inspector.close();
  const failedMs = systemClock.monotonicMs();
  if (servesOn) await demandAnswer(lab, `${name}: traffic goes on`);
  const code = await weir.process.exited;
  const afterMs = systemClock.monotonicMs() - failedMs;
  const { figures } = lab;
  const ended = exits.includes(String(code)) && afterMs <= limitMs;
  figures.demand(
    `${name}: exit, after`,
    `${code}, ${seconds(afterMs)}`,
    `${exits.join(' or ')}, <= ${seconds(limitMs)}`,
    ended,
  );
  const told = said.test(weir.process.output);
  figures.demand(`${name}: told`, told ? 'yes' : 'no', 'yes', told);
}

async function demandAnswer({ addresses, figures }: Lab, what: string): Promise<void> {
  const answer = await fetch(`http://${addresses.front}:${HTTP_PORT}${PATHS.small}`).catch(() => undefined);
  figures.demand(what, answer?.status ?? 'no answer', '200', answer?.status === 200);
}
