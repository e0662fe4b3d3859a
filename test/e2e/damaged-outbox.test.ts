import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Outbox } from '../../agent/outbox/outbox.ts';
import { operatorPrincipal } from '../../hub/access/principals.ts';
import type { StoredEvent } from '../../hub/store/store.ts';
import type { Gap } from '../../shared/gap.ts';
import { createMemoryNetwork } from '../../shared/overlay/memory.ts';
import { verifies } from '../requirements.ts';
import { type TestHub, testHub } from '../support/hub.ts';
import { until } from '../support/uplink.ts';
import { drained, homeRecord, listen, outboxFile, send } from '../support/uplink-site.ts';

const WARD = `
tenants: { clinic: { kind: sandbox } }
gateways:
  - { identity: gw-home, tenant: clinic, beds: { ICU-01: pat-icu-01, ICU-02: pat-icu-02, ICU-03: pat-icu-03 } }
clients: []
`;
const PAGE = 4096;

function spoilEveryPage(path: string): void {
  const bytes = readFileSync(path);
  for (let at = 0; at < bytes.length; at += PAGE) bytes.fill(0x55, at + 500, at + 600);
  writeFileSync(path, bytes);
}

async function eventsOf({ door }: TestHub): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const event of await door.exportEvents(operatorPrincipal(0, 'clinic'), {}, { channel: 'operator' })) events.push(event);
  return events;
}

/** From each bed, now and then from another device than its monitor. */
async function fill(outbox: Outbox): Promise<void> {
  for (let i = 0; i < 40; i += 1) {
    const bed = `ICU-0${(i % 3) + 1}`;
    const device = { id: i % 4 === 3 ? 'CUFF' : 'MONITOR', idType: 'serial' as const };
    await outbox.append([{ ...homeRecord(undefined, 60 + i), subject: { bed }, device }]);
  }
}

test('an outbox of which no page can be read: whoever reads a patient of any of its beds is told that data are missing', async () => {
  verifies('DAMAGED-WHOSE', 'SUBJECT-BY-HUB', 'NO-SILENT-DROP');
  const network = createMemoryNetwork();
  const file = outboxFile();
  let oldestAt: number | null;
  {
    await using outbox = await file.open();
    await fill(outbox);
    oldestAt = (await outbox.status()).oldestPendingAt;
  }
  spoilEveryPage(file.path);
  await using hub = testHub({ registry: WARD });
  await using _server = await listen(network, hub);
  await using outbox = await file.open();
  const gaps = async (): Promise<Gap[]> => (await outbox.waiting(0, 100)).flatMap(({ record }) => record.gap ?? []);
  await until(async () => (await gaps()).length > 0);
  for (const { reason, from, to } of await gaps()) assert.deepEqual([reason, from, to >= from], ['damaged', oldestAt, true]);
  await using _agent = await send(network, outbox);
  await drained(outbox);
  const told = await eventsOf(hub);
  assert.deepEqual(told.map(({ kind, patient, device }) => `${kind} ${patient} ${device}`).sort(), [
    'gap pat-icu-01 CUFF',
    'gap pat-icu-01 MONITOR',
    'gap pat-icu-02 CUFF',
    'gap pat-icu-02 MONITOR',
    'gap pat-icu-03 CUFF',
    'gap pat-icu-03 MONITOR',
  ]);
});
