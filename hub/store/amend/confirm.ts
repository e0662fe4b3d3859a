import { VitalmeshError } from '../../../shared/errors.ts';
import { JUMPS } from '../../clinical/doubt/jumps.ts';
import { isSame, type Kept } from '../../clinical/doubt/whose.ts';
import { isDoubtful, valuesIn } from '../identity/judged.ts';
import { isVoid } from './amended.ts';

/** What a store keeps of one reading that is named. */
export interface NamedRow {
  standing: number;
  judged: number;
  amended: number;
}

/** Which of how many that are named. */
export interface Which {
  at: number;
  of: number;
}

/**
 * Throws why a reading cannot be confirmed: AMEND-UNKNOWN where it is not kept any more, AMEND-VOID, AMEND-REPLACED, AMEND-NOT-DOUBTFUL. `isVoid`, `isConfirmed`: that was
 * decided, and is to be carried out, or was. Pure.
 */
export function refuseConfirm(row: NamedRow | undefined, decided: { isVoid: boolean; isConfirmed: boolean }, which: Which): void {
  const detail = which.of > 1 ? { detail: `reading ${which.at + 1} of ${which.of} that are named` } : {};
  if (row === undefined) throw new VitalmeshError('AMEND-UNKNOWN', detail);
  if (decided.isVoid || isVoid(row.amended)) throw new VitalmeshError('AMEND-VOID', detail);
  if (row.standing !== 1) throw new VitalmeshError('AMEND-REPLACED', detail);
  if (!decided.isConfirmed && !isDoubtful(row.judged)) throw new VitalmeshError('AMEND-NOT-DOUBTFUL', detail);
}

/** A version of a measurement of which somebody confirmed one. */
export interface ConfirmVersion {
  /** In order of storing. */
  key: number;
  standing: number;
  value: number | null;
  components: string | null;
  /** It is confirmed by this decision already; 1 or true. */
  isDone: number | boolean;
  /** It is the one that was named; 1 or true. */
  isMeant: number | boolean;
}

/** Which version the rule at hand is of, by its key: null where that was not kept, or another's rows came by the rule. `last`: the newest row when it was decided. */
export interface Meant {
  meant: number | null;
  last: number;
}

/**
 * Which versions of a measurement a confirmation is of, but for those that it is of already: of the one that somebody meant, and of all that say the same as that one, whenever they
 * came. Another value nobody has confirmed. Pure.
 */
export function confirmedOf<V extends ConfirmVersion>(vital: string, versions: readonly V[], which: Meant): V[] {
  const meant = meantBy(versions, which);
  return versions.filter((version) => !version.isDone && areSame(vital, { values: valuesIn(vital, version) }, meant));
}

function meantBy<V extends ConfirmVersion>(versions: readonly V[], { meant, last }: Meant): readonly V[] {
  const done = versions.filter(({ isDone }) => isDone);
  const named = versions.filter(({ isMeant }) => isMeant);
  if (named.length > 0) return named;
  if (meant !== null || done.length > 0) return done;
  const known = versions.filter(({ key }) => key <= last);
  const standing = known.filter((version) => version.standing === 1);
  // It was replaced since.
  return standing.length > 0 ? standing : known.toSorted((a, b) => b.key - a.key).slice(0, 1);
}

/** A version of a measurement that is confirmed, once for each decision that it is confirmed by. */
export interface ConfirmedVersion {
  amendment: number;
  value: number | null;
  components: string | null;
  /** It is the one that was meant; 1 or true. */
  isMeant: number | boolean;
}

/** By which decisions an arrival is confirmed: it says the same as what was meant, or, where that is not known, as all that are confirmed by it. Pure. */
export function confirmingOf(vital: string, arrival: Pick<Kept, 'values'>, confirmed: readonly ConfirmedVersion[]): number[] {
  return [...Map.groupBy(confirmed, ({ amendment }) => amendment)].flatMap(([amendment, versions]) => {
    const meant = versions.filter(({ isMeant }) => isMeant);
    return areSame(vital, arrival, meant.length > 0 ? meant : versions) ? [amendment] : [];
  });
}

type Values = Pick<ConfirmVersion, 'value' | 'components'>;

function areSame(vital: string, one: Pick<Kept, 'values'>, others: readonly Values[]): boolean {
  const jump = JUMPS[vital];
  return jump !== undefined && others.length > 0 && others.every((other) => isSame(one, { values: valuesIn(vital, other) }, jump));
}
