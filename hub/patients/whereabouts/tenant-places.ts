import type { Instant } from '../../../shared/clock.ts';
import type { UnknownStretch } from '../../registry/bindings.ts';
import type { Reassignment } from '../../store/placing/placing.ts';
import type { SaidByMovement } from '../said.ts';
import { holdings, type PersonStay } from '../stays/occupancy.ts';
import { type Identification, type RecordKey, recordKey, type Statement } from '../stays/statement.ts';
import { changeOfNumber, changesByDevice, changesOf } from './changes.ts';
import { type Course, type PersonFacts, type Rule, ruleAt, type Segment, type Stated, segmentsOf } from './course.ts';
import { Devices, type MoveOfOne, NOWHERE } from './devices.ts';
import { HeardRows, Judging } from './judging.ts';
import { type Kin, kinOf, namedBy } from './kin.ts';
import { type Losses, NO_LOSSES } from './lost.ts';
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
  losses: Losses;
}

/** All that is known of who lies where in one tenant. Nothing in it depends on the order in which movements were heard. In memory alone. */
export class TenantPlaces {
  readonly people = new People();
  readonly devices = new Devices();
  readonly #limits: () => SilenceLimits;
  readonly #heard = new Set<string>();
  readonly #kin = new Map<RecordKey, Kin>();
  readonly #beds = new Map<string, Bed>();
  readonly #losses: () => Losses;
  readonly #heardRows = new HeardRows();
  #lastOf: ReadonlyMap<string, Instant> = new Map();
  #judging: { limits: SilenceLimits; losses: Losses; revision: number; by: Judging } | undefined;
  /** By what was lost when it was last worked out what changes for rows. */
  #judgedBy: Losses | undefined;
  #revision = 0;

  /** Both are asked anew at each question. */
  constructor(limits: () => SilenceLimits, losses: () => Losses = () => NO_LOSSES) {
    this.#limits = limits;
    this.#losses = losses;
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
      learn: () => {
        if (!whole) this.#judgedBy = news.losses;
        return this.#learn(revision === this.#revision ? news : this.#gathered(movements));
      },
    };
  }

  /** Since when (time of measurement) movements are silent; of whom nothing was said since. Infinite where they are not. */
  silentSince(): Instant {
    return silentSince(this.#lastOf, this.#limits())(Number.NEGATIVE_INFINITY);
  }

  /** Since when movements are missing, because the store was put back and they were not told again; infinite where none are. */
  lostSince(): Instant {
    return this.#by().lostSince();
  }

  /** Until when all movements of a lost stretch were told again; infinite where none are missing. */
  toldAgainUntil(stretch: UnknownStretch): Instant {
    return this.#by().toldAgainUntil(stretch);
  }

  /** By what rows of a bed at a time are judged. */
  ruleAt(bed: string, at: Instant): Rule {
    return ruleAt(this.courseOf(bed), at, this.#by().missingIn(bed));
  }

  /** Whether movements of who lies in a bed were lost, of whatever time. */
  isLost(bed: string, who: PersonFacts): boolean {
    return this.#by().byLossIn(bed)(who).length > 0;
  }

  /** The times of a bed in which it was not empty, each judged by one rule. */
  segmentsIn(bed: string): Segment[] {
    return segmentsOf(this.courseOf(bed), this.#by().missingIn(bed));
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

  /** Everybody who was said to lie in a bed at a time and not to have left, by public id. */
  saidToBeIn(bed: string, at: Instant): string[] {
    const lying = [...(this.#beds.get(bed)?.stays ?? [])].flatMap(([{ persons }, stays]) =>
      stays.flatMap(({ person, from, to }) => (from <= at && (to === null || to > at) ? (persons.get(person)?.id ?? []) : [])),
    );
    return [...new Set(lying)];
  }

  /** Where a person lay, by bed. */
  staysOf({ key }: PersonFacts): PersonStay[] {
    const stays = this.#kin.get(key)?.stays.values() ?? [];
    return [...stays].flatMap((inBed) => inBed.filter(({ person }) => person === key));
  }

  /** What changes for rows of a device that was moved, which stand in one of `beds`, by their messages, unless it was moved before. */
  ordersOfMove(move: MoveOfOne, beds: Iterable<string>): Reassignment[] {
    const { bed: toBed, was, from, to } = this.devices.changedBy(move);
    const of = { gateway: move.gateway, device: move.device };
    const by = this.#by();
    const segments = (bed: string) => segmentsOf(bed === NOWHERE ? [] : this.courseOf(bed), by.missingIn(bed));
    return [...new Set(was === undefined ? beds : [was])]
      .filter((bed) => bed !== toBed)
      .flatMap((bed) => changesByDevice({ ...of, bed, toBed, from, to }, segments(bed), segments(toBed), this.#statedOf));
  }

  readonly #statedOf = (id: string): Stated | undefined => this.people.stated(id);

  #by(): Judging {
    const [limits, losses, revision] = [this.#limits(), this.#losses(), this.#revision];
    const known = this.#judging;
    if (known?.limits === limits && known.losses === losses && known.revision === revision) return known.by;
    const by = new Judging({ since: silentSince(this.#lastOf, limits), losses, heard: this.#heardRows });
    this.#judging = { limits, losses, revision, by };
    return by;
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
    return { said, gone, kin, beds: this.#bedsWith(gone, kin), lastOf, losses: this.#losses() };
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

  #orders({ said, kin, beds, lastOf, losses }: News, now: Instant): Reassignment[] {
    const horizon = now + AHEAD_MS;
    const limits = this.#limits();
    const sinceOf = (last: ReadonlyMap<string, Instant>) => upTo(horizon, silentSince(last, limits));
    // What was lost or confirmed meanwhile without a movement counts for rows that are there from this one on; a hub that has just begun does not know by what they were judged.
    const before = new Judging({ since: sinceOf(this.#lastOf), losses: this.#judgedBy ?? losses.ever ?? losses, heard: this.#heardRows });
    const after = new Judging({ since: sinceOf(lastOf), losses, heard: this.#heardRows.with(said) });
    const concerned = before.isSame(after) ? beds.keys() : new Set([...this.#beds.keys(), ...beds.keys()]);
    const inBeds = [...concerned].flatMap((bed) => {
      const was = this.courseOf(bed);
      const is = beds.get(bed)?.course ?? was;
      return changesOf(bed, segmentsOf(was, before.missingIn(bed)), segmentsOf(is, after.missingIn(bed)), this.#statedOf);
    });
    return [...inBeds, ...kin.flatMap((one) => this.#mergedIn(one))];
  }

  /** Whose numbers are another person's with what is said of these. */
  #mergedIn({ personOf }: Kin): Reassignment[] {
    return [...personOf].flatMap(([record, { id: is }]) => {
      const number = this.people.idOfRecord(record) ?? '';
      const was = this.#kin.get(record)?.personOf.get(record)?.id ?? number;
      return was === is ? [] : [changeOfNumber({ number, was, is })];
    });
  }

  #learn({ said, gone, kin, beds, lastOf }: News): string[] {
    this.#revision += 1;
    for (const one of said) {
      this.#heard.add(one.id);
      this.#heardRows.add(one);
    }
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
