import fc from 'fast-check';
import { readSaid, type ToldMovement } from '../../../../hub/patients/said.ts';
import { type Occupancies, occupancies, occupancyAt } from '../../../../hub/patients/stays/occupancy.ts';
import { type Identification, recordKey, recordOf, type Statement } from '../../../../hub/patients/stays/statement.ts';
import { type WhoIsWho, whoIsWho } from '../../../../hub/patients/stays/who-is-who.ts';
import { nobodyIn } from '../../../../hub/store/placing/placing.ts';
import type { Instant } from '../../../../shared/clock.ts';
import type { AssignedId, MovementEvent, MovementParty } from '../../../../shared/movement.ts';
import { movementResource } from '../../../../shared/movement-resource.ts';
import { TEST_EPOCH, TEST_NOW } from '../../../support/hub.ts';

/** What happens, as any number of gateways tell it in any order. */
export type Happening =
  | { kind: 'movement'; movement: ToldMovement }
  | { kind: 'reading'; row: RowTold }
  | { kind: 'device'; gateway: string; device: string; bed: string | null; at: Instant };

export interface RowTold {
  key: number;
  bed: string;
  gateway: string;
  device: string;
  stated: AssignedId | undefined;
  at: Instant;
}

export const BEDS = ['B1', 'B2', 'B3'] as const;
/** Gateways that speak for all of them, each with devices of the same ids. */
export const WARDS = ['gw-icu', 'gw-two'] as const;
const DEVICES = ['d1', 'd2', 'd3'] as const;
/** Two authorities: what cannot be compared goes by who lies there. */
const NUMBERS: readonly AssignedId[] = [
  ...['ann', 'bob', 'cay', 'dee'].map((value) => ({ value, authority: 'HOSP' })),
  ...['ann', 'eve'].map((value) => ({ value, authority: 'MONITORS' })),
];
const MIN = 60_000;
/** Hub's time of all of it: behind everything that was measured. */
export const NOW = TEST_NOW + 60 * MIN;
/** After how long the movements of a gateway are silent. */
export const LIMITS: ReadonlyMap<string, number> = new Map([['gw-adt', 25 * MIN]]);

const minute = fc.nat(50).map((minutes) => TEST_NOW + minutes * MIN);
const number = fc.constantFrom(...NUMBERS);
const bed = fc.constantFrom<string>(...BEDS);

/** Mostly admissions and transfers, since of most other words nothing follows without them. */
const event = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<MovementEvent>('A01', 'A02') },
  { weight: 3, arbitrary: fc.constantFrom<MovementEvent>('A03', 'A08', 'A11', 'A12', 'A13', 'A17') },
  { weight: 2, arbitrary: fc.constantFrom<MovementEvent>('A37', 'A40', 'A45') },
);
/** Of those that tell of movements one may be silent for as long as it likes. */
const gateway = fc.constantFrom('gw-adt', 'gw-adt', 'gw-adt', 'gw-hand');

const visit = fc.constantFrom('v1', 'v2');
const party = fc.record(
  { patient: number, bed, priorBed: bed, visit, prior: fc.record({ patient: number, visit }) },
  { requiredKeys: ['patient', 'bed', 'prior'] },
);

const happening = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('movement' as const), event, gateway, at: minute, parties: fc.tuple(party, party) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('reading' as const),
      bed,
      gateway: fc.constantFrom(...WARDS),
      device: fc.constantFrom(...DEVICES),
      stated: fc.option(number),
      at: minute,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('device' as const),
      gateway: fc.constantFrom(...WARDS),
      device: fc.constantFrom(...DEVICES),
      bed: fc.option(bed),
      at: minute,
    }),
  },
);

/** What happens, in the order in which it is numbered by whoever tells it. */
export const happenings: fc.Arbitrary<Happening[]> = fc.array(happening, { minLength: 4, maxLength: 40 }).map((told) =>
  told.map((one, i): Happening => {
    if (one.kind === 'reading')
      return {
        kind: 'reading',
        row: { key: i, bed: one.bed, gateway: one.gateway, device: one.device, stated: one.stated ?? undefined, at: one.at + i },
      };
    // Of moves by hand of one time the one that was said last counts, so no two are of one time.
    if (one.kind === 'device') return { ...one, at: one.at + i };
    return {
      kind: 'movement',
      movement: movementOf(one.gateway, i, one.event, one.at, one.event === 'A17' || one.event === 'A37' ? one.parties : [one.parties[0]]),
    };
  }),
);

/** Another order in which the same arrives, some of it twice. */
export const arrivalOf = (told: readonly Happening[]): fc.Arbitrary<Happening[]> =>
  fc
    .subarray([...told.keys()])
    .chain((again) => fc.shuffledSubarray([...told.keys(), ...again], { minLength: told.length + again.length }))
    .map((order) => order.flatMap((i) => told[i] ?? []));

function movementOf(gateway: string, seq: number, event: MovementEvent, at: Instant, parties: readonly MovementParty[]): ToldMovement {
  const id = `${gateway}.${TEST_EPOCH}.${(seq + 1).toString(36)}.0`;
  const about = { id, source: 'adt', profile: 'adt', receivedAt: NOW, offsetMin: 0, test: false };
  const resource = movementResource({ event, effective: at, offsetMin: 0, parties }, about);
  return { id, gateway, sortTime: at, receivedAt: NOW, test: false, resource };
}

/** Whose every row is by all that is known, folded anew from its beginning: what everything that goes step by step is held against. */
export class Model {
  readonly #known: Occupancies;
  readonly #who: WhoIsWho;
  readonly #numbers: readonly AssignedId[];
  readonly #moves: readonly Extract<Happening, { kind: 'device' }>[];
  readonly #silentSince: (record: string) => Instant;
  readonly #idOf: (number: AssignedId) => string;

  constructor(told: readonly Happening[], idOf: (number: AssignedId) => string) {
    const statements = new Map<string, Statement>();
    const identifications = new Map<string, Identification>();
    const numbers = new Map<string, AssignedId>();
    let last = Number.NEGATIVE_INFINITY;
    for (const one of told) {
      if (one.kind !== 'movement') continue;
      const said = readSaid(one.movement);
      for (const statement of said?.statements ?? []) statements.set(statement.key, statement);
      for (const identification of said?.identifications ?? []) identifications.set(identification.key, identification);
      for (const named of said?.records ?? []) numbers.set(recordKey(named), named);
      if (LIMITS.has(one.movement.gateway)) last = Math.max(last, one.movement.sortTime);
    }
    this.#idOf = idOf;
    this.#numbers = [...numbers.values()];
    this.#who = whoIsWho([...identifications.values()]);
    this.#known = occupancies([...statements.values()], [...identifications.values()]);
    this.#moves = told.filter((one) => one.kind === 'device').sort((a, b) => a.at - b.at);
    const saidAt = (person: string): Instant =>
      [...statements.values()].reduce(
        (at, one) => (this.#who.personOf(one) === person ? Math.max(at, one.at) : at),
        Number.NEGATIVE_INFINITY,
      );
    const [limit = Number.POSITIVE_INFINITY] = LIMITS.values();
    this.#silentSince = (person) => (Number.isFinite(last) ? Math.max(last, saidAt(person)) + limit : Number.POSITIVE_INFINITY);
  }

  bedOf({ gateway, device, bed: named, at }: RowTold): string {
    const move = this.#moves.findLast((one) => one.gateway === gateway && one.device === device && one.at <= at);
    return move === undefined ? named : (move.bed ?? '');
  }

  patientOf(row: RowTold): string {
    const where = this.bedOf(row);
    const lay = occupancyAt(this.#known.get(where) ?? [], row.at);
    const [person] = lay?.state === 'occupied' ? lay.persons : [];
    if (person === undefined) return nobodyIn(where);
    const own = this.#numbers.filter((one) => this.#who.survivorOf(recordKey(one)) === person);
    const { stated } = row;
    const isOwn = stated !== undefined && own.some((one) => recordKey(one) === recordKey(stated));
    const isComparable = isOwn || (stated !== undefined && own.some(({ authority }) => authority === stated.authority));
    const isIts = isComparable ? isOwn : row.at < this.#silentSince(person);
    return isIts ? this.#idOf(recordOf(person)) : nobodyIn(where);
  }
}
