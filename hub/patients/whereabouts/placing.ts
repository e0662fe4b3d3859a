import type { Instant } from '../../../shared/clock.ts';
import type { AssignedId } from '../../../shared/movement.ts';
import { nobodyIn, type Placed } from '../../store/placing/placing.ts';
import { recordKey } from '../stays/statement.ts';
import { holderBy, isComparable, type Rule, type Stated } from './course.ts';
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
  device: string;
  /** The number that it names, or a public id. */
  stated?: AssignedId | { id: string } | undefined;
  at: Instant;
  /** Whether movements may be missing that the store once had: as while they are silent, a row must then name who lies there. */
  isMissing?: boolean;
}

/** What was heard of a device since the hub began: where its messages said it stood, and whom they named. */
export interface SeenDevice {
  beds: Set<string>;
  named: Set<string>;
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
  readonly #seen: Map<string, SeenDevice>;

  constructor(version: number, places: TenantPlaces, seen: Map<string, SeenDevice>, unkept: ReadonlySet<string> = new Set()) {
    this.#unkept = unkept;
    this.version = version;
    this.#places = places;
    this.#seen = seen;
  }

  /** In which bed a row is measured: where its device was put by hand, else as its message says. */
  bedOf(device: string, stated: string | undefined, at: Instant): string | undefined {
    return (device === '' ? undefined : this.#places.devices.bedOf(device, at)) ?? stated;
  }

  /** True for the public id of somebody who was heard of. */
  isPerson(id: string): boolean {
    return this.#places.people.has(id);
  }

  /** Whose a row is that was measured in `bed`, as `bedOf` said. */
  place({ bed, device, stated: named, at, isMissing = false }: RowPlace): PlacedRow {
    if (this.#isUnkept(named)) return this.#somebodyElse(device, bed);
    const stated = this.#stated(named);
    if (device !== '') this.#note(device, bed, stated);
    const known = this.#places.ruleAt(bed, at);
    const rule: Rule = isMissing && known.certainty === 'sure' ? { ...known, certainty: 'silent' } : known;
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

  #somebodyElse(device: string, bed: string): PlacedRow {
    if (device !== '') this.#note(device, bed, undefined);
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

  #note(device: string, bed: string, stated: Stated | undefined): void {
    const seen = this.#seen.get(device) ?? { beds: new Set(), named: new Set() };
    this.#seen.set(device, seen);
    seen.beds.add(bed);
    if (stated) seen.named.add(stated.id);
  }
}

/** Why a row is nobody's. */
function why({ certainty, who }: Rule, stated: Stated | undefined): Identity {
  if (who !== undefined) return stated && isComparable(who, stated) ? 'conflict' : 'unconfirmed';
  return certainty === 'conflict' || certainty === 'unconfirmed' ? certainty : 'unknown';
}
