import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change } from '../../../../hub/feed.ts';
import { amend } from '../../../contract/store-amend.ts';
import { verifies } from '../../../requirements.ts';
import { sampleBundle, sampleObservation, TEST_NOW, TestClock, testHub } from '../../../support/hub.ts';

const [ONE, OTHER] = ['pat-icu-01', 'pat-icu-02'];

test('whoever reads the patient whose values were given to them hears of what comes late of it', async () => {
  verifies('AMEND-LATE');
  await using hub = testHub({ clock: new TestClock() });
  const selection = { patient: ONE, from: TEST_NOW - 60_000, to: TEST_NOW - 10_000 };
  await amend(hub.store, { kind: 'reassign', to: OTHER, selection });
  const told: Change[] = [];
  using _subscribed = hub.feed.subscribe((change) => told.push(change));
  const late = sampleObservation({ seq: 1, value: 71, effective: TEST_NOW - 30_000 });
  await hub.ingest.batch('gw-icu', sampleBundle([late]));
  const heard = told.filter(({ patient }) => patient === OTHER).map(({ kind, vitals }) => [kind, vitals]);
  assert.deepEqual(heard, [['stored', ['hr']]]);
  const operator = { id: 'local:0', tenant: 'clinic', kind: 'operator', role: 'operator', patients: 'all' } as const;
  const shown = async (patient: string) => (await hub.door.latest(operator, patient, { channel: 'operator' })).vitals.length;
  assert.deepEqual([await shown(ONE), await shown(OTHER)], [0, 1]);
});
