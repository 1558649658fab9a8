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
const REDIS_REQUESTS = 50_000;
const REDIS_TESTS = ['PING_INLINE', 'PING_MBULK', 'SET', 'GET', 'LRANGE_100 (first 100 elements)'];
/** Two probes, five seconds apart, and the time of a poll and of a machine that is busy. */
const STATE_CHANGE_MS = 15_000;
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
    weir.demandSound(lab);
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
    benchmarkRedis(lab, 'redis-benchmark', []),
    benchmarkRedis(lab, 'redis-benchmark, pipelined by 16', ['-P', '16']),
  ]);
  await benchmarkRedis(lab, 'redis-benchmark, values of 100 KB', ['-d', '100000', '-t', 'set,get'], 2000, [
    'SET',
    'GET',
  ]);
  lab.figures.note('HTTP requests', web.requests);
  lab.figures.demand('HTTP errors', errorsText(web.errors), 'none', errorCount(web.errors) === 0);
  const names = new Set<string>();
  for (let each = 0; each < 10; each++) names.add(await whoAnswers(lab));
  lab.figures.demand('instances that answer', [...names].sort().join(', '), 'one, two', names.size === 2);
  const served = await Promise.all(lab.addresses.backends.map(commandsProcessed));
  lab.figures.demand(
    'commands that each Redis served',
    served.join(', '),
    'more than 1000 each',
    served.every((count) => count > 1000),
  );
}

/** `-q` writes one line a test; anything that is not one is an error. */
async function benchmarkRedis(
  lab: Lab,
  what: string,
  args: readonly string[],
  requests = REDIS_REQUESTS,
  tests: readonly string[] = REDIS_TESTS.slice(0, 4),
): Promise<void> {
  const output = await lab.processes.run(
    {
      name: what,
      file: 'redis-benchmark',
      args: [
        '-h',
        lab.addresses.front,
        '-p',
        String(TCP_PORT),
        '-n',
        String(requests),
        '-c',
        '50',
        '-q',
        '--csv',
      ].concat(args.includes('-t') ? [] : ['-t', 'ping,set,get'], args),
    },
    60_000,
  );
  const done = tests.filter((test) => output.includes(`"${test}","`));
  const holds = done.length === tests.length && !/err(?:or)?\b/i.test(output);
  lab.figures.demand(`${what}: tests without an error`, done.length, String(tests.length), holds);
  if (!holds) lab.say(output);
}

async function killNginx(lab: Lab, weir: WeirUnderTest, instance: string, kill: () => void): Promise<void> {
  lab.say('one nginx is killed under load');
  const trickle = wrk(lab, { seconds: TRICKLE_SECONDS, ratePerSecond: 300 });
  const burst = wrk(lab, { seconds: 3 });
  await lastFor(1500);
  kill();
  const killedMs = systemClock.monotonicMs();
  await weir.untilState(WEB, instance, 'OutOfService');
  const outMs = systemClock.monotonicMs() - killedMs;
  lab.figures.demand(
    'killed nginx goes OutOfService after',
    seconds(outMs),
    `<= ${seconds(STATE_CHANGE_MS)}`,
    outMs <= STATE_CHANGE_MS,
  );
  await startNginx(lab, 'one again', [instance]);
  const backMs = await weir.untilState(WEB, instance, 'InService');
  lab.figures.demand(
    'started again, InService after',
    seconds(backMs),
    `<= ${seconds(STATE_CHANGE_MS)}`,
    backMs <= STATE_CHANGE_MS,
  );
  const names = new Set<string>();
  for (let each = 0; each < 10; each++) names.add(await whoAnswers(lab));
  lab.figures.demand(
    'instances that answer then',
    [...names].sort().join(', '),
    'one again, two',
    names.has('one again') && names.has('two'),
  );
  const [full, slow] = [await burst, await trickle];
  const errors = errorCount(full.errors) + errorCount(slow.errors);
  lab.figures.note('HTTP requests around the kill', full.requests + slow.requests);
  lab.figures.demand('HTTP errors around the kill', errors, `<= ${CONNECTIONS} (in flight)`, errors <= CONNECTIONS);
  for (const seen of [full, slow]) if (errorCount(seen.errors) > 0) lab.say(`wrk: ${errorsText(seen.errors)}`);
}

/** What is in flight on a TCP connection is lost with its instance; whoever connects then gets the other one. */
async function killRedis(lab: Lab, weir: WeirUnderTest, instance: string, kill: () => void): Promise<void> {
  lab.say('one Redis is killed');
  kill();
  await benchmarkRedis(lab, 'redis-benchmark right after a kill', []);
  const outMs = await weir.untilState(CACHE, instance, 'OutOfService');
  lab.figures.note('killed Redis is OutOfService after another', seconds(outMs));
  await benchmarkRedis(lab, 'redis-benchmark with one instance', []);
  await startRedis(lab, 'one-again', instance);
  const backMs = await weir.untilState(CACHE, instance, 'InService');
  lab.figures.demand(
    'Redis started again, InService after',
    seconds(backMs),
    `<= ${seconds(STATE_CHANGE_MS)}`,
    backMs <= STATE_CHANGE_MS,
  );
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

async function whoAnswers(lab: Lab): Promise<string> {
  const response = await fetch(`http://${lab.addresses.front}:${HTTP_PORT}${PATHS.name}`);
  return response.text();
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
