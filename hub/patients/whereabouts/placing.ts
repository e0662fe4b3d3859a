import type { Instant } from '../../../shared/clock.ts';
import type { AssignedId } from '../../../shared/movement.ts';
import { type DeviceKey, nobodyIn, type Placed } from '../../store/placing/placing.ts';
import { recordKey } from '../stays/statement.ts';
import { holderBy, isComparable, type Rule, type Segment, type Stated } from './course.ts';
import type { SeenDevices } from './seen-devices.ts';
import type { TenantPlaces } from './tenant-places.ts';

/** How sure it is whose a row is. `unconfirmed`: a movement was missed, or they are silent. `unknown`: nobody is known to lie there. */
export type Identity = 'known' | 'conflict' | 'unconfirmed' | 'unknown';

/** Whose a row is. */
export interface PlacedRow {
  /** Public id, or `nobodyIn` its bed where that is not known for sure. */
  patient: string;
  /** To be kept with the row. */
  placed: Placed;
  identity: Identity;
}

/** What a row says of whose it is, and when it was measured (`sortTime`). */
export interface RowPlace {
  bed: string;
  gateway: string;
  device: string;
  idType?: DeviceKey['idType'];
  /** The number that it names, or a public id. */
  stated?: AssignedId | { id: string } | undefined;
  at: Instant;
  /** Whether nobody knows for sure that it is not of a time of which the store lost the movements: as while they are silent, a row must then name who lies there. */
  mayBeLost?: boolean;
}

/** Where somebody may lie. */
export interface Whereabout {
  /** Public id that survived merges. */
  patient: string;
  /** One, unless it is not known which of several. */
  beds: readonly string[];
  /** Whether the person goes by the number that was asked for, which no other one took the place of. */
  isOwn: boolean;
}

/** Stands for every number that is not kept, because its gateway named too many new ones: whoever it is, it is nobody who lies anywhere. No message is compared by a number of nobody's system. */
export const SOMEBODY_ELSE: AssignedId = { authority: '', value: '@somebody else' };

/** Places the rows of one batch by what is known at one moment. */
export class BatchPlaces {
  /** `placingVersion` of what is known. */
  readonly version: number;
  /** Numbers that rows named and that have no public id yet: they are to get one (`Whereabouts.hear`), and the batch is to be placed anew. */
  readonly unheard = new Map<string, AssignedId>();
  /** Keys of numbers that are not to get one: what names them is nobody's, and stays so. */
  readonly #unkept: ReadonlySet<string>;
  readonly #places: TenantPlaces;
  readonly #seen: SeenDevices;

  constructor(version: number, places: TenantPlaces, seen: SeenDevices, unkept: ReadonlySet<string> = new Set()) {
    this.#unkept = unkept;
    this.version = version;
    this.#places = places;
    this.#seen = seen;
  }

  /** In which bed a row is measured: where its device was put by hand, else as its message says. */
  bedOf(key: DeviceKey, stated: string | undefined, at: Instant): string | undefined {
    return (key.device === '' ? undefined : this.#places.devices.bedOf(key, at)) ?? stated;
  }

  /** Who is known to lie in a bed at a time, also while movements are silent; undefined where nobody does or it is not known who. */
  occupantOf(bed: string, at: Instant): string | undefined {
    return this.#places.ruleAt(bed, at).who?.id;
  }

  /** The times of a bed in which it was not empty, each judged by one rule. */
  segmentsIn(bed: string): readonly Segment[] {
    return this.#places.segmentsIn(bed);
  }

  /** Everybody who was said to lie in a bed at a time and not to have left, by public id. */
  saidToBeIn(bed: string, at: Instant): string[] {
    return this.#places.saidToBeIn(bed, at);
  }

  /** Where somebody may lie at a time, by a number of theirs; undefined for one of whom no movement ever spoke. */
  whereIs(number: AssignedId, at: Instant): Whereabout | undefined {
    const id = this.#places.people.idOf(number);
    const who = id === undefined ? undefined : this.#places.personBehind(id);
    if (who === undefined) return undefined;
    const beds = this.#places.staysOf(who).filter(({ from, to }) => from <= at && (to === null || to > at));
    return { patient: who.id, beds: [...new Set(beds.map(({ bed }) => bed))], isOwn: who.key === recordKey(number) };
  }

  /** True for the public id of somebody who was heard of. */
  isPerson(id: string): boolean {
    return this.#places.people.has(id);
  }

  /** Whose a row is that was measured in `bed`, as `bedOf` said. */
  place({ bed, gateway, device, idType, stated: named, at, mayBeLost = false }: RowPlace): PlacedRow {
    const key = { gateway, device, idType };
    if (this.#isUnkept(named)) return this.#somebodyElse(key, bed);
    const stated = this.#stated(named);
    this.#seen.note(key, bed);
    const known = this.#places.ruleAt(bed, at);
    const isLost = mayBeLost && known.certainty === 'sure' && this.#places.isLost(bed, known.who);
    const rule: Rule = isLost ? { ...known, certainty: 'silent' } : known;
    const patient = holderBy(rule, stated)?.id;
    return {
      patient: patient ?? nobodyIn(bed),
      placed: { bed, stated: stated?.id ?? null },
      identity: patient === undefined ? why(rule, stated) : 'known',
    };
  }

  #isUnkept(named: RowPlace['stated']): boolean {
    return (
      this.#unkept.size > 0 &&
      named !== undefined &&
      !('id' in named) &&
      this.#unkept.has(recordKey(named)) &&
      this.#places.people.idOf(named) === undefined
    );
  }

  #somebodyElse(key: DeviceKey, bed: string): PlacedRow {
    this.#seen.note(key, bed);
    const stated = this.#places.people.idOf(SOMEBODY_ELSE) ?? null;
    return { patient: nobodyIn(bed), placed: { bed, stated }, identity: 'conflict' };
  }

  /** Whom a row names; a number of which nobody says whose system it is can be compared with none. */
  #stated(named: RowPlace['stated']): Stated | undefined {
    if (named === undefined) return undefined;
    const { people } = this.#places;
    if ('id' in named) return people.stated(named.id);
    if (named.authority === '' || named.value === '') return undefined;
    const id = people.idOf(named);
    if (id === undefined) this.unheard.set(recordKey(named), named);
    return id === undefined ? undefined : { id, authority: named.authority };
  }
}

/** Why a row is nobody's. */
function why({ certainty, who }: Rule, stated: Stated | undefined): Identity {
  if (who !== undefined) return stated && isComparable(who, stated) ? 'conflict' : 'unconfirmed';
  return certainty === 'conflict' || certainty === 'unconfirmed' ? certainty : 'unknown';
}
