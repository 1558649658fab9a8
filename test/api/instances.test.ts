import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import {
  ConfigureHealthCheckCommand,
  CreateLoadBalancerCommand,
  DeregisterInstancesFromLoadBalancerCommand,
  DescribeInstanceHealthCommand,
  RegisterInstancesWithLoadBalancerCommand,
  waitUntilAnyInstanceInService,
  waitUntilInstanceDeregistered,
  waitUntilInstanceInService,
} from '@aws-sdk/client-elastic-load-balancing';
import { systemClock } from '../../src/kit/clock.ts';
import { API } from '../../src/model/limits.ts';
import { ApiHarness, KEY, testConfiguration } from '../support/api.ts';
import type { Refused } from '../support/api.ts';

const IN_SERVICE = { state: 'InService', reasonCode: 'N/A', description: 'N/A' } as const;
const NOT_REGISTERED = {
  state: 'OutOfService',
  reasonCode: 'Instance',
  description: 'Instance is not currently registered with the LoadBalancer.',
} as const;

const LIMITS = { loadBalancers: 100, listeners: 100, instances: 5 };
const CONFIGURATION = {
  limits: LIMITS,
  instances: {
    inventory: {
      'i-web1': { address: '10.0.0.7', zone: 'us-east-1a', ports: { 8080: 9001 } },
      'i-named': { address: 'db.example' },
    },
    allowReserved: false,
  },
};

let harness: ApiHarness;
let count = 0;
let name = '';

function toInstances(ids: readonly string[]) {
  return ids.map((InstanceId) => ({ InstanceId }));
}

async function register(...ids: string[]) {
  const input = { LoadBalancerName: name, Instances: toInstances(ids) };
  const { Instances } = await harness.elb.send(new RegisterInstancesWithLoadBalancerCommand(input));
  return Instances!.map(({ InstanceId }) => InstanceId);
}

async function deregister(...ids: string[]) {
  const input = { LoadBalancerName: name, Instances: toInstances(ids) };
  const { Instances } = await harness.elb.send(new DeregisterInstancesFromLoadBalancerCommand(input));
  return Instances!.map(({ InstanceId }) => InstanceId);
}

async function health(...ids: string[]) {
  const input = { LoadBalancerName: name, Instances: toInstances(ids) };
  return (await harness.elb.send(new DescribeInstanceHealthCommand(input))).InstanceStates!;
}

function refused(id: string): Promise<Refused> {
  return harness.refused(() => register(id));
}

async function create(one: ApiHarness, LoadBalancerName: string, InstancePort = 8080): Promise<void> {
  const Listeners = [{ Protocol: 'HTTP', LoadBalancerPort: 80, InstancePort }];
  const AvailabilityZones = ['us-east-1b', 'us-east-1a'];
  await one.elb.send(new CreateLoadBalancerCommand({ LoadBalancerName, Listeners, AvailabilityZones }));
}

before(async () => {
  harness = await ApiHarness.start({ configuration: CONFIGURATION });
  harness.control.names
    .set('db.example', '10.0.0.8')
    .set('web1', '10.0.0.9')
    .set('metadata.example', '169.254.169.254');
  harness.control.names.set('me.example', '127.0.0.1');
});
after(() => harness.stop());
beforeEach(async () => {
  name = `lb-${++count}`;
  await create(harness, name);
});

describe('RegisterInstancesWithLoadBalancer', () => {
  it('takes inventory ids, addresses, addresses with a port and host names, and answers with all that are registered', async () => {
    await register('i-web1');
    assert.deepEqual(await register('10.0.0.5', '10.0.0.5:9001', '[FD00::5]:9002', 'db.example'), [
      'i-web1',
      '10.0.0.5',
      '10.0.0.5:9001',
      '[FD00::5]:9002',
      'db.example',
    ]);
    assert.deepEqual(
      harness.record(name).instances.map(({ registeredTimeMs, ...instance }) => {
        assert.ok(Math.abs(registeredTimeMs - systemClock.epochMs()) < 60_000);
        return instance;
      }),
      [
        { instanceId: 'i-web1', host: '10.0.0.7', ports: { 8080: 9001 }, zone: 'us-east-1a' },
        { instanceId: '10.0.0.5', host: '10.0.0.5', zone: 'us-east-1b' },
        { instanceId: '10.0.0.5:9001', host: '10.0.0.5', port: 9001, zone: 'us-east-1b' },
        { instanceId: '[FD00::5]:9002', host: 'fd00::5', port: 9002, zone: 'us-east-1b' },
        { instanceId: 'db.example', host: 'db.example', zone: 'us-east-1b' },
      ],
    );
  });

  it('takes bare IPv6, IPv4-mapped IPv6, inventory entries with a host name, and names of one label', async () => {
    await register('fd00::6', '::ffff:10.0.0.6', 'i-named', 'web1', 'db.example:8081');
    assert.deepEqual(
      harness.record(name).instances.map(({ host, port }) => [host, port]),
      [
        ['fd00::6', undefined],
        ['10.0.0.6', undefined],
        ['db.example', undefined],
        ['web1', undefined],
        ['db.example', 8081],
      ],
    );
  });

  it('changes nothing for instances that are registered already, in the record or twice in the call', async () => {
    await register('10.0.0.5', '10.0.0.5');
    const { revision } = harness.store.view();
    assert.deepEqual(await register('10.0.0.5'), ['10.0.0.5']);
    assert.equal(harness.store.view().revision, revision);
  });

  it('InvalidInstance: an id that is neither in the inventory nor a literal, nor a name with an address', async () => {
    for (const id of [
      'i-0123456789abcdef0',
      'i-web2',
      'a b',
      '10.0.0',
      '127.1',
      '0x7f000001',
      '1.2.3.4:0',
      '1.2.3.4:65536',
      '[::1',
      '::1%lo',
      '__proto__',
      '*',
      'a..b',
      'a'.repeat(300),
    ]) {
      const { code, status, message } = await refused(id);
      assert.deepEqual([code, status], ['InvalidInstance', 400], id);
      assert.match(message, /^Could not find EC2 instance /);
    }
    assert.match((await refused('absent.example')).message, /The host name absent\.example has no address/);
    assert.match((await refused('i-web2')).message, /neither in the inventory of the configuration/);
  });

  it('ServiceUnavailable, which clients try again: a host name that nobody answers for at the moment, and only that', async () => {
    harness.control.names.set('slow.example', '10.0.0.10');
    harness.control.unanswered.set('slow.example', Infinity);
    const { code, status, message } = await refused('slow.example');
    assert.deepEqual([code, status], ['ServiceUnavailable', 503]);
    assert.match(
      message,
      /slow\.example stands for cannot be found out at the moment: EAI_AGAIN slow\.example\. Nothing was/,
    );
    // What will be wrong the next time too is said at once.
    const Instances = toInstances(['slow.example']);
    const absent = new RegisterInstancesWithLoadBalancerCommand({ LoadBalancerName: 'absent', Instances });
    assert.equal((await harness.refused(() => harness.elb.send(absent))).code, 'LoadBalancerNotFound');
    assert.equal((await harness.refused(() => register('10.0.0', 'slow.example'))).code, 'InvalidInstance');
    harness.control.unanswered.set('slow.example', 1);
    const command = new RegisterInstancesWithLoadBalancerCommand({ LoadBalancerName: name, Instances });
    assert.deepEqual((await harness.client(KEY, 'us-east-1', 2).send(command)).Instances, Instances);
  });

  it('ServiceUnavailable: after the first name that nobody answers for, no other is asked for', async () => {
    const limits = { ...LIMITS, instances: 1000 };
    const large = await ApiHarness.start({ configuration: { limits } });
    try {
      await create(large, name);
      const ids = Array.from({ length: 1000 }, (_, number) => `n${number}.shop`);
      for (const id of ids) large.control.unanswered.set(id, Infinity);
      const input = { LoadBalancerName: name, Instances: toInstances(ids) };
      const command = new RegisterInstancesWithLoadBalancerCommand(input);
      const { code, message } = await large.refused(() => large.elb.send(command));
      assert.equal(code, 'ServiceUnavailable');
      assert.match(
        message,
        /n0\.shop stands for .*: it was not asked for, since nobody has answered for n9\d\d\.shop\./,
      );
      assert.equal(large.control.asked.length, API.maxLookUps);
    } finally {
      await large.stop();
    }
  });

  it('InvalidInstance: addresses that no connection can be made to', async () => {
    for (const id of ['0.0.0.0', '0.1.2.3:80', '::', '224.0.0.1', 'ff02::1', '255.255.255.255']) {
      assert.match((await refused(id)).message, /No connection can be made to/, id);
    }
  });

  it('fault 50: InvalidInstance: link-local addresses, by themselves, mapped or behind a name', async () => {
    for (const id of [
      '169.254.169.254',
      '169.254.0.1:80',
      'fe80::1',
      '::ffff:169.254.169.254',
      '[::ffff:a9fe:a9fe]:80',
      'metadata.example',
    ]) {
      const { code, message } = await refused(id);
      assert.equal(code, 'InvalidInstance', id);
      assert.match(message, /is link-local.*instances\.allowReserved/);
    }
  });

  it("fault 50: InvalidInstance: this process's own API, by its port, a port map, a health check or behind a name", async () => {
    const own = new RegExp(`Connections would go to port ${harness.port} of .*, which is the API of weir itself`);
    assert.match((await refused(`127.0.0.1:${harness.port}`)).message, own);
    assert.match((await refused(`me.example:${harness.port}`)).message, own);
    assert.match((await refused(`[::ffff:127.0.0.1]:${harness.port}`)).message, own);
    await register('127.0.0.1', '127.0.0.1:1', `127.0.0.2:${harness.port}`);
    name = `lb-${++count}`;
    await create(harness, name, harness.port);
    assert.match((await refused('127.0.0.1')).message, own);
  });

  it('is not refused because of an instance that is registered already, whose name has come to stand for the API', async () => {
    name = `lb-${++count}`;
    await create(harness, name, harness.port);
    harness.control.names.set('moved.example', '10.0.0.9');
    await register('moved.example');
    harness.control.names.set('moved.example', '127.0.0.1');
    assert.deepEqual(await register('10.0.0.1'), ['moved.example', '10.0.0.1']);
  });

  it('fault 50: takes reserved addresses when the configuration allows them', async () => {
    const free = await ApiHarness.start({ configuration: { instances: { inventory: {}, allowReserved: true } } });
    try {
      await create(free, name);
      const Instances = toInstances(['169.254.169.254', `127.0.0.1:${free.port}`]);
      await free.elb.send(new RegisterInstancesWithLoadBalancerCommand({ LoadBalancerName: name, Instances }));
      assert.equal(free.record(name).instances.length, 2);
    } finally {
      await free.stop();
    }
  });

  it('InvalidConfigurationRequest: more instances than the limit', async () => {
    for (const domain of ['10.0.0', 'absent.example']) {
      const ids = [1, 2, 3, 4, 5, 6].map((number) =>
        domain === '10.0.0' ? `${domain}.${number}` : `n${number}.${domain}`,
      );
      const { code, status, message } = await harness.refused(() => register(...ids));
      assert.deepEqual([code, status], ['InvalidConfigurationRequest', 409]);
      assert.equal(
        message,
        'A load balancer can have at most 5 registered instances (limits.instances in the configuration).',
      );
    }
  });

  it('LoadBalancerNotFound and ValidationError: no such load balancer, an instance without an id', async () => {
    assert.equal((await refused('')).code, 'ValidationError');
    name = 'absent';
    assert.equal((await refused('10.0.0.5')).code, 'LoadBalancerNotFound');
  });
});

describe('DeregisterInstancesFromLoadBalancer', () => {
  it('answers with those that remain, and succeeds for instances that are not registered', async () => {
    await register('10.0.0.5', '10.0.0.6');
    assert.deepEqual(await deregister('10.0.0.5'), ['10.0.0.6']);
    const { revision } = harness.store.view();
    assert.deepEqual(await deregister('10.0.0.5', 'i-web1'), ['10.0.0.6']);
    assert.equal(harness.store.view().revision, revision);
  });

  it('takes away an instance that the inventory has no more', async () => {
    await register('i-web1');
    harness.api.reconfigure(testConfiguration({ limits: LIMITS }));
    assert.deepEqual(await deregister('i-web1'), []);
    assert.equal((await refused('i-web1')).code, 'InvalidInstance');
    harness.api.reconfigure(testConfiguration(CONFIGURATION));
    assert.deepEqual(await register('i-web1'), ['i-web1']);
  });

  it('InvalidInstance, LoadBalancerNotFound, ValidationError: an unknown instance, load balancer, no id', async () => {
    assert.equal((await harness.refused(() => deregister('i-unknown'))).code, 'InvalidInstance');
    assert.equal((await harness.refused(() => deregister(''))).code, 'ValidationError');
    name = 'absent';
    assert.equal((await harness.refused(() => deregister('10.0.0.5'))).code, 'LoadBalancerNotFound');
  });
});

describe('DescribeInstanceHealth', () => {
  it('describes all that are registered or still drain, or those asked for', async () => {
    await register('10.0.0.5', '10.0.0.6');
    harness.control.states.set('10.0.0.5', IN_SERVICE).set('10.0.0.9', NOT_REGISTERED);
    harness.control.draining.push('10.0.0.8');
    try {
      assert.deepEqual(
        (await health()).map(({ InstanceId }) => InstanceId),
        ['10.0.0.5', '10.0.0.6', '10.0.0.8'],
      );
      assert.deepEqual(await health('10.0.0.6', '10.0.0.5', '10.0.0.9'), [
        {
          InstanceId: '10.0.0.6',
          State: 'OutOfService',
          ReasonCode: 'ELB',
          Description: 'Instance registration is still in progress.',
        },
        { InstanceId: '10.0.0.5', State: 'InService', ReasonCode: 'N/A', Description: 'N/A' },
        {
          InstanceId: '10.0.0.9',
          State: 'OutOfService',
          ReasonCode: 'Instance',
          Description: 'Instance is not currently registered with the LoadBalancer.',
        },
      ]);
    } finally {
      harness.control.draining.length = 0;
      harness.control.states.clear();
    }
  });

  it('ends the waiters of the SDK', async () => {
    await register('10.0.0.5', '10.0.0.6');
    harness.control.states.set('10.0.0.5', IN_SERVICE);
    const waiter = { client: harness.elb, maxWaitTime: 5, minDelay: 1 };
    const some = { LoadBalancerName: name, Instances: toInstances(['10.0.0.5']) };
    assert.equal((await waitUntilInstanceInService(waiter, some)).state, 'SUCCESS');
    assert.equal((await waitUntilAnyInstanceInService(waiter, { LoadBalancerName: name })).state, 'SUCCESS');
    await deregister('10.0.0.5');
    harness.control.states.set('10.0.0.5', NOT_REGISTERED);
    assert.equal((await waitUntilInstanceDeregistered(waiter, some)).state, 'SUCCESS');
    harness.control.states.clear();
  });

  it('InvalidInstance, LoadBalancerNotFound, ValidationError: an unknown instance, load balancer, no id', async () => {
    assert.equal((await harness.refused(() => health('i-unknown'))).code, 'InvalidInstance');
    assert.equal((await harness.refused(() => health(''))).code, 'ValidationError');
    name = 'absent';
    assert.equal((await harness.refused(() => health())).code, 'LoadBalancerNotFound');
  });
});

describe('ConfigureHealthCheck', () => {
  const GOOD = { Target: 'HTTP:80/ping', Interval: 10, Timeout: 4, UnhealthyThreshold: 3, HealthyThreshold: 2 };
  const configure = (over: Partial<typeof GOOD> = {}) =>
    harness.elb.send(new ConfigureHealthCheckCommand({ LoadBalancerName: name, HealthCheck: { ...GOOD, ...over } }));

  it('sets the check and answers with it, the protocol in upper case, the path of HTTP complete', async () => {
    assert.deepEqual((await configure()).HealthCheck, GOOD);
    assert.deepEqual(harness.record(name).healthCheck, {
      target: 'HTTP:80/ping',
      interval: 10,
      timeout: 4,
      unhealthyThreshold: 3,
      healthyThreshold: 2,
    });
    for (const [given, described] of [
      ['tcp:6379', 'TCP:6379'],
      ['Ssl:443', 'SSL:443'],
      ['https:443/a?b=c', 'HTTPS:443/a?b=c'],
      ['HTTP:80', 'HTTP:80/index.html'],
    ]) {
      assert.equal((await configure({ Target: given! })).HealthCheck!.Target, described);
    }
  });

  it('ValidationError: numbers out of their range, all named at once; a timeout not below the interval', async () => {
    for (const over of [
      { Interval: 4 },
      { Interval: 301 },
      { Timeout: 1 },
      { Timeout: 61 },
      { UnhealthyThreshold: 1 },
      { UnhealthyThreshold: 11 },
      { HealthyThreshold: 1 },
      { HealthyThreshold: 11 },
    ]) {
      const { code, message } = await harness.refused(() => configure(over));
      const [member, value] = Object.entries(over)[0]!;
      assert.equal(code, 'ValidationError');
      assert.match(
        message,
        new RegExp(`^1 validation error detected: Value '${value}' at 'healthCheck.${member}'`, 'i'),
      );
    }
    const both = await harness.refused(() => configure({ Interval: 0, Timeout: 0 }));
    assert.match(both.message, /^2 validation errors detected/);
    for (const seconds of [10, 11]) {
      const { message } = await harness.refused(() => configure({ Timeout: seconds }));
      assert.equal(message, `HealthCheck Timeout must be less than Interval, got ${seconds} and 10 seconds`);
    }
  });

  it('ValidationError: a target that is none', async () => {
    for (const [Target, expected] of [
      ['UDP:53', /must begin with one of HTTP, HTTPS, TCP, SSL, got 'UDP:53'/],
      ['', /must begin with one of/],
      ['TCP:80/', /must specify a port number, and nothing after it/],
      ['TCP:', /must specify a port number/],
      ['SSL:0', /must specify a port number/],
      ['TCP:65536', /must specify a port number/],
      ['HTTP:80ping', /HTTP Target must specify a port followed by a path that begins with a slash/],
      ['HTTPS:/ping', /HTTPS Target must specify a port/],
      ['HTTP:80/a b', /HTTP Target/],
      [`HTTP:80/${'a'.repeat(1024)}`, /at most 1024 bytes/],
    ] as const) {
      const { code, message } = await harness.refused(() => configure({ Target }));
      assert.equal(code, 'ValidationError', Target);
      assert.match(message, expected);
    }
    await configure({ Target: `HTTP:80/${'a'.repeat(1023)}` });
  });

  it('LoadBalancerNotFound, InvalidConfigurationRequest: no such load balancer; the API of weir as a target', async () => {
    await register('127.0.0.1');
    const isRefused = async (): Promise<void> => {
      const own = await harness.refused(() => configure({ Target: `TCP:${harness.port}` }));
      assert.equal(own.code, 'InvalidConfigurationRequest');
      assert.match(own.message, /is the API of weir itself/);
    };
    await isRefused();
    await deregister('127.0.0.1');
    await register('me.example');
    await isRefused();
    name = 'absent';
    assert.equal((await harness.refused(() => configure())).code, 'LoadBalancerNotFound');
  });
});
