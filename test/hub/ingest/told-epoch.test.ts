import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newEpoch } from '../../../shared/uplink/key.ts';
import { verifies } from '../../requirements.ts';
import { sampleBundle, sampleObservation, testHub } from '../../support/hub.ts';
import { countsOf } from '../../support/uplink-site.ts';

test('of a gateway that was told of another epoch of the store nothing is stored or refused before it has asked again', async () => {
  verifies('UPLINK-BACK-BELOW', 'EXACTLY-ONCE');
  await using hub = testHub();
  const bundle = sampleBundle([sampleObservation()]);
  await assert.rejects(hub.ingest.batch('gw-icu', bundle, newEpoch()), { code: 'UPLINK-EPOCH' });
  const { observations, quarantined } = await countsOf(hub);
  assert.deepEqual([observations, quarantined], [0, 0]);
  const { lineage } = await hub.ingest.hello('gw-icu', []);
  const { outcomes } = await hub.ingest.batch('gw-icu', bundle, lineage?.at(-1)?.epoch);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    [201],
  );
});
