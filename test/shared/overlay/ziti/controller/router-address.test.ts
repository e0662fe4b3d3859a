import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRouterAddress } from '../../../../../shared/overlay/ziti/controller/router-address.ts';

test('reads both forms of a router address, names and numbers', () => {
  const cases: [string, string, number][] = [
    ['tls://127.0.0.1:3022', '127.0.0.1', 3022],
    ['tls:router.example.org:443', 'router.example.org', 443],
    ['tls://[2001:db8::1]:3022', '2001:db8::1', 3022],
    ['tls:[::1]:1', '::1', 1],
    ['tls://edge_router-1:65535', 'edge_router-1', 65535],
  ];
  for (const [url, host, port] of cases) assert.deepEqual(parseRouterAddress(url), { host, port }, url);
});

test('everything else is no address', () => {
  const cases = [
    '',
    'wss://127.0.0.1:3022',
    'tls://127.0.0.1',
    'tls://127.0.0.1:0',
    'tls://127.0.0.1:65536',
    'tls://127.0.0.1:3022/path',
    'tls://user@127.0.0.1:3022',
    'tls://::1:3022',
    'tls://host name:3022',
    'tls://127.0.0.1:3022\n',
    `tls://${'a'.repeat(254)}:3022`,
    ' tls://127.0.0.1:3022',
  ];
  for (const url of cases) assert.equal(parseRouterAddress(url), undefined, JSON.stringify(url));
});
