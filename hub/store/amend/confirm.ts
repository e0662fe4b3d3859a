import { VitalmeshError } from '../../../shared/errors.ts';
import { JUMPS } from '../../clinical/doubt/jumps.ts';
import { isSame } from '../../clinical/doubt/whose.ts';
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
}

/**
 * Which versions of a measurement a confirmation is of, but for those that it is of already: of the one that stood when somebody decided (`last`: the newest row by then), and of
 * all that say the same. Another value nobody has confirmed. Pure.
 */
export function confirmedOf<V extends ConfirmVersion>(vital: string, versions: readonly V[], last: number): V[] {
  const jump = JUMPS[vital];
  if (jump === undefined) return [];
  const meant = meantBy(versions, last).map((version) => ({ values: valuesIn(vital, version) }));
  if (meant.length === 0) return [];
  return versions.filter((version) => !version.isDone && meant.every((one) => isSame(one, { values: valuesIn(vital, version) }, jump)));
}

function meantBy<V extends ConfirmVersion>(versions: readonly V[], last: number): readonly V[] {
  const done = versions.filter(({ isDone }) => isDone);
  if (done.length > 0) return done;
  const known = versions.filter(({ key }) => key <= last);
  const standing = known.filter((version) => version.standing === 1);
  // It was replaced since.
  return standing.length > 0 ? standing : known.toSorted((a, b) => b.key - a.key).slice(0, 1);
}
