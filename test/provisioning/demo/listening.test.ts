import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { listeningSockets } from '../../../provisioning/demo/listening.ts';

test('TCP and UDP listeners of a process are counted, Unix sockets are not', async () => {
  const before = listeningSockets(process.pid);
  const folder = mkdtempSync(join(tmpdir(), 'vm-listen-'));
  const tcp = createServer().listen(0, '127.0.0.1');
  const unix = createServer().listen(join(folder, 's'));
  const udp = createSocket('udp4').bind(0, '127.0.0.1');
  await Promise.all([once(tcp, 'listening'), once(unix, 'listening'), once(udp, 'listening')]);
  assert.equal(listeningSockets(process.pid), before + 2);
  udp.close();
  unix.close();
  tcp.close();
  await once(tcp, 'close');
  assert.equal(listeningSockets(process.pid), before);
  rmSync(folder, { recursive: true });
});

test('a process that is gone listens on nothing', () => {
  assert.equal(listeningSockets(spawnSync(process.execPath, ['--version']).pid), 0);
});
