import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resourcesOf } from '../../../agent/resources.ts';
import { operatorPrincipal } from '../../../hub/access/principals.ts';
import type { Resource } from '../../../shared/fhir.ts';
import type { ReadingRecord } from '../../../shared/reading.ts';
import { batchEntry, bundleText } from '../../../shared/uplink/kinds.ts';
import { verifies } from '../../requirements.ts';
import { gathered, TEST_EPOCH, TEST_NOW, TestClock, type TestHub, testHub } from '../../support/hub.ts';

const RECORD: ReadingRecord = {
  ...{ source: 'icu', profile: 'hl7-pcd01', device: { id: 'MON-9', idType: 'serial' }, receivedAt: TEST_NOW, subject: {}, test: false },
  ...{ class: 'device', readings: [] },
  tree: {
    mdc: 69965,
    parts: [
      { path: '1.22', level: 'vmd', mdc: 69642 },
      { path: '1.22.1.2', level: 'metric', mdc: 150456, vital: 'spo2' },
    ],
  },
};
const sent = (agent: string): Resource[] => resourcesOf(RECORD, { agent, epoch: TEST_EPOCH, seq: 1 });

async function send({ ingest }: TestHub, gateway: string, resources: readonly Resource[]): Promise<string[]> {
  const entries = resources.map((resource) => JSON.stringify(batchEntry(resource)));
  const { outcomes } = await ingest.batch(gateway, JSON.parse(bundleText(entries, TEST_NOW)));
  return outcomes.map(({ status, code }) => (code ? `${status} ${code}` : `${status}`));
}

async function exported({ door }: TestHub, tenant = 'clinic') {
  return gathered(await door.exportEvents(operatorPrincipal(1000, tenant), { kind: 'device' }, { channel: 'operator' }));
}

test('a device is stored once, of no patient and for its tenant alone, and given out as it came', async () => {
  verifies('DEVICES-DESCRIBED', 'EXACTLY-ONCE', 'TENANT-EVERYWHERE');
  await using h = testHub({ clock: new TestClock() });
  const resources = sent('gw-icu');
  assert.deepEqual(await send(h, 'gw-icu', resources), ['201', '201', '201']);
  assert.deepEqual(await send(h, 'gw-icu', resources), ['200', '200', '200']);
  const events = await exported(h);
  assert.deepEqual(
    events.map(({ resource }) => resource),
    resources,
  );
  assert.deepEqual(
    events.map(({ patient, device }) => [patient, device]),
    [
      [null, 'MON-9'],
      [null, 'MON-9'],
      [null, 'MON-9'],
    ],
  );
  assert.deepEqual(await exported(h, 'other'), []);
});

test('nobody describes a device in another one’s name, and nothing else comes with it', async () => {
  verifies('DEVICES-DESCRIBED');
  await using h = testHub({ clock: new TestClock() });
  assert.deepEqual(await send(h, 'gw-icu', sent('gw-home')), ['422 INGEST-FOREIGN-ID', '422 INGEST-FOREIGN-ID', '422 INGEST-FOREIGN-ID']);
  const [device] = sent('gw-icu');
  assert.ok(device);
  assert.deepEqual(await send(h, 'gw-icu', [{ ...device, patient: { display: 'NAME' } } as unknown as Resource]), ['422 INGEST-INVALID']);
  assert.deepEqual(await exported(h), []);
});
