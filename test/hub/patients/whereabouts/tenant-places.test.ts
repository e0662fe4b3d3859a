import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SaidByMovement } from '../../../../hub/patients/said.ts';
import { type RecordKey, recordKey, type Statement } from '../../../../hub/patients/stays/statement.ts';
import { TenantPlaces } from '../../../../hub/patients/whereabouts/tenant-places.ts';
import { verifies } from '../../../requirements.ts';

const BED = 'WAITING';
const NOW = 1_000_000;

/** A tenant to which one thing after another is told; each gives whom it concerned. */
class Told {
  readonly places = new TenantPlaces(() => new Map());
  #told = 0;

  admit(who: string): string[] {
    return this.#tell(who, (said, record) => ({ ...said, record, says: 'admit', bed: BED, visit: `visit of ${who}` }));
  }

  discharge(who: string): string[] {
    return this.#tell(who, (said, record) => ({ ...said, record, says: 'leave', bed: BED, visit: `visit of ${who}` }));
  }

  #tell(who: string, stating: (said: { at: number; heard: number; key: string }, record: RecordKey) => Statement): string[] {
    this.#told += 1;
    const [at, key, number] = [this.#told, String(this.#told).padStart(9, '0'), { authority: 'HOSP', value: who }];
    this.places.people.add(number, who);
    const said: SaidByMovement = {
      ...{ id: key, gateway: 'gw-adt', row: at, at, heard: at, records: [number], identifications: [] },
      statements: [stating({ at, heard: at, key }, recordKey(number))],
    };
    return this.places.learning([said], NOW).learn().sort();
  }
}

test('where nobody is ever discharged, one more is one conflict still and concerns nobody of whom it was not sure', () => {
  verifies('STAYS-NEVER-ENDED');
  const told = new Told();
  for (const who of ['ann', 'bob', 'cay', 'dee']) told.admit(who);
  assert.deepEqual(told.admit('eve'), ['ann', 'eve'], 'it was sure of ann, who was alone once');
  assert.deepEqual(
    told.places.courseOf(BED).map(({ from, to, state, who }) => ({ from, to, state, who: who?.id })),
    [
      { from: 1, to: 2, state: 'occupied', who: 'ann' },
      { from: 2, to: null, state: 'conflict', who: undefined },
    ],
  );
});

test('what a movement changes stays small, however many numbers of however many systems were named', () => {
  verifies('ORDERS-BOUNDED');
  const told = new Told();
  told.admit('ann');
  for (let i = 0; i < 20_000; i += 1)
    told.places.people.add({ authority: i % 2 === 0 ? 'MONITORS' : `SYSTEM-${i}`, value: `m-${i}` }, `m-${i}`);
  const patient = { authority: 'HOSP', value: 'bob' };
  told.places.people.add(patient, 'bob');
  const statement = { at: 9, heard: 9, key: 'z', record: recordKey(patient), says: 'admit' as const, bed: BED };
  const { orders } = told.places.learning(
    [{ id: 'z', gateway: 'gw-adt', row: 9, at: 9, heard: 9, records: [patient], identifications: [], statements: [statement] }],
    NOW,
  );
  assert.equal(orders.length, 1);
  assert.ok(JSON.stringify(orders).length < 1000);
});

test('whoever is left alone in a bed is concerned by it, and whoever is joined there', () => {
  verifies('STAYS-NEVER-ENDED');
  const told = new Told();
  told.admit('ann');
  assert.deepEqual(told.admit('bob'), ['ann', 'bob']);
  assert.deepEqual(told.admit('cay'), ['ann', 'cay']);
  assert.deepEqual(told.discharge('ann'), ['ann']);
  assert.deepEqual(told.discharge('cay'), ['bob', 'cay']);
  assert.deepEqual(told.admit('dee'), ['bob', 'dee']);
});
