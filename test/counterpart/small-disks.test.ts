import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MonitoredSite } from '../fault/monitored-site.ts';
import { verifies } from '../requirements.ts';

const MIB = 1024 * 1024;

test("a gateway's and a hub's disk fill up and have room again: nothing acknowledged is missing, and nobody was restarted", async (context) => {
  verifies('ACK-AFTER-COMMIT', 'ANSWER-AFTER-COMMIT', 'EXACTLY-ONCE', 'DISK-RECOVERS', 'STATUS-STORE-REFUSES');
  await using site = await MonitoredSite.start({ disks: { agent: 24 * MIB, hub: 24 * MIB } });
  const { agent, hub, disks } = site;
  await site.acknowledgedMore(20);
  const { outbox } = await agent.status();
  // What the reserve gave back is taken as well.
  await agent.until(({ uplink }) => {
    disks.hub?.fill();
    return uplink.code === 'INGEST-UNAVAILABLE';
  });
  // Small evidence, as of this status, may still fit into a log that was moved into its file before; a batch does not.
  const refusing = await hub.status();
  assert.deepEqual([refusing.storeCode, refusing.storeRefusal?.code], ['STORAGE-FULL', 'STORAGE-FULL']);
  await agent.until(({ uplink, outbox: { pending } }) => uplink.code === 'INGEST-UNAVAILABLE' && pending > outbox.pending + 50);
  const still = await hub.status();
  assert.deepEqual([still.storeCode, still.storeRefusal?.code], ['STORAGE-FULL', 'STORAGE-FULL']);
  await site.repeatedMore(40, () => disks.agent?.fill());
  assert.match(agent.stderr, /"code":"STORAGE-FULL".*the outbox cannot store/);
  disks.agent?.free();
  await site.acknowledgedMore(40);
  disks.hub?.free();
  await agent.until((status) => status.uplink.code === null && status.outbox.pending < 10);
  await hub.until(({ storeCode, storeRefusal }) => storeCode === null && storeRefusal === null);
  assert.ok(agent.running && hub.running);
  const { acknowledged, repeated, held } = await site.settled();
  context.diagnostic(`${acknowledged} acknowledged, ${repeated} messages sent again, ${held} held: none missing, none twice`);
});
