import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHealthCheckTarget } from './health-check-target.ts';

test('every form of a health check target is taken apart', () => {
  assert.deepEqual(parseHealthCheckTarget('TCP:80'), { protocol: 'TCP', port: 80, path: '' });
  assert.deepEqual(parseHealthCheckTarget('ssl:443'), { protocol: 'SSL', port: 443, path: '' });
  assert.deepEqual(parseHealthCheckTarget('HTTP:8080/ping?deep=1'), {
    protocol: 'HTTP',
    port: 8080,
    path: '/ping?deep=1',
  });
  const longest = `/${'a'.repeat(1023)}`;
  assert.equal(parseHealthCheckTarget(`HTTP:80${longest}`)?.path, longest);
  assert.deepEqual(parseHealthCheckTarget('HTTPS:443'), { protocol: 'HTTPS', port: 443, path: '/index.html' });
});

test('what has not the form of a health check target is refused', () => {
  const wrong = ['', 'TCP', 'TCP:', 'TCP:0', 'TCP:65536', 'TCP:80/', 'UDP:53', 'HTTP:80index', 'HTTP:80/a b'];
  wrong.push('HTTP:80/\r\nX: y', 'HTTP:80/\u00e9', `HTTP:80/${'a'.repeat(1024)}`, ' TCP:80', 'TCP:80\n');
  for (const text of wrong) assert.equal(parseHealthCheckTarget(text), undefined, JSON.stringify(text));
});
