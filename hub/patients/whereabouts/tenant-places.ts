import type { Instant } from '../../../shared/clock.ts';
import type { DeviceMove, Reassignment } from '../../store/placing/placing.ts';
import type { SaidByMovement } from '../said.ts';
import { holdings, type PersonStay } from '../stays/occupancy.ts';
import { type Identification, type RecordKey, recordKey, type Statement } from '../stays/statement.ts';
import { changesByDevice, changesOf, type Stating } from './changes.ts';
import { type Course, type PersonFacts, type Rule, ruleAt, type SilentSince, type Stated, segmentsOf } from './course.ts';
import { Devices, NOWHERE } from './devices.ts';
import { type Kin, kinOf, namedBy } from './kin.ts';
import { People } from './people.ts';
import { type SilenceLimits, silentSince, upTo } from './silence.ts';

/** How far ahead of the hub's clock something can have been measured that is stored: more than is believed of any other clock. */
const AHEAD_MS = 10 * 60_000;

/** What is to be known once some movements are stored. */
export interface Learning {
  /** What changes for rows that are there. */
  orders: Reassignment[];
  /** Makes it known; gives the public ids of whom something else may be known now. */
  learn(): string[];
}

interface Bed {
  stays: ReadonlyMap<Kin, readonly PersonStay[]>;
  course: Course;
}

/** What is to be put in the place of what is known. */
interface News {
  said: readonly SaidByMovement[];
  gone: ReadonlySet<Kin>;
  kin: readonly Kin[];
  beds: ReadonlyMap<string, Bed>;
  lastOf: ReadonlyMap<string, Instant>;
}

/** All that is known of who lies where in one tenant. Nothing in it depends on the order in which movements were heard. In memory alone. */
export class TenantPlaces {
  readonly people = new People();
  readonly devices = new Devices();
  readonly #limits: () => SilenceLimits;
  readonly #heard = new Set<string>();
  readonly #kin = new Map<RecordKey, Kin>();
  readonly #beds = new Map<string, Bed>();
  #lastOf: ReadonlyMap<string, Instant> = new Map();
  #silence: { limits: SilenceLimits; lastOf: ReadonlyMap<string, Instant>; since: SilentSince } | undefined;
  #revision = 0;

  /** `limits` is asked anew at each question. */
  constructor(limits: () => SilenceLimits) {
    this.#limits = limits;
  }

  /** Whether a movement is known already. */
  hasHeard(id: string): boolean {
    return this.#heard.has(id);
  }

  /**
   * What is to be known with these movements, at `now` (hub's clock); `whole`: without what changes for rows. Everybody whom they name is to be among `people`. Nothing
   * is known before `learn`, which may be called once more was learned meanwhile.
   */
  learning(movements: readonly SaidByMovement[], now: Instant, whole = false): Learning {
    const news = this.#gathered(movements);
    const revision = this.#revision;
    return {
      orders: whole ? [] : this.#orders(news, now),
      learn: () => this.#learn(revision === this.#revision ? news : this.#gathered(movements)),
    };
  }

  /** Since when (time of measurement) movements are silent; of whom nothing was said since. Infinite where they are not. */
  silentSince(): Instant {
    return this.#since()(Number.NEGATIVE_INFINITY);
  }

  /** By what rows of a bed at a time are judged. */
  ruleAt(bed: string, at: Instant): Rule {
    return ruleAt(this.courseOf(bed), at, this.#since());
  }

  courseOf(bed: string): Course {
    return this.#beds.get(bed)?.course ?? [];
  }

  /** Every bed of which anything was ever said. */
  beds(): Iterable<string> {
    return this.#beds.keys();
  }

  /** Whose number a public id stands for; undefined for one of whom no movement ever spoke. */
  personBehind(id: string): PersonFacts | undefined {
    const record = this.people.recordOf(id);
    return record === undefined ? undefined : this.#kin.get(record)?.personOf.get(record);
  }

  /** Where a person lay, by bed. */
  staysOf({ key }: PersonFacts): PersonStay[] {
    const stays = this.#kin.get(key)?.stays.values() ?? [];
    return [...stays].flatMap((inBed) => inBed.filter(({ person }) => person === key));
  }

  /**
   * What changes for rows of a device that was moved, which stand in one of `beds`, by their messages, unless it was moved before. `named`: whom its messages named.
   */
  ordersOfMove(move: Omit<DeviceMove, 'tenant'>, beds: Iterable<string>, named: Iterable<Stated>): Reassignment[] {
    const { bed: toBed, was, from, to } = this.devices.changedBy(move);
    const [since, along] = [this.#since(), [...named]];
    const segments = (bed: string) => segmentsOf(bed === NOWHERE ? [] : this.courseOf(bed), since);
    return [...new Set(was === undefined ? beds : [was])]
      .filter((bed) => bed !== toBed)
      .flatMap((bed) =>
        changesByDevice({ device: move.device, bed, toBed, from, to }, segments(bed), segments(toBed), this.people.stating, along),
      );
  }

  #since(): SilentSince {
    const limits = this.#limits();
    if (this.#silence?.limits !== limits || this.#silence.lastOf !== this.#lastOf)
      this.#silence = { limits, lastOf: this.#lastOf, since: silentSince(this.#lastOf, limits) };
    return this.#silence.since;
  }

  #gathered(movements: readonly SaidByMovement[]): News {
    const said = movements.filter(({ id }) => !this.#heard.has(id));
    const drafts = new Drafts(this.#kin);
    const lastOf = new Map(this.#lastOf);
    for (const one of said) {
      for (const record of one.records) drafts.of(recordKey(record));
      for (const statement of one.statements) drafts.of(statement.record).statements.push(statement);
      for (const identification of one.identifications) drafts.joined(...namedBy(identification)).identifications.push(identification);
      lastOf.set(one.gateway, Math.max(lastOf.get(one.gateway) ?? Number.NEGATIVE_INFINITY, one.at));
    }
    const { gone, kin } = drafts.ended((record) => this.people.idOfRecord(record) ?? '');
    return { said, gone, kin, beds: this.#bedsWith(gone, kin), lastOf };
  }

  /** Every bed in which anybody lay of whom something else is known, anew. */
  #bedsWith(gone: ReadonlySet<Kin>, come: readonly Kin[]): Map<string, Bed> {
    const stays = new Map<string, Map<Kin, readonly PersonStay[]>>();
    const of = (bed: string): Map<Kin, readonly PersonStay[]> => {
      const known = stays.get(bed) ?? new Map(this.#beds.get(bed)?.stays);
      stays.set(bed, known);
      return known;
    };
    for (const kin of gone) for (const bed of kin.stays.keys()) of(bed).delete(kin);
    for (const kin of come) for (const [bed, inBed] of kin.stays) of(bed).set(kin, inBed);
    return new Map([...stays].map(([bed, inBed]) => [bed, { stays: inBed, course: courseOf(inBed) }]));
  }

  #orders({ beds, lastOf }: News, now: Instant): Reassignment[] {
    const horizon = now + AHEAD_MS;
    const [before, after] = [upTo(horizon, this.#since()), upTo(horizon, silentSince(lastOf, this.#limits()))];
    const isHeardAgain = before(Number.NEGATIVE_INFINITY) !== after(Number.NEGATIVE_INFINITY);
    const concerned = isHeardAgain ? new Set([...this.#beds.keys(), ...beds.keys()]) : beds.keys();
    const stating: Stating = this.people.stating;
    return [...concerned].flatMap((bed) => {
      const was = this.courseOf(bed);
      return changesOf(bed, segmentsOf(was, before), segmentsOf(beds.get(bed)?.course ?? was, after), stating);
    });
  }

  #learn({ said, gone, kin, beds, lastOf }: News): string[] {
    this.#revision += 1;
    for (const { id } of said) this.#heard.add(id);
    for (const one of kin) for (const record of one.records) this.#kin.set(record, one);
    const concerned = [...gone, ...kin].flatMap(({ persons }) => [...persons.values()].flatMap(({ ids }) => [...ids]));
    for (const [name, bed] of beds) {
      // Whoever lies in one of their beds may be sure now, or no longer.
      concerned.push(...maybeSure(bed, this.courseOf(name)));
      this.#beds.set(name, bed);
    }
    this.#lastOf = lastOf;
    return [...new Set(concerned)];
  }
}

/** Public ids of those whose stay lasts and whose bed it ever was by what is known or, in `was`, by what was: of all others it was never sure. */
function maybeSure({ stays, course }: Bed, was: Course): string[] {
  const alone = new Set([...was, ...course].map(({ who }) => who?.key));
  return [...stays].flatMap(([{ persons }, inBed]) =>
    inBed.flatMap(({ to, person }) => (to === null && alone.has(person) ? (persons.get(person)?.id ?? []) : [])),
  );
}

function courseOf(stays: ReadonlyMap<Kin, readonly PersonStay[]>): Course {
  const persons = new Map<RecordKey, PersonFacts>();
  for (const kin of stays.keys()) for (const [key, facts] of kin.persons) persons.set(key, facts);
  return holdings([...stays.values()].flat()).map(({ from, to, state, person }) => ({
    ...{ from, to, state },
    who: person === undefined ? undefined : persons.get(person),
  }));
}

interface Draft {
  records: Set<RecordKey>;
  statements: Statement[];
  identifications: Identification[];
  was: Set<Kin>;
}

/** Kin that are being made out of those that are known. */
class Drafts {
  readonly #known: ReadonlyMap<RecordKey, Kin>;
  readonly #of = new Map<RecordKey, Draft>();

  constructor(known: ReadonlyMap<RecordKey, Kin>) {
    this.#known = known;
  }

  of(record: RecordKey): Draft {
    const begun = this.#of.get(record);
    if (begun) return begun;
    const known = this.#known.get(record);
    const draft: Draft = {
      records: new Set(known?.records ?? [record]),
      statements: [...(known?.statements ?? [])],
      identifications: [...(known?.identifications ?? [])],
      was: new Set(known ? [known] : []),
    };
    for (const one of draft.records) this.#of.set(one, draft);
    return draft;
  }

  /** The one draft of both. */
  joined(a: RecordKey, b: RecordKey): Draft {
    const [one, other] = [this.of(a), this.of(b)];
    if (one === other) return one;
    const [small, large] = one.records.size < other.records.size ? [one, other] : [other, one];
    for (const record of small.records) this.#of.set(record, large);
    for (const record of small.records) large.records.add(record);
    for (const was of small.was) large.was.add(was);
    for (const statement of small.statements) large.statements.push(statement);
    for (const identification of small.identifications) large.identifications.push(identification);
    return large;
  }

  ended(idOf: (record: RecordKey) => string): { gone: Set<Kin>; kin: Kin[] } {
    const drafts = [...new Set(this.#of.values())];
    const gone = new Set(drafts.flatMap(({ was }) => [...was]));
    return {
      gone,
      kin: drafts.map(({ records, statements, identifications }) => kinOf(records, statements, identifications, idOf)),
    };
  }
}
