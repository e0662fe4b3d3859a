import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namesIn } from '../../../../hub/patients/names-in.ts';
import { withoutParties } from '../../../../hub/store/erasing/movement-parties.ts';
import type { Movement } from '../../../../shared/movement.ts';
import { movementResource, readMovement } from '../../../../shared/movement-resource.ts';
import { verifies } from '../../../requirements.ts';
import { TEST_NOW } from '../../../support/hub.ts';

const P = { value: 'P', authority: 'HIS' };
const Q = { value: 'Q', authority: 'HIS' };
const about = { id: 'gw.1', source: 'adt', profile: 'adt', receivedAt: TEST_NOW, offsetMin: 0, test: false };

function cut(event: Movement['event'], parties: Movement['parties']): Movement['parties'] | undefined {
  const whose = movementResource({ event, effective: TEST_NOW, offsetMin: 0, parties: [{ patient: P }] }, about);
  const rest = withoutParties(movementResource({ event, effective: TEST_NOW, offsetMin: 0, parties }, about), (name) =>
    namesIn(whose).includes(name),
  );
  return rest && (readMovement(rest)?.parties ?? assert.fail('it is no movement any more'));
}

test('of a movement the parts of others stay as they were said, and it goes where nobody else has a part in it', () => {
  verifies('ERASE-ROWS');
  assert.equal(cut('A01', [{ patient: P, bed: '1' }]), undefined);
  assert.equal(cut('A01', [{ patient: Q, otherIds: [P], bed: '1' }]), undefined);
  assert.equal(cut('A40', [{ patient: Q, prior: { patient: P } }]), undefined);
  assert.deepEqual(
    cut('A17', [
      { patient: P, bed: '2' },
      { patient: Q, bed: '1' },
    ]),
    [{ patient: Q, bed: '1' }],
  );
  assert.deepEqual(cut('A45', [{ patient: Q, prior: { patient: P, visit: 'V1' } }]), [{ patient: Q, prior: { visit: 'V1' } }]);
});
