import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import {
  CreateLoadBalancerCommand,
  CreateLoadBalancerListenersCommand,
  DeleteLoadBalancerListenersCommand,
  RegisterInstancesWithLoadBalancerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import type { Listener } from '@aws-sdk/client-elastic-load-balancing';
import { ApiHarness, OTHER_ACCOUNT } from '../support/api.ts';
import type { HarnessOptions, Refused } from '../support/api.ts';

const HTTP: Listener = { Protocol: 'HTTP', LoadBalancerPort: 80, InstanceProtocol: 'HTTP', InstancePort: 8080 };
const CERTIFICATE = 'arn:aws:iam::000000000000:server-certificate/web';

let harness: ApiHarness;
let count = 0;
let name = '';

function create(LoadBalancerName: string, Listeners: Listener[] = [HTTP], client = harness.elb) {
  return client.send(new CreateLoadBalancerCommand({ LoadBalancerName, Listeners, AvailabilityZones: ['us-east-1a'] }));
}

function add(...Listeners: Partial<Listener>[]) {
  const input = { LoadBalancerName: name, Listeners: Listeners as Listener[] };
  return harness.elb.send(new CreateLoadBalancerListenersCommand(input));
}

/** The refusal of a listener like {@link HTTP} with these members, on a port that is free. */
function refused(listener: Partial<Listener>): Promise<Refused> {
  return harness.refused(() => add({ ...HTTP, LoadBalancerPort: 8000, ...listener }));
}

function remove(...LoadBalancerPorts: number[]) {
  return harness.elb.send(new DeleteLoadBalancerListenersCommand({ LoadBalancerName: name, LoadBalancerPorts }));
}

function portsOf(one = harness): number[] {
  return one.record(name).listeners.map(({ loadBalancerPort }) => loadBalancerPort);
}

/** Runs `test` with `harness` being another API. */
async function withApi(options: HarnessOptions, test: () => Promise<void>): Promise<void> {
  const usual = harness;
  harness = await ApiHarness.start(options);
  try {
    await test();
  } finally {
    await harness.stop();
    harness = usual;
  }
}

before(async () => {
  const limits = { loadBalancers: 100, listeners: 4, instances: 1000 };
  harness = await ApiHarness.start({ configuration: { limits } });
});
after(() => harness.stop());
beforeEach(async () => {
  name = `lb-${++count}`;
  await create(name);
});

describe('CreateLoadBalancerListeners', () => {
  it('adds listeners in every allowed pair, after trying their ports on the address of the load balancer', async () => {
    const { address } = harness.record(name);
    harness.control.tried.length = 0;
    await add({ ...HTTP, LoadBalancerPort: 81 }, { Protocol: 'tcp', LoadBalancerPort: 82, InstancePort: 9000 });
    assert.deepEqual(harness.record(name).listeners.slice(1), [
      { protocol: 'HTTP', loadBalancerPort: 81, instanceProtocol: 'HTTP', instancePort: 8080, policyNames: [] },
      { protocol: 'TCP', loadBalancerPort: 82, instanceProtocol: 'TCP', instancePort: 9000, policyNames: [] },
    ]);
    assert.deepEqual(harness.control.tried, [
      { address, port: 81 },
      { address, port: 82 },
    ]);
  });

  it('succeeds for the same listener again, alone or beside a new one, and tries only the new port', async () => {
    const { revision } = harness.store.view();
    await add({ ...HTTP, Protocol: 'http' });
    assert.equal(harness.store.view().revision, revision);
    harness.control.tried.length = 0;
    await add(HTTP, { ...HTTP, LoadBalancerPort: 81 }, { ...HTTP, LoadBalancerPort: 81 });
    assert.deepEqual(portsOf(), [80, 81]);
    assert.deepEqual(
      harness.control.tried.map(({ port }) => port),
      [81],
    );
  });

  it('DuplicateListener: another listener on a port that has one, in the record or in the call', async () => {
    for (const listener of [{ InstancePort: 81 }, { Protocol: 'TCP', InstanceProtocol: 'TCP' }]) {
      const { code, message } = await refused({ LoadBalancerPort: 80, ...listener });
      assert.deepEqual(
        [code, message],
        [
          'DuplicateListener',
          `A listener already exists for ${name} with LoadBalancerPort 80, but with a different InstancePort, Protocol, or SSLCertificateId`,
        ],
      );
    }
    const twice = () => add({ ...HTTP, LoadBalancerPort: 81 }, { ...HTTP, LoadBalancerPort: 81, InstancePort: 9 });
    assert.equal((await harness.refused(twice)).code, 'DuplicateListener');
  });

  it('InvalidConfigurationRequest: protocols of two layers, naming both', async () => {
    for (const [front, back] of [
      ['HTTP', 'TCP'],
      ['TCP', 'HTTP'],
      ['HTTPS', 'SSL'],
      ['SSL', 'HTTPS'],
    ] as const) {
      const { code, status, message } = await refused({ Protocol: front, InstanceProtocol: back });
      assert.deepEqual([code, status], ['InvalidConfigurationRequest', 409]);
      assert.match(message, new RegExp(`port 8000 cannot have protocol ${front} and instance protocol ${back}:`));
    }
  });

  it('InvalidConfigurationRequest: an instance port that is secure for one listener and not for another', async () => {
    const { code, message } = await refused({ InstanceProtocol: 'HTTPS' });
    assert.equal(code, 'InvalidConfigurationRequest');
    assert.match(
      message,
      /Instance port 8080 cannot have the instance protocols HTTP \(port 80\) and HTTPS \(port 8000\)/,
    );
  });

  it('UnsupportedProtocol: a protocol that is none of the four, on either side', async () => {
    const front = await refused({ Protocol: 'UDP' });
    assert.deepEqual(
      [front.code, front.message],
      ['UnsupportedProtocol', "Listener protocol 'UDP' must be one of HTTP, HTTPS, TCP, SSL."],
    );
    assert.equal((await refused({ InstanceProtocol: 'GENEVE' })).code, 'UnsupportedProtocol');
  });

  it('ValidationError: ports out of range, members that are missing, no listener at all', async () => {
    for (const port of [0, -1, 65_536]) {
      const front = await refused({ LoadBalancerPort: port });
      assert.match(`${front.code} ${front.message}`, /^ValidationError .*'listeners\.1\.member\.loadBalancerPort'/);
      const back = await refused({ InstancePort: port });
      assert.match(`${back.code} ${back.message}`, /^ValidationError .*'listeners\.1\.member\.instancePort'/);
    }
    const missing = await harness.refused(() => add({ Protocol: 'HTTP', InstancePort: 80 }));
    assert.match(missing.message, /Value null at 'listeners\.1\.member\.loadBalancerPort'.*must not be null/);
    assert.equal((await harness.refused(() => add())).message, 'At least one listener must be specified');
    const text = () => add({ ...HTTP, LoadBalancerPort: 'http' as unknown as number });
    assert.match((await harness.refused(text)).message, /Value 'http' at 'listeners\.1\.member\.loadBalancerPort'/);
  });

  it('LoadBalancerNotFound: no load balancer of that name', async () => {
    name = 'absent';
    assert.equal((await refused({})).code, 'LoadBalancerNotFound');
  });

  it('InvalidConfigurationRequest: more listeners than the limit', async () => {
    const more = [81, 82, 83, 84].map((port) => ({ ...HTTP, LoadBalancerPort: port }));
    const { code, message } = await harness.refused(() => add(...more));
    assert.deepEqual(
      [code, message],
      [
        'InvalidConfigurationRequest',
        'A load balancer can have at most 4 listeners (limits.listeners in the configuration).',
      ],
    );
  });

  it('ValidationError: HTTPS and SSL without a certificate, HTTP and TCP with one', async () => {
    for (const Protocol of ['HTTPS', 'SSL']) {
      const { code, message } = await refused({ Protocol, InstanceProtocol: Protocol, InstancePort: 1 });
      assert.deepEqual([code, message], ['ValidationError', 'Secure Listeners need to specify a SSLCertificateId']);
    }
    for (const Protocol of ['HTTP', 'TCP']) {
      const { code, message } = await refused({ Protocol, InstanceProtocol: Protocol, SSLCertificateId: CERTIFICATE });
      assert.equal(code, 'ValidationError');
      assert.match(message, new RegExp(`The ${Protocol} listener on port 8000 cannot have a SSLCertificateId`));
    }
  });

  it('CertificateNotFound: one that the account does not have, or no ARN at all', async () => {
    const others = await harness.addCertificate('others', '111111111111');
    for (const SSLCertificateId of ['web', 'arn:aws:s3:::bucket', CERTIFICATE, others, `${CERTIFICATE}x`]) {
      const { code, message } = await refused({ Protocol: 'HTTPS', SSLCertificateId });
      assert.deepEqual(
        [code, message],
        ['CertificateNotFound', `Server Certificate not found for the key: ${SSLCertificateId}`],
      );
    }
  });

  it('InvalidConfigurationRequest: an instance port that is the API of weir on an instance', async () => {
    harness.control.names.set('me.example', '127.0.0.1');
    for (const InstanceId of ['127.0.0.1', 'me.example']) {
      name = `own-${InstanceId.replaceAll('.', '-')}`;
      await create(name);
      const Instances = [{ InstanceId }];
      await harness.elb.send(new RegisterInstancesWithLoadBalancerCommand({ LoadBalancerName: name, Instances }));
      const { code, message } = await refused({ InstancePort: harness.port });
      assert.equal(code, 'InvalidConfigurationRequest');
      assert.ok(message.startsWith(`Port ${harness.port} of the instance ${InstanceId} is the API of weir itself`));
    }
  });
});

describe('a port that cannot be opened', () => {
  it('InvalidConfigurationRequest: names port, address and error of the system, and changes nothing', async () => {
    harness.control.refusal = { address: '127.41.0.1', port: 8000, code: 'EACCES', message: 'use a higher port' };
    try {
      for (const call of [() => add({ ...HTTP, LoadBalancerPort: 8000 }), () => create('other')]) {
        const { code, status, message } = await harness.refused(call);
        assert.deepEqual([code, status], ['InvalidConfigurationRequest', 409]);
        assert.equal(
          message,
          'Port 8000 cannot be opened on 127.41.0.1 (EACCES): use a higher port. Nothing was changed.',
        );
      }
    } finally {
      harness.control.refusal = undefined;
    }
  });
});

describe('a port that cannot be tried', () => {
  it('ServiceUnavailable: no descriptor is free at the moment, which is no fault of the call', async () => {
    harness.control.refusal = { address: '127.41.0.1', port: 8000, code: 'EMFILE', message: 'no free descriptor' };
    try {
      const { code, status, type } = await refused({ LoadBalancerPort: 8000 });
      assert.deepEqual([code, status, type], ['ServiceUnavailable', 503, 'Receiver']);
    } finally {
      harness.control.refusal = undefined;
    }
  });
});

describe('ports on the platform ec2-classic', () => {
  it('are 25, 80, 443, 465, 587 and everything from 1024 on', async () => {
    await withApi({ configuration: { platform: 'ec2-classic' } }, async () => {
      await create(name);
      const allowed = [25, 443, 465, 587, 1024, 65_535];
      await add(...allowed.map((port) => ({ ...HTTP, LoadBalancerPort: port })));
      assert.deepEqual(portsOf(), [80, ...allowed]);
      for (const port of [1, 81, 8, 1023]) {
        const { code, message } = await refused({ LoadBalancerPort: port });
        assert.equal(code, 'ValidationError');
        const words = 'EC2-Classic load balancer port must be either 25, 80, 443, 465, 587 or 1024~65535 inclusive';
        assert.ok(message.startsWith(`${words}, got ${port} `), message);
      }
    });
  });
});

describe('addresses', () => {
  it('are shared once the pool is used up; a clash of ports names the other load balancer', async () => {
    const addresses = { 'internet-facing': ['127.41.1.1', '127.41.1.2'], internal: ['127.41.1.1'] };
    await withApi({ configuration: { addresses } }, async () => {
      await create('a');
      await create('b');
      await create('c', [{ ...HTTP, LoadBalancerPort: 81 }]);
      assert.deepEqual(
        ['a', 'b', 'c'].map((one) => harness.record(one).address),
        ['127.41.1.1', '127.41.1.2', '127.41.1.1'],
      );
      const { code, message } = await harness.refused(() => create('d'));
      assert.equal(code, 'InvalidConfigurationRequest');
      assert.match(message, /^Port 80 on 127\.41\.1\.2 belongs to the load balancer b: use another port/);
      name = 'c';
      const later = await refused({ LoadBalancerPort: 80 });
      assert.equal(later.code, 'InvalidConfigurationRequest');
      assert.match(later.message, /^Port 80 on 127\.41\.1\.1 belongs to the load balancer a:/);
      const other = await harness.refused(() => create('e', [HTTP], harness.client(OTHER_ACCOUNT)));
      assert.match(other.message, /load balancer b \(account 000000000000, region us-east-1\)/);
    });
  });
});

describe('DeleteLoadBalancerListeners', () => {
  it('deletes those named, also the last, and succeeds for ports without one', async () => {
    await add({ ...HTTP, LoadBalancerPort: 81 });
    await remove(81, 82);
    assert.deepEqual(portsOf(), [80]);
    await remove(80);
    assert.deepEqual(portsOf(), []);
    const { revision } = harness.store.view();
    await remove(80);
    assert.equal(harness.store.view().revision, revision);
    await add({ ...HTTP, InstancePort: 9090 });
    assert.deepEqual(portsOf(), [80]);
  });

  it('LoadBalancerNotFound: no load balancer of that name', async () => {
    name = 'absent';
    assert.equal((await harness.refused(() => remove(80))).code, 'LoadBalancerNotFound');
  });
});
