import assert from 'node:assert/strict';
import { test } from 'node:test';
import { operatorPrincipal } from '../../../hub/access/principals.ts';
import type { Observation } from '../../../shared/fhir.ts';
import { verifies } from '../../requirements.ts';
import { gathered, sampleBundle, sampleObservation, testHub } from '../../support/hub.ts';

const OTHERS = JSON.stringify(sampleObservation({ bed: 'ICU-02', value: 187 }));

/** With these members first, as only a text can have `__proto__` for one. */
const withMembers = (members: string, { seq = 1, bed = 'ICU-01' } = {}): Observation =>
  JSON.parse(JSON.stringify(sampleObservation({ seq, bed })).replace('{', `{${members},`)) as Observation;

test('members that every object has make no Observation another’s, and change no object', async () => {
  verifies('HOSTILE-INPUT', 'GATEWAY-OWN-ONLY');
  await using hub = testHub();
  const before = Object.getOwnPropertyNames(Object.prototype).length;
  const sent = [
    withMembers(`"__proto__":${OTHERS}`, { seq: 1 }),
    withMembers(`"constructor":{"prototype":${OTHERS}}`, { seq: 2 }),
    JSON.parse(`{"__proto__":${OTHERS}}`) as Observation,
    JSON.parse(`{"resourceType":"Observation","id":"gw-icu.0123456789abc.9.0","__proto__":${OTHERS}}`) as Observation,
  ];
  for (const one of sent) {
    const { outcomes } = await hub.ingest.batch('gw-icu', sampleBundle([one]));
    assert.equal(outcomes.length, 1);
  }
  const { outcomes } = await hub.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 20 })]));
  assert.equal(outcomes[0]?.status, 201);
  assert.equal(Object.getOwnPropertyNames(Object.prototype).length, before);
  assert.ok(!('valueQuantity' in {}) && !('resourceType' in {}));
  const stored = await gathered(await hub.door.export(operatorPrincipal(0, 'clinic'), {}, { channel: 'operator' }));
  assert.ok(stored.length > 0);
  assert.deepEqual(new Set(stored.map(({ patient }) => patient)), new Set(['pat-icu-01']));
  assert.ok(!JSON.stringify(stored).includes('187'));
});
