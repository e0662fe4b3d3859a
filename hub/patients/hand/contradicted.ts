import type { Instant } from '../../../shared/clock.ts';
import type { BatchPlaces } from '../whereabouts/placing.ts';
import type { Said, Who } from './said.ts';

/** What somebody who is put into a bed, or is said to be one with another, contradicts. */
export interface Contradicted {
  /** `occupied`: somebody else was said to lie there; `elsewhere`: the person was said to lie in another bed, and that stay ends by it; `apart`: the two who are one lie in several beds. */
  what: 'occupied' | 'elsewhere' | 'apart';
  bed: string;
  /** Public id of who lies there. */
  patient: string;
}

type Placing = Pick<Extract<Said, { bed: string }>, 'act' | 'who' | 'bed'>;
type Known = Pick<BatchPlaces, 'saidToBeIn' | 'whereIs'>;

/** What is contradicted by one who is put into a bed at a time and still lies there `now`, by what was known before. Pure. */
export function contradictedBy(
  { act, who, bed }: Placing,
  { at, now, places }: { at: Instant; now: Instant; places: Known },
): Contradicted[] {
  const own = places.whereIs(who.patient, at);
  const others = [at, now].flatMap((time) => places.saidToBeIn(bed, time)).filter((patient) => patient !== own?.patient);
  const occupied = [...new Set(others)].map((patient): Contradicted => ({ what: 'occupied', bed, patient }));
  if (act === 'move' || own === undefined) return occupied;
  const elsewhere = own.beds.filter((one) => one !== bed);
  return [...occupied, ...elsewhere.map((one): Contradicted => ({ what: 'elsewhere', bed: one, patient: own.patient }))];
}

/** The same of all lines of a census, each of which moves somebody out of the way of another. Pure. */
export function otherThan(
  lines: readonly (Placing & { line: number; at: Instant })[],
  { now, places }: { now: Instant; places: Known },
): (Contradicted & { line: number })[] {
  const put = new Set(lines.flatMap(({ who, at }) => places.whereIs(who.patient, at)?.patient ?? []));
  return lines.flatMap(({ line, at, ...placing }) =>
    contradictedBy(placing, { at, now, places }).flatMap((one) =>
      one.what === 'occupied' && !put.has(one.patient) ? { line, ...one } : [],
    ),
  );
}

/** Of two who are said to be one from a time on: in which beds each is said to lie then and now, where those are several. Pure. */
export function apartBy(both: readonly Who[], { at, now, places }: { at: Instant; now: Instant; places: Known }): Contradicted[] {
  const lying = [at, now].map((time) =>
    both.flatMap(({ patient }) => {
      const here = places.whereIs(patient, time);
      return here?.beds.map((bed): Contradicted => ({ what: 'apart', bed, patient: here.patient })) ?? [];
    }),
  );
  const several = lying.filter((then) => new Set(then.map(({ bed }) => bed)).size > 1).flat();
  return [...new Map(several.map((one) => [JSON.stringify([one.bed, one.patient]), one])).values()];
}

/** Whether something is nobody's by it until somebody says what is so. */
export function isUnclear(conflicts: readonly Contradicted[]): boolean {
  return conflicts.some(({ what }) => what !== 'elsewhere');
}
