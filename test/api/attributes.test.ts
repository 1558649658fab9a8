import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import {
  CreateLoadBalancerCommand,
  DescribeLoadBalancerAttributesCommand,
  ModifyLoadBalancerAttributesCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import type { AdditionalAttribute, LoadBalancerAttributes } from '@aws-sdk/client-elastic-load-balancing';
import { ApiHarness } from '../support/api.ts';
import type { Refused } from '../support/api.ts';

const DESYNC = 'elb.http.desyncmitigationmode';
const STANDARD: LoadBalancerAttributes = {
  CrossZoneLoadBalancing: { Enabled: false },
  AccessLog: { Enabled: false },
  ConnectionDraining: { Enabled: false, Timeout: 300 },
  ConnectionSettings: { IdleTimeout: 60 },
  AdditionalAttributes: [{ Key: DESYNC, Value: 'defensive' }],
};

let harness: ApiHarness;
let count = 0;
let name = '';

async function describeAttributes() {
  const command = new DescribeLoadBalancerAttributesCommand({ LoadBalancerName: name });
  return (await harness.elb.send(command)).LoadBalancerAttributes!;
}

function modify(LoadBalancerAttributes: LoadBalancerAttributes) {
  return harness.elb.send(new ModifyLoadBalancerAttributesCommand({ LoadBalancerName: name, LoadBalancerAttributes }));
}

function refused(attributes: LoadBalancerAttributes): Promise<Refused> {
  return harness.refused(() => modify(attributes));
}

before(async () => {
  harness = await ApiHarness.start();
});
after(() => harness.stop());
beforeEach(async () => {
  name = `lb-${++count}`;
  const Listeners = [{ Protocol: 'HTTP', LoadBalancerPort: 80, InstancePort: 80 }];
  const input = { LoadBalancerName: name, Listeners, AvailabilityZones: ['us-east-1a'] };
  await harness.elb.send(new CreateLoadBalancerCommand(input));
});

describe('DescribeLoadBalancerAttributes', () => {
  it('describes the defaults of AWS for a new load balancer', async () => {
    assert.deepEqual(await describeAttributes(), STANDARD);
  });

  it('LoadBalancerNotFound: no load balancer of that name', async () => {
    name = 'absent';
    assert.equal((await harness.refused(describeAttributes)).code, 'LoadBalancerNotFound');
  });
});

describe('ModifyLoadBalancerAttributes', () => {
  it('changes only what it names, and answers with what it was given', async () => {
    const steps: [LoadBalancerAttributes, Partial<LoadBalancerAttributes>][] = [
      [{ CrossZoneLoadBalancing: { Enabled: true } }, { CrossZoneLoadBalancing: { Enabled: true } }],
      [{ ConnectionDraining: { Enabled: true, Timeout: 10 } }, { ConnectionDraining: { Enabled: true, Timeout: 10 } }],
      [{ ConnectionDraining: { Enabled: false } }, { ConnectionDraining: { Enabled: false, Timeout: 10 } }],
      [{ ConnectionSettings: { IdleTimeout: 4000 } }, { ConnectionSettings: { IdleTimeout: 4000 } }],
    ];
    let expected = STANDARD;
    for (const [given, change] of steps) {
      const output = await modify(given);
      assert.equal(output.LoadBalancerName, name);
      assert.deepEqual(output.LoadBalancerAttributes, given);
      expected = { ...expected, ...change };
      assert.deepEqual(await describeAttributes(), expected);
    }
  });

  it('changes nothing when everything is as it was', async () => {
    await modify({
      CrossZoneLoadBalancing: { Enabled: true },
      AdditionalAttributes: [{ Key: DESYNC, Value: 'Monitor' }],
    });
    const { revision } = harness.store.view();
    await modify({
      CrossZoneLoadBalancing: { Enabled: true },
      AdditionalAttributes: [{ Key: DESYNC, Value: 'monitor' }],
    });
    assert.equal(harness.store.view().revision, revision);
  });

  it('goes through the sequence of Terraform', async () => {
    await modify({
      CrossZoneLoadBalancing: { Enabled: true },
      ConnectionSettings: { IdleTimeout: 60 },
      AdditionalAttributes: [{ Key: DESYNC, Value: 'defensive' }],
      AccessLog: { Enabled: false },
    });
    await modify({ ConnectionDraining: { Enabled: true, Timeout: 400 } });
    await modify({ ConnectionDraining: { Enabled: true } });
    assert.deepEqual(await describeAttributes(), {
      ...STANDARD,
      CrossZoneLoadBalancing: { Enabled: true },
      ConnectionDraining: { Enabled: true, Timeout: 400 },
    });
  });

  it('sets the attributes of weir beside that of AWS, values in any letter case', async () => {
    const AdditionalAttributes = [
      { Key: 'weir.http.upgrade', Value: 'TRUE' },
      { Key: DESYNC, Value: 'Strictest' },
      { Key: 'weir.backend.maxconnections', Value: '25' },
    ];
    assert.deepEqual((await modify({ AdditionalAttributes })).LoadBalancerAttributes, { AdditionalAttributes });
    await modify({ AdditionalAttributes: [{ Key: 'weir.backend.slowstartseconds', Value: '30' }] });
    assert.deepEqual((await describeAttributes()).AdditionalAttributes, [
      { Key: DESYNC, Value: 'strictest' },
      { Key: 'weir.http.upgrade', Value: 'true' },
      { Key: 'weir.backend.maxconnections', Value: '25' },
      { Key: 'weir.backend.slowstartseconds', Value: '30' },
    ]);
  });

  it('LoadBalancerAttributeNotFound: a key that is not known, naming those that are', async () => {
    for (const Key of ['elb.http.other', 'ELB.HTTP.DESYNCMITIGATIONMODE', '__proto__', '']) {
      const { code, status, message } = await refused({ AdditionalAttributes: [{ Key, Value: 'x' }] });
      assert.deepEqual([code, status], ['LoadBalancerAttributeNotFound', 400]);
      assert.match(
        message,
        /Known are elb\.http\.desyncmitigationmode, weir\.http\.upgrade, weir\.http\.requestid, weir\.backend\.maxconnections, weir\.backend\.slowstartseconds\./,
      );
    }
  });

  it('InvalidConfigurationRequest: a value that the attribute cannot have, saying what it can', async () => {
    const cases: readonly (readonly [string, string | undefined, RegExp])[] = [
      [DESYNC, 'strict', /must be monitor, defensive or strictest, got 'strict'/],
      [DESYNC, undefined, /must be monitor, defensive or strictest, got ''/],
      ['weir.http.upgrade', '1', /must be true or false/],
      ['weir.http.requestid', 'yes', /must be true or false/],
      ['weir.backend.maxconnections', '-1', /whole number from 0/],
      ['weir.backend.maxconnections', '1000000', /whole number from 0/],
      ['weir.backend.slowstartseconds', '901', /from 0 to 900/],
      ['weir.backend.slowstartseconds', '1.5', /from 0 to 900/],
    ];
    for (const [Key, Value, expected] of cases) {
      const attribute: AdditionalAttribute = Value === undefined ? { Key } : { Key, Value };
      const { code, status, message } = await refused({ AdditionalAttributes: [attribute] });
      assert.deepEqual([code, status], ['InvalidConfigurationRequest', 409]);
      assert.match(message, expected);
    }
  });

  it('ValidationError: an attribute given twice, or more than ten', async () => {
    const one = { Key: DESYNC, Value: 'monitor' };
    assert.equal((await refused({ AdditionalAttributes: [one, one] })).code, 'ValidationError');
    const many = Array.from({ length: 11 }, () => one);
    assert.match((await refused({ AdditionalAttributes: many })).message, /At most 10 AdditionalAttributes/);
  });

  it('ValidationError: timeouts out of range', async () => {
    for (const Timeout of [0, 3601]) {
      const { code, message } = await refused({ ConnectionDraining: { Enabled: true, Timeout } });
      assert.equal(code, 'ValidationError');
      assert.match(
        message,
        new RegExp(`Value '${Timeout}' at 'loadBalancerAttributes\\.connectionDraining\\.timeout'`),
      );
    }
    for (const IdleTimeout of [0, 4001]) {
      const { code, message } = await refused({ ConnectionSettings: { IdleTimeout } });
      assert.equal(code, 'ValidationError');
      assert.match(message, /'loadBalancerAttributes\.connectionSettings\.idleTimeout'/);
    }
  });

  it('ValidationError: an attribute without the member that it cannot be without', async () => {
    const { code, message } = await refused({ ConnectionDraining: { Timeout: 10 } as never });
    assert.equal(code, 'ValidationError');
    assert.match(message, /Value null at 'loadBalancerAttributes\.connectionDraining\.enabled'/);
  });

  it('keeps the bucket of access logs while they are off, and describes it', async () => {
    await modify({
      AccessLog: { Enabled: true, S3BucketName: 'logs', S3BucketPrefix: 'my-app/prod', EmitInterval: 5 },
    });
    await modify({ AccessLog: { Enabled: false } });
    assert.deepEqual((await describeAttributes()).AccessLog, {
      Enabled: false,
      S3BucketName: 'logs',
      EmitInterval: 5,
      S3BucketPrefix: 'my-app/prod',
    });
    await modify({ AccessLog: { Enabled: true, S3BucketPrefix: '' } });
    assert.deepEqual((await describeAttributes()).AccessLog, { Enabled: true, S3BucketName: 'logs', EmitInterval: 5 });
  });

  it('InvalidConfigurationRequest: access logs without a bucket, with a wrong name, prefix or interval', async () => {
    const bad: readonly (readonly [Partial<LoadBalancerAttributes['AccessLog']>, RegExp])[] = [
      [{}, /the S3BucketName that they go to must be given/],
      [{ S3BucketName: 'Logs' }, /'Logs' is no name of a bucket/],
      [{ S3BucketName: '../etc' }, /is no name of a bucket/],
      [{ S3BucketName: 'a'.repeat(64) }, /is no name of a bucket/],
      [{ S3BucketName: 'logs', EmitInterval: 10 }, /must be 5 or 60 minutes, got 10/],
      ...['/a', 'a/', 'a//b', '..', 'a/../b', 'a b', 'a'.repeat(256), 'a/'.repeat(256), 'AWSLogs/1'].map(
        (S3BucketPrefix) => {
          return [{ S3BucketName: 'logs', S3BucketPrefix }, /must be names divided by single slashes/] as const;
        },
      ),
    ];
    for (const [more, expected] of bad) {
      const { code, status, message } = await refused({ AccessLog: { Enabled: true, ...more } });
      assert.deepEqual([code, status], ['InvalidConfigurationRequest', 409]);
      assert.match(message, expected);
    }
    const S3BucketPrefix = `${'a'.repeat(255)}/${'b'.repeat(254)}/c`;
    await modify({ AccessLog: { Enabled: true, S3BucketName: 'a'.repeat(63), S3BucketPrefix } });
  });

  it('LoadBalancerNotFound: no load balancer of that name', async () => {
    name = 'absent';
    assert.equal((await refused({ CrossZoneLoadBalancing: { Enabled: true } })).code, 'LoadBalancerNotFound');
  });
});
