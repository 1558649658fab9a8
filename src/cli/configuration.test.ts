import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { configured, MACHINE, problemsOf } from '../../test/support/configured.ts';
import type { Configuration } from '../model/configuration.ts';
import { ConfigurationError } from './configuration-problems.ts';
import { fixedKeyOf, loadConfiguration, mergeConfiguration } from './configuration.ts';

const DEFAULTS: Configuration = {
  dataDir: './weir-data',
  api: { host: '127.0.0.1', port: 7600, auth: 'sigv4' },
  addresses: { 'internet-facing': ['0.0.0.0'], internal: ['0.0.0.0'] },
  threads: 3,
  platform: 'vpc',
  region: 'us-east-1',
  domain: 'localhost',
  zones: [],
  subnets: {},
  securityGroups: {},
  certificates: {},
  instances: { inventory: {}, allowReserved: false },
  limits: { loadBalancers: 20, listeners: 100, instances: 1000 },
  preconnect: true,
  stopTimeout: 25,
  log: { level: 'info', format: 'json' },
};

describe('configuration: what is said', () => {
  it('is the defaults when nothing is', () => {
    assert.deepEqual(configured(''), DEFAULTS);
    assert.deepEqual(configured('# only a comment\n'), DEFAULTS);
    assert.deepEqual(mergeConfiguration({ flags: {}, environment: {}, machine: MACHINE }), DEFAULTS);
    assert.equal(configured('', { machine: { cores: 1, terminal: true } }).log.format, 'pretty');
  });

  it('can be every option, in the file', () => {
    const text = `
      dataDir: /var/lib/weir
      api: '[::1]:0'
      auth: none
      addresses: { internet-facing: 127.41.7.0/25, internal: [10.0.0.5, fd00::/64] }
      threads: 2
      platform: ec2-classic
      region: eu-west-1
      domain: lb.example.com
      zones: [eu-west-1a, eu-west-1b]
      subnets: { subnet-1: eu-west-1a }
      securityGroups:
        sg-web: { ingress: [{ cidr: 0.0.0.0/0, ports: 80 }, { cidr: 10.0.0.0/8, ports: ['443', 1000-2000] }] }
      instances:
        inventory: { i-web1: { address: 10.0.0.7, zone: eu-west-1b, ports: { 80: 9001 } }, i-2: { address: web.example } }
        allowReserved: true
        ec2Endpoint: https://ec2.example/
        ec2Region: eu-west-2
        ec2Profile: fleet
      limits: { loadBalancers: 5, listeners: 6, instances: 7 }
      preconnect: false
      stopTimeout: 0
      accessLogs: { s3Endpoint: 'http://127.0.0.1:9000', s3Region: eu-west-2, s3Profile: logs, s3PathStyle: false }
      log: { level: debug, format: pretty }`;
    assert.deepEqual(configured(text), {
      dataDir: '/var/lib/weir',
      api: { host: '::1', port: 0, auth: 'none' },
      addresses: { 'internet-facing': ['127.41.7.0/25'], internal: ['10.0.0.5', 'fd00::/64'] },
      threads: 2,
      platform: 'ec2-classic',
      region: 'eu-west-1',
      domain: 'lb.example.com',
      zones: ['eu-west-1a', 'eu-west-1b'],
      subnets: { 'subnet-1': 'eu-west-1a' },
      securityGroups: {
        'sg-web': {
          ingress: [
            { cidr: '0.0.0.0/0', fromPort: 80, toPort: 80 },
            { cidr: '10.0.0.0/8', fromPort: 443, toPort: 443 },
            { cidr: '10.0.0.0/8', fromPort: 1000, toPort: 2000 },
          ],
        },
      },
      certificates: {},
      instances: {
        inventory: {
          'i-web1': { address: '10.0.0.7', zone: 'eu-west-1b', ports: { '80': 9001 } },
          'i-2': { address: 'web.example' },
        },
        allowReserved: true,
        ec2: { url: 'https://ec2.example/', region: 'eu-west-2', profile: 'fleet' },
      },
      limits: { loadBalancers: 5, listeners: 6, instances: 7 },
      preconnect: false,
      stopTimeout: 0,
      accessLogs: { s3: { url: 'http://127.0.0.1:9000/', region: 'eu-west-2', profile: 'logs', pathStyle: false } },
      log: { level: 'debug', format: 'pretty' },
    } satisfies Configuration);
  });

  it('asks EC2 in its own region unless another is named', () => {
    const { ec2 } = configured('region: eu-west-1\ninstances: { ec2Endpoint: "http://127.0.0.1:5000" }').instances;
    assert.deepEqual(ec2, { url: 'http://127.0.0.1:5000/', region: 'eu-west-1' });
  });

  it('takes one address, a list or a network as the pool of both schemes', () => {
    for (const [text, pool] of [
      ['addresses: 127.0.0.5', ['127.0.0.5']],
      ['addresses: [127.0.0.5, "::1"]', ['127.0.0.5', '::1']],
      ['addresses: 127.41.7.0/25', ['127.41.7.0/25']],
    ] as const) {
      assert.deepEqual(configured(text).addresses, { 'internet-facing': pool, internal: pool });
      const listen = pool.join(', ');
      assert.deepEqual(configured('', { flags: { listen } }).addresses, { 'internet-facing': pool, internal: pool });
    }
  });

  it('wins by where it is said: flag, variable, file, default', () => {
    const threads = fc.option(fc.integer({ min: 1, max: 256 }), { nil: undefined });
    const api = fc.option(
      fc.integer({ min: 0, max: 65_535 }).map((port) => `127.0.0.1:${port}`),
      { nil: undefined },
    );
    const listen = fc.option(fc.ipV4(), { nil: undefined });
    const dataDir = fc.option(
      fc.string({ minLength: 1 }).filter((path) => /./.test(path)),
      { nil: undefined },
    );
    const layer = fc.record({ threads, api, listen, dataDir });
    fc.assert(
      fc.property(layer, layer, layer, (flags, environment, file) => {
        const { listen: addresses, ...others } = file;
        const defined = Object.entries({ addresses, ...others }).filter(([, value]) => value !== undefined);
        const got = configured(stringify(Object.fromEntries(defined)), {
          flags: { ...flags, threads: flags.threads?.toString() },
          environment: {
            WEIR_THREADS: environment.threads?.toString(),
            WEIR_API: environment.api,
            WEIR_LISTEN: environment.listen,
            WEIR_DATA_DIR: environment.dataDir,
          },
        });
        const first = <K extends keyof typeof flags>(key: K) => flags[key] ?? environment[key] ?? file[key];
        assert.equal(got.threads, first('threads') ?? 3);
        assert.equal(`${got.api.host}:${got.api.port}`, first('api') ?? '127.0.0.1:7600');
        assert.deepEqual(got.addresses.internal, [first('listen') ?? '0.0.0.0']);
        assert.equal(got.dataDir, first('dataDir') ?? './weir-data');
      }),
    );
  });

  it('takes level and format of the log from flags and variables too', () => {
    const text = 'log: { level: warn, format: json }';
    const environment = { WEIR_LOG_LEVEL: 'error', WEIR_LOG_FORMAT: 'pretty' };
    assert.deepEqual(configured(text).log, { level: 'warn', format: 'json' });
    assert.deepEqual(configured(text, { environment }).log, { level: 'error', format: 'pretty' });
    const flags = { logLevel: 'debug', logFormat: 'json' };
    assert.deepEqual(configured(text, { environment, flags }).log, { level: 'debug', format: 'json' });
    assert.throws(() => configured('', { flags: { logLevel: 'loud' } }), /--log-level: expected debug or info/);
    assert.throws(
      () => configured('', { environment: { WEIR_LOG_FORMAT: 'xml' } }),
      /WEIR_LOG_FORMAT: expected json or pretty/,
    );
  });

  it('may name zones of subnets and instances without a list of zones', () => {
    const { subnets, zones } = configured(
      'subnets: {subnet-1: lab-1}\ninstances: {inventory: {i-1: {address: 10.0.0.1, zone: lab-2}}}',
    );
    assert.deepEqual([subnets, zones], [{ 'subnet-1': 'lab-1' }, []]);
  });

  it('counts an empty variable as unset', () => {
    assert.deepEqual(configured('', { environment: { WEIR_API: '', WEIR_THREADS: '', WEIR_LISTEN: '' } }), DEFAULTS);
  });

  it('may use anchors and aliases', () => {
    const text = 'instances: { inventory: { i-1: &a { address: 10.0.0.1 }, i-2: *a } }';
    assert.equal(configured(text).instances.inventory['i-2']?.address, '10.0.0.1');
  });
});

describe('configuration: what is wrong', () => {
  it('names file, line, key, what was expected and what was found', () => {
    const text = [
      'data-dir: x',
      'api: 0.0.0.0:99999',
      'addresses:',
      '  internet-facing: [127.0.0.1/8, 300.1.1.1]',
      'threads: 0',
      'instances:',
      '  inventory:',
      '    i-web1: {address: "10.0.0.1:80", ports: {80: 99999, foo: 1}, zon: a}',
      '    i-web2:',
      '      zone: us-east-1a',
      'securityGroups:',
      '  sg-web:',
      '    ingress:',
      '      - {cidr: 0.0.0.0/0, ports: [80, 90-10]}',
      '      - {cidr: 10.0.0.1/8, ports: 80}',
      '  web: {ingress: 5}',
      'limits: 7',
      'zones: us-east-1a',
      'log: {level: loud}',
      'preconnect: yes',
      'domain:',
      'stopTimeout: 1.5',
    ].join('\n');
    const options =
      'dataDir, api, auth, addresses, threads, platform, region, domain, zones, subnets, securityGroups, certificates, ' +
      'instances, limits, preconnect, stopTimeout, accessLogs, log';
    assert.deepEqual(problemsOf(text), [
      `weir.yaml:1: data-dir: there is no such option; did you mean "dataDir"? (known here: ${options})`,
      'weir.yaml:2: api: expected HOST:PORT, such as 127.0.0.1:7600 or [::1]:7600, found "0.0.0.0:99999"',
      'weir.yaml:3: addresses.internal: is missing; expected an IPv4 or IPv6 address, or a network such as 127.41.7.0/25',
      'weir.yaml:4: addresses.internet-facing.0: expected 127.0.0.0/8 (the whole network) or 127.0.0.1 (the one address), found "127.0.0.1/8"',
      'weir.yaml:4: addresses.internet-facing.1: expected an IPv4 or IPv6 address, or a network such as 127.41.7.0/25, found "300.1.1.1"',
      'weir.yaml:5: threads: expected a whole number from 1 to 256, found 0',
      'weir.yaml:8: instances.inventory.i-web1.address: expected an IP address or a host name, without a port, found "10.0.0.1:80"',
      'weir.yaml:8: instances.inventory.i-web1.ports.80: expected a port from 1 to 65535, found 99999',
      'weir.yaml:8: instances.inventory.i-web1.ports.foo: this name must be a port from 1 to 65535',
      'weir.yaml:8: instances.inventory.i-web1.zon: there is no such option; did you mean "zone"? (known here: address, zone, ports)',
      'weir.yaml:9: instances.inventory.i-web2.address: is missing; expected an IP address or a host name, without a port',
      'weir.yaml:14: securityGroups.sg-web.ingress.0.ports.1: expected a port such as 80, or a range such as 1000-2000, from 1 to 65535, found "90-10"',
      'weir.yaml:15: securityGroups.sg-web.ingress.1.cidr: expected 10.0.0.0/8 (the whole network) or 10.0.0.1/32 (the one address), found "10.0.0.1/8"',
      'weir.yaml:16: securityGroups.web: this name must be the id of a security group: sg-, then letters, digits or hyphens',
      'weir.yaml:17: limits: expected a mapping with loadBalancers, listeners, instances, found 7',
      'weir.yaml:18: zones: expected a list of zones, such as [us-east-1a, us-east-1b], found "us-east-1a"',
      'weir.yaml:19: log.level: expected debug or info or warn or error or silent, found "loud"',
      'weir.yaml:20: preconnect: expected true or false, found "yes"',
      'weir.yaml:21: domain: expected a domain name, such as localhost or lb.example.com, found nothing',
      'weir.yaml:22: stopTimeout: expected a whole number from 0 to 3600, found 1.5',
    ]);
  });

  for (const [text, message] of [
    ['threads: [', /^weir\.yaml:1: this is not YAML: /],
    ['threads: 1\nthreads: 2', /^weir\.yaml:2: this is not YAML: Map keys must be unique/],
    ['a: 1\n---\nb: 2', /^weir\.yaml:2: a second document begins here/],
    ['threads: !!weird 1', /^weir\.yaml:1: this is not YAML: Unresolved tag/],
    ['threads: 1\napi: *nowhere', /^weir\.yaml:2: there is no anchor &nowhere before this alias$/],
    ['[]', /^weir\.yaml:1: expected a mapping with dataDir, api, .*, found a list$/],
    ['addresses: []', /^weir\.yaml:1: addresses: expected at least one element, found an empty list$/],
    [
      'addresses: fe80::1%eth0',
      /^weir\.yaml:1: addresses: expected an IPv4 or IPv6 address, .*, found "fe80::1%eth0"$/,
    ],
    ['listen: 127.0.0.1', /^weir\.yaml:1: listen: .* did you mean "addresses"\?/],
    [
      'addresses:\n  internet-facing: ::1\n  intern: ::1\n',
      /^weir\.yaml:3: addresses\.intern: .*\(known here: internet-facing, internal\)$/m,
    ],
    ['limits:\n  listener: 1', /^weir\.yaml:2: limits\.listener: .*did you mean "listeners"/],
    ['\nfrobnicate: 1', /^weir\.yaml:2: frobnicate: there is no such option \(known here: /],
    [
      'instances: {inventory: {i-1: {address: 10.0.0}}}',
      /inventory\.i-1\.address: expected an IP address or a host name/,
    ],
    [
      'zones: [a]\nsubnets:\n  subnet-1: b',
      /^weir\.yaml:3: subnets\.subnet-1: expected one of the zones \(a\), found "b"$/,
    ],
    [
      'zones: [a]\ninstances: {inventory: {i-1: {address: ::1, zone: b}}}',
      /^weir\.yaml:2: .*i-1\.zone: expected one of the zones/,
    ],
    [
      'instances: {ec2Endpoint: ec2.example}',
      /^weir\.yaml:1: instances\.ec2Endpoint: expected an address such as https:/,
    ],
    [
      'instances:\n  ec2Endpoint: https://me:secret@ec2.example/',
      /^weir\.yaml:2: instances\.ec2Endpoint: expected an address without user name and password, found one with them$/,
    ],
    ['zones: [a, a]', /^weir\.yaml:1: zones: a zone is named twice$/],
  ] as const) {
    it(`is told for ${JSON.stringify(text)}`, () => assert.match(problemsOf(text).join('\n'), message));
  }

  it('is told with the flag or the variable that said it', () => {
    const flags = { api: 'localhost', threads: 'many', dataDir: '' };
    const environment = { WEIR_LISTEN: '127.0.0.1,nowhere', WEIR_THREADS: 'x' };
    assert.deepEqual(problemsOf('', { flags, environment }), [
      '--data-dir: expected the path of a directory, found ""',
      '--api: expected HOST:PORT, such as 127.0.0.1:7600 or [::1]:7600, found "localhost"',
      'WEIR_LISTEN: expected an IPv4 or IPv6 address, or a network such as 127.41.7.0/25 (several are separated by commas), found "127.0.0.1,nowhere"',
      '--threads: expected a whole number from 1 to 256, found "many"',
    ]);
  });

  it('is an API without authentication on an address that others reach, wherever the address was said', () => {
    const refused = /^weir\.yaml:1: auth: "none" lets everybody who reaches .* it needs an API address on loopback/;
    for (const api of ['0.0.0.0:7600', '[::]:7600', '10.0.0.1:7600', 'example.com:7600']) {
      assert.match(problemsOf('auth: none', { flags: { api } }).join(), refused);
    }
    for (const api of ['127.0.0.1:7600', '127.9.9.9:1', '[::1]:7600', 'localhost:7600', '[::ffff:127.0.0.1]:80']) {
      assert.equal(configured('auth: none', { flags: { api } }).api.auth, 'none');
    }
  });

  it('is shown in part where it is long, and is taken for another word only where that is near', () => {
    const [long] = problemsOf(`region: ${'A'.repeat(100)}`);
    assert.match(long!, /found "A{56}…$/);
    assert.match(problemsOf('log: {lvel: info}')[0]!, /did you mean "level"/);
    assert.doesNotMatch(problemsOf('api2: x')[0]!, /mean "domain"/);
    assert.doesNotMatch(problemsOf('xx: 1')[0]!, /did you mean/);
    assert.match(problemsOf('ap: 1')[0]!, /did you mean "api"/);
    assert.doesNotMatch(problemsOf('a: 1')[0]!, /did you mean/);
    assert.match(problemsOf('dataDir: ""')[0]!, /expected the path of a directory/);
  });

  it('is a file that cannot be read', () => {
    assert.throws(
      () => loadConfiguration('/nonexistent/weir.yaml', {}, {}),
      /\/nonexistent\/weir\.yaml: .*cannot be read.*ENOENT/,
    );
  });

  it('is never an exception of another kind, whatever the file says', () => {
    const key = fc.constantFrom(
      'api',
      'addresses',
      'instances',
      'inventory',
      'ports',
      'zones',
      '__proto__',
      'i-1',
      '80',
      'limits',
    );
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, true, 80, -1, 0.5, '', '127.0.0.1', '::/0', '1-2'),
        fc.string(),
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(key, tie('any'), { maxKeys: 4 }),
      ),
    })).any;
    const text = fc.oneof(
      fc.string(),
      value.map((each) => stringify(each)),
    );
    fc.assert(
      fc.property(text, (text) => {
        try {
          configured(text);
        } catch (error) {
          assert.ok(error instanceof ConfigurationError, String(error));
          assert.ok(error.problems.every(({ line }) => line !== undefined));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('configuration: a fixed key', () => {
  it('is both variables or none', () => {
    assert.equal(fixedKeyOf({}), undefined);
    assert.equal(fixedKeyOf({ WEIR_ACCESS_KEY_ID: '', WEIR_SECRET_ACCESS_KEY: '' }), undefined);
    const both = { WEIR_ACCESS_KEY_ID: 'AKIA1', WEIR_SECRET_ACCESS_KEY: 'secret' };
    assert.deepEqual(fixedKeyOf(both), { accessKeyId: 'AKIA1', secretAccessKey: 'secret' });
    const odd = () => fixedKeyOf({ WEIR_ACCESS_KEY_ID: 'a/b', WEIR_SECRET_ACCESS_KEY: 'of two words' });
    assert.throws(odd, (error: Error) => {
      assert.match(
        error.message,
        /^WEIR_ACCESS_KEY_ID: must be 1 to 128 .*\nWEIR_SECRET_ACCESS_KEY: must be 1 to 256 /,
      );
      return !error.message.includes('words');
    });
    const idOnly = () => fixedKeyOf({ WEIR_ACCESS_KEY_ID: 'a' });
    assert.throws(idOnly, /^ConfigurationError: WEIR_SECRET_ACCESS_KEY: is missing, while WEIR_ACCESS_KEY_ID is set/);
    const secretOnly = () => fixedKeyOf({ WEIR_SECRET_ACCESS_KEY: 'a' });
    assert.throws(
      secretOnly,
      /^ConfigurationError: WEIR_ACCESS_KEY_ID: is missing, while WEIR_SECRET_ACCESS_KEY is set/,
    );
  });
});
