import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onlyParties } from '../../../hub/patients/movement-parts.ts';
import { namesIn } from '../../../hub/patients/names-in.ts';
import type { Movement } from '../../../shared/movement.ts';
import { movementResource } from '../../../shared/movement-resource.ts';
import { verifies } from '../../requirements.ts';
import { TEST_NOW } from '../../support/hub.ts';

const P = { value: 'P', authority: 'HIS' };
const Q = { value: 'Q', authority: 'HIS' };
const about = { id: 'gw.1', source: 'adt', profile: 'adt', receivedAt: TEST_NOW, offsetMin: 0, test: false };

function copied(event: Movement['event'], parties: Movement['parties']): string | undefined {
  const resource = movementResource({ event, effective: TEST_NOW, offsetMin: 0, parties }, about);
  const theirs = namesIn(movementResource({ event, effective: TEST_NOW, offsetMin: 0, parties: [{ patient: P }] }, about));
  const copy = onlyParties(resource, (name) => theirs.includes(name));
  return copy && JSON.stringify(copy);
}

test('a copy of a movement for one person names nobody else: not the other of a swap, nor by whose number theirs goes since a merge', () => {
  verifies('EXPORT-NAMES-NOBODY-ELSE');
  const swapped = copied('A17', [
    { patient: P, bed: 'BED-2' },
    { patient: Q, bed: 'BED-1' },
  ]);
  assert.match(swapped ?? '', /"value":"P"/);
  assert.match(swapped ?? '', /BED-2/);
  assert.doesNotMatch(swapped ?? '', /"value":"Q"|BED-1/);
  const merged = copied('A40', [{ patient: Q, prior: { patient: P } }]);
  assert.match(merged ?? '', /"value":"P"/);
  assert.doesNotMatch(merged ?? '', /"value":"Q"/);
  assert.equal(copied('A01', [{ patient: Q, bed: 'BED-1' }]), undefined);
});
