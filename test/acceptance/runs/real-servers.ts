/** Real nginx and real Redis as instances, one of which is killed under load and comes back. */
import { connect } from 'node:net';
import { HTTP_PORT, TCP_PORT } from '../../../bench/addresses.ts';
import { CURL_HEADERS } from '../../../bench/load/headers.ts';
import { runWrk } from '../../../bench/load/wrk.ts';
import { systemClock } from '../../../src/kit/clock.ts';
import { errorCount, errorsText, seconds } from '../figures.ts';
import { lastFor, type AcceptanceRun, type Lab } from '../lab.ts';
import { NGINX_PORT, PATHS, REDIS_PORT, startNginx, startRedis } from '../servers.ts';
import { WeirUnderTest } from '../weir.ts';

const WEB = 'web';
const CACHE = 'cache';
const CONNECTIONS = 32;
const TRICKLE_SECONDS = 32;
const REDIS_CONNECTIONS = 50;
const REDIS_LIMIT_MS = 60_000;
const REDIS_LOAD = { requests: 50_000, tests: 'ping,set,get' };
/** Two probes, five seconds apart and with two seconds each, and what a busy machine needs. */
const STATE_CHANGE_MS = 20_000;
const HEALTH_CHECK = { Interval: 5, Timeout: 2, HealthyThreshold: 2, UnhealthyThreshold: 2 };

export const realServers: AcceptanceRun = {
  name: 'real-servers',
  about:
    'two nginx and two Redis serve without an error; a killed one goes out of service and comes back, traffic goes on',
  needs: ['nginx', 'redis-server', 'redis-benchmark', 'wrk'],
  limitSeconds: 240,
  async run(lab) {
    const [one = '', two = ''] = lab.addresses.backends;
    const nginx = await startNginx(lab, 'one', [one]);
    await startNginx(lab, 'two', [two]);
    const redis = await startRedis(lab, 'one', one);
    await startRedis(lab, 'two', two);
    const weir = await WeirUnderTest.start(lab);
    await create(weir, [one, two]);
    await bothServe(lab);
    await killNginx(lab, weir, one, () => nginx.killNow());
    await killRedis(lab, weir, one, () => redis.killNow());
    await weir.demandSoundEnd(lab);
  },
};

async function create(weir: WeirUnderTest, instances: readonly string[]): Promise<void> {
  await weir.create({
    name: WEB,
    listeners: [{ protocol: 'HTTP', port: HTTP_PORT, instancePort: NGINX_PORT }],
    instances,
    healthCheck: { ...HEALTH_CHECK, Target: `HTTP:${NGINX_PORT}${PATHS.health}` },
  });
  await weir.create({
    name: CACHE,
    listeners: [{ protocol: 'TCP', port: TCP_PORT, instancePort: REDIS_PORT }],
    instances,
    healthCheck: { ...HEALTH_CHECK, Target: `TCP:${REDIS_PORT}` },
  });
}

async function bothServe(lab: Lab): Promise<void> {
  lab.say('wrk and redis-benchmark, all instances up');
  const [web] = await Promise.all([
    wrk(lab, { seconds: 5 }),
    benchmarkRedis(lab, { ...REDIS_LOAD, what: 'redis-benchmark' }),
    benchmarkRedis(lab, { ...REDIS_LOAD, what: 'redis-benchmark, pipelined by 16', args: ['-P', '16'] }),
  ]);
  const large = { tests: 'set,get', requests: 2000, args: ['-d', '100000'] };
  await benchmarkRedis(lab, { ...large, what: 'redis-benchmark, values of 100 KB' });
  lab.figures.note('HTTP requests', web.requests);
  lab.figures.demand('HTTP errors', errorsText(web.errors), 'none', errorCount(web.errors) === 0);
  await demandAnswersFrom(lab, 'one, two');
  const served = await Promise.all(lab.addresses.backends.map(commandsProcessed));
  lab.figures.demand(
    'commands that each Redis served',
    served.join(', '),
    'more than 1000 each',
    served.every((count) => count > 1000),
  );
}

interface RedisLoad {
  /** How the table calls it. */
  readonly what: string;
  readonly requests: number;
  /** As `-t` takes them. */
  readonly tests: string;
  readonly args?: readonly string[];
}

/** Of what `redis-benchmark --csv` calls its tests, the beginning. */
const REDIS_TESTS: Readonly<Record<string, readonly string[]>> = {
  ping: ['PING_INLINE', 'PING_MBULK'],
  set: ['SET'],
  get: ['GET'],
};

async function benchmarkRedis(lab: Lab, { what, requests, tests, args = [] }: RedisLoad): Promise<void> {
  const options = { '-h': lab.addresses.front, '-p': TCP_PORT, '-n': requests, '-c': REDIS_CONNECTIONS, '-t': tests };
  const words = [...Object.entries(options).flatMap(([flag, value]) => [flag, String(value)]), '--csv', ...args];
  const output = await lab.processes.run({ name: what, file: 'redis-benchmark', args: words }, REDIS_LIMIT_MS);
  const wanted = tests.split(',').flatMap((test) => REDIS_TESTS[test] ?? []);
  const done = wanted.filter((test) => output.includes(`"${test}","`));
  const holds = done.length === wanted.length && !/err(?:or)?\b/i.test(output);
  lab.figures.demand(`${what}: tests without an error`, done.length, String(wanted.length), holds);
  if (!holds) lab.say(output);
}

async function killNginx(lab: Lab, weir: WeirUnderTest, instance: string, kill: () => void): Promise<void> {
  lab.say('one nginx is killed under load');
  const load = Promise.all([wrk(lab, { seconds: TRICKLE_SECONDS, ratePerSecond: 300 }), wrk(lab, { seconds: 3 })]);
  // Awaited at the end: what goes wrong before then must not leave it unheard.
  load.catch(() => undefined);
  await lastFor(1500);
  kill();
  const killedMs = systemClock.monotonicMs();
  await weir.untilState(WEB, instance, 'OutOfService');
  demandSoon(lab, 'killed nginx is OutOfService after', systemClock.monotonicMs() - killedMs);
  await startNginx(lab, 'one-again', [instance]);
  demandSoon(lab, 'nginx started again, InService after', await weir.untilState(WEB, instance, 'InService'));
  await demandAnswersFrom(lab, 'one-again, two');
  const [slow, full] = await load;
  const errors = errorCount(full.errors) + errorCount(slow.errors);
  lab.figures.note('HTTP requests around the kill', full.requests + slow.requests);
  lab.figures.demand('HTTP errors around the kill', errors, `<= ${CONNECTIONS} (in flight)`, errors <= CONNECTIONS);
  for (const seen of [full, slow]) if (errorCount(seen.errors) > 0) lab.say(`wrk: ${errorsText(seen.errors)}`);
}

/** What is in flight on a TCP connection is lost with its instance; whoever connects then gets the other one. */
async function killRedis(lab: Lab, weir: WeirUnderTest, instance: string, kill: () => void): Promise<void> {
  lab.say('one Redis is killed');
  kill();
  const killedMs = systemClock.monotonicMs();
  await benchmarkRedis(lab, { ...REDIS_LOAD, what: 'redis-benchmark right after a kill' });
  await weir.untilState(CACHE, instance, 'OutOfService');
  demandSoon(lab, 'killed Redis is OutOfService after', systemClock.monotonicMs() - killedMs);
  await benchmarkRedis(lab, { ...REDIS_LOAD, what: 'redis-benchmark with one instance' });
  await startRedis(lab, 'one-again', instance);
  demandSoon(lab, 'Redis started again, InService after', await weir.untilState(CACHE, instance, 'InService'));
}

function demandSoon(lab: Lab, what: string, ms: number): void {
  lab.figures.demand(what, seconds(ms), `<= ${seconds(STATE_CHANGE_MS)}`, ms <= STATE_CHANGE_MS);
}

function wrk(lab: Lab, run: { readonly seconds: number; readonly ratePerSecond?: number }) {
  return runWrk(lab.processes, {
    ...run,
    url: `http://${lab.addresses.front}:${HTTP_PORT}${PATHS.small}`,
    connections: CONNECTIONS,
    headers: CURL_HEADERS,
    expectedBodyBytes: 1024,
    cpus: undefined,
  });
}

async function demandAnswersFrom(lab: Lab, wanted: string): Promise<void> {
  const names = new Set<string>();
  for (let each = 0; each < 10; each++) {
    const response = await fetch(`http://${lab.addresses.front}:${HTTP_PORT}${PATHS.name}`);
    names.add(await response.text());
  }
  const seen = [...names].sort().join(', ');
  lab.figures.demand('instances that answer', seen, wanted, seen === wanted);
}

/** Asked of the Redis itself, not through weir. */
function commandsProcessed(address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(REDIS_PORT, address);
    let text = '';
    socket.on('connect', () => socket.end('INFO stats\r\nQUIT\r\n'));
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.on('error', reject);
    socket.on('close', () => resolve(Number(/total_commands_processed:(\d+)/.exec(text)?.[1] ?? 0)));
  });
}
