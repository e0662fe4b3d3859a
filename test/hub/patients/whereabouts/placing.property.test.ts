import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readSaid } from '../../../../hub/patients/said.ts';
import type { Stated } from '../../../../hub/patients/whereabouts/course.ts';
import type { People } from '../../../../hub/patients/whereabouts/people.ts';
import { BatchPlaces } from '../../../../hub/patients/whereabouts/placing.ts';
import { SeenDevices } from '../../../../hub/patients/whereabouts/seen-devices.ts';
import { TenantPlaces } from '../../../../hub/patients/whereabouts/tenant-places.ts';
import type { Reassignment } from '../../../../hub/store/placing/placing.ts';
import type { AssignedId } from '../../../../shared/movement.ts';
import { verifies } from '../../../requirements.ts';
import { seedOf } from '../../../support/seed.ts';
import { arrivalOf, BEDS, type Happening, happenings, LIMITS, Model, NOW, type RowTold } from './scenario.ts';

interface Row {
  told: RowTold;
  bed: string;
  stated: string | null;
  patient: string;
}

/** A store of rows and orders, as the contract says, without anything else. */
class Shelf {
  readonly places = new TenantPlaces(() => LIMITS);
  readonly rows: Row[] = [];
  readonly #due: { order: Reassignment; rows: number }[] = [];
  /** No two moves are of one time. */
  readonly #moved = new Set<number>();
  readonly #seen = new SeenDevices();

  arrive(one: Happening): void {
    if (one.kind === 'reading') this.#store(one.row);
    else if (one.kind === 'movement') {
      const said = readSaid(one.movement);
      if (!said || this.places.hasHeard(said.id)) return;
      for (const number of said.records) this.places.people.add(number, idOf(number));
      const told = this.places.learning([said], NOW);
      this.#keep(told.orders);
      told.learn();
    } else {
      if (this.#moved.has(one.at)) return;
      this.#moved.add(one.at);
      this.#keep(this.places.ordersOfMove(one, [...BEDS, ...(this.#seen.bedsOf(one) ?? [])]));
      this.places.devices.add(one);
    }
  }

  #keep(orders: readonly Reassignment[]): void {
    for (const order of orders) this.#due.push({ order, rows: this.rows.length });
  }

  #store(told: RowTold): void {
    if (this.rows.some((row) => row.told.key === told.key)) return;
    const { stated, gateway, device, at } = told;
    if (stated) this.places.people.add(stated, idOf(stated));
    const places = new BatchPlaces(0, this.places, this.#seen);
    const bed = places.bedOf({ gateway, device }, told.bed, at) ?? '';
    const { patient, placed } = places.place({ bed, gateway, device, stated, at });
    this.rows.push({ told, ...placed, patient });
  }

  /** Carries out some of the orders that are due, in their order. */
  follow(most = Number.POSITIVE_INFINITY): void {
    for (const { order, rows } of this.#due.splice(0, most))
      for (const row of this.rows.slice(0, rows))
        if (isOf(order, row, this.places.people)) {
          row.patient = order.is;
          row.bed = order.toBed ?? row.bed;
        }
  }
}

function isOf({ bed, gateway, device, from, to, was, ...who }: Reassignment, { told, ...row }: Row, people: People): boolean {
  const isNamed = row.stated === null ? who.unnamed : who.stating.includes(row.stated) || isOfOthers(who, people.stated(row.stated));
  const isThen = told.at >= from && (to === null || told.at < to);
  return (
    row.bed === bed &&
    row.patient === was &&
    isNamed &&
    isThen &&
    (device === undefined || (device === told.device && gateway === told.gateway))
  );
}

function isOfOthers({ unnamed, others }: Pick<Reassignment, 'unnamed' | 'others'>, stated: Stated | undefined): boolean {
  if (!others || !stated || others.but.includes(stated.id)) return false;
  return others.compared.includes(stated.authority) ? others.whole.includes(stated.authority) : unnamed;
}

const idOf = ({ authority, value }: AssignedId): string => `p-${authority}-${value}`;

const scenario = happenings.chain((told) => fc.record({ told: fc.constant(told), one: arrivalOf(told), other: arrivalOf(told) }));

test('whose a row is does not depend on the order of arrival, and none is ever under somebody who was not there by what was known', (context) => {
  verifies('PLACING-ORDER-FREE', 'LATE-MOVEMENT-CORRECTS');
  fc.assert(
    fc.property(scenario, fc.array(fc.nat(6), { minLength: 1, maxLength: 9 }), ({ told, one, other }, pace) => {
      for (const arrival of [one, other]) {
        const shelf = new Shelf();
        for (const [i, happening] of arrival.entries()) {
          shelf.arrive(happening);
          // Orders are carried out a few at a time, and at times all: then everything is where it belongs by what is known.
          const steps = pace[i % pace.length] ?? 0;
          shelf.follow(steps === 0 ? Number.POSITIVE_INFINITY : steps - 1);
          if (steps === 0) agree(shelf, new Model(arrival.slice(0, i + 1), idOf));
        }
        shelf.follow();
        agree(shelf, new Model(told, idOf));
      }
    }),
    { seed: seedOf(context), numRuns: Number(process.env.VITALMESH_PLACING_RUNS ?? 400) },
  );
});

function agree(shelf: Shelf, model: Model): void {
  for (const { told, bed, patient } of shelf.rows)
    assert.deepEqual({ row: told.key, bed, patient }, { row: told.key, bed: model.bedOf(told), patient: model.patientOf(told) });
}
