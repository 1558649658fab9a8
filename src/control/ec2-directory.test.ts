import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { FakeClock, systemClock, type Clock } from '../kit/clock.ts';
import type { LogFields } from '../kit/log.ts';
import type { Configuration } from '../model/configuration.ts';
import { EC2_ENDPOINT } from '../model/limits.ts';
import { KEY, testConfiguration } from '../../test/support/api.ts';
import { Ec2Server, errorXml } from '../../test/support/ec2-server.ts';
import { Ec2Failure } from './ec2-client.ts';
import { Ec2Directory } from './ec2-directory.ts';

class Harness {
  readonly server: Ec2Server;
  readonly directory: Ec2Directory;
  readonly lines: string[] = [];
  networks = 0;
  onRefresh: () => void = () => undefined;
  url: string | undefined;
  key: () => typeof KEY | Ec2Failure = () => KEY;

  constructor(server: Ec2Server, clock: Clock) {
    this.server = server;
    this.url = server.url;
    const line = ({ cause }: LogFields, message: string): void => void this.lines.push(`${message} (${String(cause)})`);
    this.directory = new Ec2Directory({
      clock,
      log: { debug: line, info: line, warn: line, error: line },
      endpoint: () => (this.url === undefined ? undefined : { url: this.url, region: 'us-east-1' }),
      key: () => this.key(),
      registered: () => ['i-1'],
      onNetwork: () => void this.networks++,
      onRefresh: () => this.onRefresh(),
    });
  }

  complete(configuration: Partial<Configuration> = {}): Configuration {
    return this.directory.complete(testConfiguration(configuration));
  }
}

/** Time passes as it does, so that signatures are good; a test that waits takes a clock of its own. */
async function harness(test: TestContext, clock: Clock = systemClock): Promise<Harness> {
  const server = await Ec2Server.start(test);
  server.instances.set('i-1', { address: '10.0.0.1', zone: 'us-east-1b' });
  const made = new Harness(server, clock);
  test.after(() => made.directory.stop());
  return made;
}

async function failureOf(made: Harness, id = 'i-1'): Promise<string> {
  const failure = await made.directory.ensure({ instances: [id] });
  assert.ok(failure instanceof Ec2Failure);
  return failure.message;
}

describe('the EC2 endpoint: instances', () => {
  it('are known with their private address and zone, once they were asked for', async (test) => {
    const { directory, server } = await harness(test);
    server.instances.set('i-6', { zone: 'us-east-1a' });
    assert.equal(directory.instance('i-1'), undefined);
    assert.equal(await directory.ensure({ instances: ['i-1', 'i-6', 'i-absent'] }), undefined);
    assert.deepEqual({ ...directory.instance('i-1'), atMs: 0 }, { address: '10.0.0.1', zone: 'us-east-1b', atMs: 0 });
    assert.equal(directory.instance('i-6'), undefined, 'without an address there is nothing to connect to');
    assert.equal(directory.instance('i-absent'), undefined);
  });

  it('are asked for once a minute at most, and all of many', async (test) => {
    const { directory, server } = await harness(test);
    const ids = Array.from({ length: 450 }, (_, index) => `i-${index}`);
    for (const [index, id] of ids.entries()) server.instances.set(id, { address: `10.1.${index >> 8}.${index & 255}` });
    server.pageSize = 90;
    assert.equal(await directory.ensure({ instances: ids }), undefined);
    assert.deepEqual(
      ids.filter((id) => directory.instance(id) === undefined),
      [],
    );
    const asked = server.count('DescribeInstances');
    assert.equal(asked, 3 + 3 + 1, 'three calls of 200 ids at most, by pages of 90');
    assert.equal(await directory.ensure({ instances: ids }), undefined);
    assert.equal(server.count('DescribeInstances'), asked);
  });

  it('that are registered are asked for again every minute, and who uses them is told', async (test) => {
    const clock = new FakeClock(systemClock.epochMs());
    const made = await harness(test, clock);
    await made.directory.start();
    assert.equal(made.directory.instance('i-1')?.address, '10.0.0.1');
    made.server.instances.set('i-1', { address: '10.0.0.9', zone: 'us-east-1b' });
    const isTold = new Promise<void>((resolve) => (made.onRefresh = resolve));
    clock.advance(EC2_ENDPOINT.refreshMs);
    await isTold;
    assert.equal(made.directory.instance('i-1')?.address, '10.0.0.9');
  });

  it('that have gone since they were asked for last are not there either', async (test) => {
    const clock = new FakeClock(systemClock.epochMs());
    const { directory, server } = await harness(test, clock);
    await directory.ensure({ instances: ['i-1'] });
    assert.equal(directory.instance('i-1')?.address, '10.0.0.1');
    server.instances.delete('i-1');
    clock.advance(2 * EC2_ENDPOINT.refreshMs);
    await directory.ensure({ instances: ['i-1'] });
    assert.equal(directory.instance('i-1'), undefined);
  });

  it('that nobody has registered are known until the next minute', async (test) => {
    const { directory, server } = await harness(test);
    server.instances.set('i-6', { address: '10.0.0.6' });
    await directory.ensure({ instances: ['i-1', 'i-6'] });
    await directory.refresh();
    assert.deepEqual([directory.instance('i-1')?.address, directory.instance('i-6')], ['10.0.0.1', undefined]);
  });

  it('are asked for with a session token where the key has one', async (test) => {
    const made = await harness(test);
    const key = { ...KEY, sessionToken: 'a-token' };
    made.server.keys.replace([key]);
    assert.match(await failureOf(made), /^AuthFailure: /);
    made.key = () => key;
    assert.equal(await made.directory.ensure({ instances: ['i-1'] }), undefined);
  });

  it('that are terminated are not there', async (test) => {
    const { directory, server } = await harness(test);
    server.instances.set('i-1', { address: '10.0.0.1', state: 'terminated' });
    assert.equal(await directory.ensure({ instances: ['i-1'] }), undefined);
    assert.equal(directory.instance('i-1'), undefined);
  });
});

describe('the EC2 endpoint: the network', () => {
  const OPEN =
    '<item><ipProtocol>tcp</ipProtocol><fromPort>80</fromPort><toPort>81</toPort><ipRanges><item><cidrIp>10.0.0.0/8</cidrIp></item></ipRanges></item>';
  const BY_GROUP = '<item><ipProtocol>-1</ipProtocol><groups><item><groupId>sg-web</groupId></item></groups></item>';

  it('is what the configuration has not', async (test) => {
    const made = await harness(test);
    made.server.subnets.set('subnet-1', 'us-east-1b').set('subnet-2', 'us-east-1b');
    made.server.groups.set('sg-web', OPEN).set('sg-db', BY_GROUP);
    assert.equal(await made.directory.ensure({ network: ['subnet-1'] }), undefined);
    assert.equal(made.networks, 1);
    const own = { 'subnet-2': 'us-east-1a', 'subnet-own': 'us-east-1a' };
    const { zones, subnets, securityGroups } = made.complete({ subnets: own });
    assert.deepEqual(zones, ['us-east-1a', 'us-east-1b']);
    assert.deepEqual(subnets, { 'subnet-1': 'us-east-1b', ...own });
    assert.deepEqual(securityGroups['sg-web'], { ingress: [{ cidr: '10.0.0.0/8', fromPort: 80, toPort: 81 }] });
    assert.deepEqual(
      securityGroups['sg-db']?.ingress.map(({ cidr }) => cidr),
      ['255.255.255.255/32'],
    );
    assert.deepEqual(made.complete({ zones: ['lab-1'] }).zones, ['lab-1']);
  });

  it('has groups with the names that they are looked up by, also where the configuration has rules of its own for them', async (test) => {
    const made = await harness(test);
    const xml = (name: string, vpcId: string, ownerId: string) =>
      `<groupName>${name}</groupName><vpcId>${vpcId}</vpcId><ownerId>${ownerId}</ownerId>`;
    for (const [id, names] of [
      ['sg-web', xml('web &amp; more', 'vpc-1', '123456789012')],
      ['sg-own', xml('own', 'vpc-1', '123456789012')],
      ['sg-nameless', ''],
      ['sg-long', xml('a'.repeat(256), 'vpc-1', '123456789012')],
      ['sg-odd', xml('odd', 'net', '123456789012')],
      ['sg-alien', xml('alien', 'vpc-1', 'somebody')],
    ] as const) {
      made.server.groups.set(id, OPEN);
      made.server.groupNames.set(id, names);
    }
    await made.directory.refresh();
    const { securityGroups } = made.complete({
      securityGroups: { 'sg-own': { ingress: [] }, 'sg-other': { ingress: [] } },
    });
    const ec2 = { vpcId: 'vpc-1', ownerId: '123456789012' };
    assert.deepEqual(securityGroups['sg-web']?.ec2, { ...ec2, name: 'web & more' });
    assert.deepEqual(securityGroups['sg-own'], { ingress: [], ec2: { ...ec2, name: 'own' } });
    assert.deepEqual(securityGroups['sg-other'], { ingress: [] });
    for (const id of ['sg-nameless', 'sg-long', 'sg-odd', 'sg-alien']) {
      assert.deepEqual(Object.keys(securityGroups[id] ?? {}), ['ingress'], id);
    }
  });

  it('is asked for again when a minute has passed, and not after the end', async (test) => {
    const clock = new FakeClock(systemClock.epochMs());
    const made = await harness(test, clock);
    await made.directory.ensure({ network: ['us-east-1a'] });
    clock.advance(EC2_ENDPOINT.refreshMs + 1);
    await made.directory.ensure({ network: ['us-east-1a'] });
    assert.equal(made.server.count('DescribeSubnets'), 2);
    await made.directory.start();
    made.directory.stop();
    clock.advance(EC2_ENDPOINT.patienceMs);
    assert.equal(clock.pending, 0);
  });

  it('is asked for again when a name is not known, though it was asked for a moment ago', async (test) => {
    const made = await harness(test);
    await made.directory.ensure({ network: ['us-east-1a'] });
    await made.directory.ensure({ network: ['us-east-1a'] });
    assert.equal(made.server.count('DescribeSubnets'), 1);
    made.server.subnets.set('subnet-new', 'us-east-1a');
    await made.directory.ensure({ network: ['subnet-new'] });
    assert.equal(made.complete().subnets['subnet-new'], 'us-east-1a');
  });
});

describe('the EC2 endpoint: what goes wrong', () => {
  it('is told, whatever it is', async (test) => {
    const made = await harness(test);
    made.server.misbehave = (response) =>
      void response.writeHead(503).end(errorXml('RequestLimitExceeded', 'Request limit exceeded.'));
    assert.equal(await failureOf(made), 'RequestLimitExceeded: Request limit exceeded.');
    made.server.misbehave = (response) => void response.end('<html><body>Welcome to nginx!</body>');
    assert.match(await failureOf(made), /no answer of EC2 to DescribeInstances/);
    made.server.misbehave = (response) =>
      void response.end('<!DOCTYPE a [<!ENTITY b "c">]><DescribeInstancesResponse>&b;</DescribeInstancesResponse>');
    assert.match(await failureOf(made), /no answer of EC2/);
    made.server.misbehave = (response) => void response.end(`<DescribeInstancesResponse>${'<a>'.repeat(100_000)}`);
    assert.match(await failureOf(made), /no answer of EC2/);
    made.server.misbehave = (response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
    assert.match(await failureOf(made), /status 302/);
    made.server.misbehave = (response) => void response.socket?.destroy();
    assert.match(await failureOf(made), /socket|closed|terminated/);
  });

  it('is an answer that never ends: it is read up to a bound', async (test) => {
    const made = await harness(test);
    const block = Buffer.alloc(1024 * 1024, 'x');
    made.server.misbehave = (response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(block));
      };
      response.on('drain', more);
      more();
    };
    assert.match(await failureOf(made), /larger than 8388608 bytes/);
  });

  it('is a list that never ends: pages are counted', async (test) => {
    const made = await harness(test);
    made.server.misbehave = (response, action) =>
      void response.end(`<${action}Response><nextToken>again</nextToken></${action}Response>`);
    assert.match(await failureOf(made), /more than 32 pages/);
    assert.equal(made.server.count('DescribeInstances'), 33);
  });

  it('is silence: it is waited for no longer than the time it has', async (test) => {
    const clock = new FakeClock(systemClock.epochMs());
    const made = await harness(test, clock);
    const isAsked = new Promise<void>((resolve) => (made.server.misbehave = () => resolve()));
    const failing = failureOf(made);
    await isAsked;
    clock.advance(EC2_ENDPOINT.timeoutMs);
    assert.equal(await failing, 'no whole answer within 5 s');
  });

  it('is an error that is long, or an answer under a status of errors', async (test) => {
    const made = await harness(test);
    made.server.misbehave = (response) => void response.writeHead(500).end(errorXml('Long', 'x'.repeat(10_000)));
    assert.equal((await failureOf(made)).length, 200);
    made.server.misbehave = (response) => void response.writeHead(500).end('<DescribeInstancesResponse/>');
    assert.match(await failureOf(made), /^status 500, and no answer of EC2/);
  });

  it('is more calls at once than it may have; each that ends makes room', async (test) => {
    const made = await harness(test);
    const waiting: (() => void)[] = [];
    const isFull = new Promise<void>((resolve) => {
      made.server.misbehave = (response) => {
        waiting.push(() => void response.writeHead(500).end());
        if (waiting.length === EC2_ENDPOINT.maxAsking) resolve();
      };
    });
    const asking = Array.from({ length: EC2_ENDPOINT.maxAsking }, () => failureOf(made));
    await isFull;
    assert.equal(await failureOf(made), 'too many calls wait for it already');
    for (const answer of waiting) answer();
    await Promise.all(asking);
    made.server.misbehave = undefined;
    assert.equal(await made.directory.ensure({ instances: ['i-1'] }), undefined);
  });

  it('is that another endpoint was configured while one was asked', async (test) => {
    const made = await harness(test);
    made.server.misbehave = (response, action) => {
      made.url = 'http://127.0.0.1:1/';
      response.end(`<${action}Response/>`);
    };
    assert.equal(await failureOf(made), 'another EC2 endpoint was configured meanwhile');
  });

  it('is nobody there, or no key, or a wrong one', async (test) => {
    const made = await harness(test);
    made.key = () => new Ec2Failure('there is no key for it');
    assert.equal(await failureOf(made), 'there is no key for it');
    made.key = () => ({ ...KEY, secretAccessKey: 'another' });
    assert.match(await failureOf(made), /^AuthFailure: /);
    made.key = () => KEY;
    made.server.stop();
    assert.match(await failureOf(made), /ECONNREFUSED/);
  });

  it('takes nothing away that was known, and is told once', async (test) => {
    const made = await harness(test);
    await made.directory.refresh();
    made.server.misbehave = (response) => void response.writeHead(500).end();
    await made.directory.refresh();
    await made.directory.refresh();
    assert.equal(made.directory.instance('i-1')?.address, '10.0.0.1');
    assert.equal(made.lines.length, 1);
    made.server.misbehave = undefined;
    await made.directory.refresh();
    assert.match(made.lines[1] ?? '', /^the EC2 endpoint answers again/);
  });

  it('has no part in what another endpoint says', async (test) => {
    const made = await harness(test);
    await made.directory.refresh();
    made.url = 'http://127.0.0.1:1/';
    assert.equal(made.directory.instance('i-1'), undefined);
    assert.deepEqual(made.complete().zones, []);
    made.url = undefined;
    assert.equal(await made.directory.ensure({ instances: ['i-1'] }), undefined, 'without one, nothing is asked');
  });
});
