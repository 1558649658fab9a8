import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { awsCommand, renderPage, type PageInput } from './page.ts';

const CLEAR = { policy: undefined, notOffered: [], failure: undefined };
const SECURE = { policy: 'Legacy', notOffered: ['RC4-SHA: broken'], failure: undefined };
const CHECKS = [
  { time: '2026-11-22T10:00:30.123Z', good: false, cause: 'status 500', milliseconds: 3.1 },
  { time: '2026-11-22T10:00:00.000Z', good: true, cause: 'status 200', milliseconds: 2 },
];

const PAGE: PageInput = {
  version: '1.2.3',
  status: 'ready',
  revision: 7,
  endpoint: 'http://127.0.0.1:7600',
  credentialsFile: '/data/credentials',
  documentation: '/opt/weir/README.md',
  region: 'us-east-1',
  loadBalancers: [
    {
      name: 'web',
      account: '000000000000',
      region: 'us-east-1',
      dnsName: 'web-1.us-east-1.elb.localhost',
      address: '127.0.0.1',
      listeners: [
        { ...CLEAR, protocol: 'HTTP', port: 80, instanceProtocol: 'HTTP', instancePort: 8080 },
        {
          ...CLEAR,
          protocol: 'TCP',
          port: 25,
          instanceProtocol: 'TCP',
          instancePort: 2525,
          failure: 'port 25 is taken',
        },
        { ...SECURE, protocol: 'HTTPS', port: 443, instanceProtocol: 'HTTP', instancePort: 8080 },
      ],
      instances: [
        { instanceId: 'i-1', zone: 'us-east-1a', state: 'InService', description: 'N/A', checks: CHECKS },
        { instanceId: 'i-2', zone: 'us-east-1a', state: 'OutOfService', description: 'in progress', checks: [] },
      ],
    },
  ],
};

describe('the page', () => {
  it('says what runs: load balancers, listeners, instances and their last checks, what cannot be offered, where the documentation is', () => {
    const page = renderPage(PAGE);
    for (const text of [
      'weir 1.2.3',
      'ready, revision 7, 1 load balancer.',
      'web-1.us-east-1.elb.localhost',
      'HTTP:80',
      'port 25 is taken',
      'i-1',
      'InService',
      '2026-11-22T10:00:30Z <span class="bad">status 500</span>, 3.1 ms',
      '2026-11-22T10:00:00Z <span class="good">status 200</span>, 2 ms',
      '<td>none yet</td>',
      'Legacy, of which <span class="bad">1 cannot be offered</span>',
      '<li>RC4-SHA: broken</li>',
      '/opt/weir/README.md',
    ]) {
      assert.ok(page.includes(text), text);
    }
  });

  it('escapes everything that comes from outside', () => {
    const evil = `<script>alert("1")</script>&'`;
    const page = renderPage({
      ...PAGE,
      status: evil,
      loadBalancers: PAGE.loadBalancers.map((each) => ({
        ...each,
        name: evil,
        dnsName: evil,
        listeners: each.listeners.map((listener) => ({
          ...listener,
          failure: evil,
          policy: evil,
          notOffered: [evil],
        })),
        instances: each.instances.map((instance) => ({
          ...instance,
          instanceId: evil,
          description: evil,
          state: evil,
          checks: [{ time: evil, good: true, cause: evil, milliseconds: 1 }],
        })),
      })),
    });
    assert.ok(!page.includes('<script>'));
    assert.ok(page.includes('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;'));
  });

  it('is a page also when nothing runs', () => {
    assert.match(renderPage({ ...PAGE, loadBalancers: [] }), /0 load balancers\./);
  });
});

describe('the aws command', () => {
  it('is one that a shell takes apart as it was meant', () => {
    const file = `/tmp/it's a $HOME "folder"/credentials`;
    const command = awsCommand({ ...PAGE, credentialsFile: file, endpoint: 'http://[::1]:7600' }, 'describe-tags');
    const script = `aws() { printf '%s\\n' "$AWS_SHARED_CREDENTIALS_FILE" "$@"; }; ${command}`;
    const words = execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' }).trimEnd().split('\n');
    const place = ['--profile', 'default', '--region', 'us-east-1', '--endpoint-url', 'http://[::1]:7600'];
    assert.deepEqual(words, [file, 'elb', 'describe-tags', ...place]);
  });

  it('asks for no key where the API wants none', () => {
    const command = awsCommand({ ...PAGE, credentialsFile: undefined }, 'describe-tags');
    assert.equal(
      command,
      'aws elb describe-tags --region us-east-1 --endpoint-url http://127.0.0.1:7600 --no-sign-request',
    );
  });
});
