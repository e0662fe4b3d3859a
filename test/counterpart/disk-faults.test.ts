import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ErrorCode } from '../../shared/errors.ts';
import { MonitoredSite, type Program } from '../fault/monitored-site.ts';
import { verifies } from '../requirements.ts';
import { DiskFault } from '../support/disk-fault.ts';

const WRITES = ['pwrite64', 'write', 'ftruncate', 'fallocate'];
const SYNCS = ['fdatasync', 'fsync'];

/** What a disk can do, and what is said of it. */
const FAULTS: readonly { name: string; calls: readonly string[]; becomes: string; code: ErrorCode }[] = [
  { name: 'a full disk', calls: WRITES, becomes: 'error=ENOSPC', code: 'STORAGE-FULL' },
  { name: 'a disk that cannot write', calls: WRITES, becomes: 'error=EIO', code: 'STORAGE-IO' },
  { name: 'a file system that has become read-only', calls: WRITES, becomes: 'error=EROFS', code: 'STORAGE-IO' },
  { name: 'a disk that cannot sync', calls: SYNCS, becomes: 'error=EIO', code: 'STORAGE-IO' },
];

function filesOf({ files }: MonitoredSite, program: Program): string[] {
  const name = { agent: 'outbox.db', hub: 'store.db' }[program];
  return ['', '-wal'].map((suffix) => join(files.folders[program], name + suffix));
}

test("a gateway's disk fails in each way: no device is acknowledged meanwhile, the reason is said, and it recovers without a restart", async (context) => {
  verifies('ACK-AFTER-COMMIT', 'EXACTLY-ONCE', 'DISK-RECOVERS');
  await using site = await MonitoredSite.start();
  const { agent } = site;
  for (const { name, code, ...fault } of FAULTS) {
    await site.acknowledgedMore(20);
    const saidBefore = agent.stderr.length;
    await using disk = await DiskFault.begin(agent.pid, { files: filesOf(site, 'agent'), ...fault });
    await site.repeatedMore(8);
    assert.match(agent.stderr.slice(saidBefore), new RegExp(`"code":"${code}".*the outbox cannot store`), name);
    await agent.until(({ outbox }) => outbox.code === code);
    const { acknowledged } = site;
    // Long enough for the file to be opened anew in vain.
    await site.repeatedMore(200);
    assert.equal(site.acknowledged, acknowledged, name);
    const met = await disk.end();
    assert.ok(met > 0);
    await site.acknowledgedMore(20);
    await agent.until(({ outbox }) => outbox.code === null);
    context.diagnostic(`${name}: ${met} calls failed`);
  }
  assert.ok(agent.running);
  const { acknowledged, repeated, held } = await site.settled();
  context.diagnostic(`${acknowledged} acknowledged, ${repeated} messages sent again, ${held} held: none missing, none twice`);
});

test("a hub's disk fails in each way: no row is taken for stored meanwhile, devices go on, and it recovers without a restart", async (context) => {
  verifies('ANSWER-AFTER-COMMIT', 'EXACTLY-ONCE', 'DISK-RECOVERS');
  await using site = await MonitoredSite.start();
  const { agent, hub } = site;
  for (const { name, code, ...fault } of FAULTS) {
    await agent.until(({ uplink, outbox }) => uplink.code === null && outbox.pending < 10);
    await using disk = await DiskFault.begin(hub.pid, { files: filesOf(site, 'hub'), ...fault });
    const { outbox } = await agent.until(({ uplink }) => uplink.code === 'INGEST-UNAVAILABLE');
    const { storeCode, storeRefusal } = await hub.status();
    assert.deepEqual([storeCode, storeRefusal?.code], [code, code], name);
    const later = await agent.until((status) => status.outbox.pending >= outbox.pending + 150);
    assert.equal(later.outbox.delivered, outbox.delivered, name);
    const met = await disk.end();
    assert.ok(met > 0);
    context.diagnostic(`${name}: ${met} calls failed`);
  }
  await agent.until(({ uplink, outbox }) => uplink.code === null && outbox.pending < 10);
  assert.ok(hub.running);
  const { acknowledged, held } = await site.settled();
  context.diagnostic(`${acknowledged} acknowledged, ${held} held: none missing, none twice`);
});

test('disks on which every sync takes a tenth of a second: agent and hub get slower, and nothing else happens', async (context) => {
  verifies('ACK-AFTER-COMMIT', 'EXACTLY-ONCE');
  await using site = await MonitoredSite.start();
  await site.acknowledgedMore(20);
  await using stack = new AsyncDisposableStack();
  const slow = { calls: SYNCS, becomes: 'delay_exit=100000' };
  for (const program of ['agent', 'hub'] satisfies Program[])
    stack.use(await DiskFault.begin(site[program].pid, { files: filesOf(site, program), ...slow }));
  await site.acknowledgedMore(100);
  const { outbox, uplink } = await site.agent.until((status) => status.outbox.pending < 20);
  assert.deepEqual([uplink.state, uplink.code, outbox.quarantined, site.repeated], ['connected', null, 0, 0]);
  await stack.disposeAsync();
  const { acknowledged, held } = await site.settled();
  context.diagnostic(`${acknowledged} acknowledged, ${held} held: none missing, none twice`);
});
