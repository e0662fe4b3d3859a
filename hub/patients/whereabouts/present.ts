import type { Instant } from '../../../shared/clock.ts';
import type { PatientPlace } from '../../registry/registry.ts';
import { type HospitalStay, hospitalStaysOf } from '../stays/hospital-stays.ts';
import type { PersonStay } from '../stays/occupancy.ts';
import { type PersonFacts, windowAt } from './course.ts';
import type { TenantPlaces } from './tenant-places.ts';

/**
 * Who lies in one of the beds for sure, as far as anybody heard, in order of id. That movements are silent takes nobody off the list: what was measured of them before
 * stays to be read, and what comes meanwhile is nobody's.
 */
export function presentIn(places: TenantPlaces, beds: Iterable<string>, now: Instant): PatientPlace[] {
  const present: PatientPlace[] = [];
  for (const bed of beds) {
    const who = occupantOf(places, bed, now);
    if (who) present.push({ patient: who.id, bed });
  }
  return present.sort((a, b) => (a.patient < b.patient ? -1 : 1));
}

/** Where somebody is of whom a movement ever spoke; undefined for others. */
export function placeOf(places: TenantPlaces, beds: ReadonlySet<string>, id: string, now: Instant): PatientPlace | undefined {
  const who = places.personBehind(id);
  if (who === undefined) return undefined;
  const merged = who.id !== id && { mergedFrom: id };
  const all = places.staysOf(who).filter(({ from }) => from <= now);
  const stays = all.filter(({ bed }) => beds.has(bed));
  const here = stays.filter(({ to }) => to === null || to > now);
  const sure = here.find(({ bed }) => occupantOf(places, bed, now)?.id === who.id);
  if (sure) {
    const [now, ...before] = hospitalStaysOf(places.staysOf(who)).reverse();
    return { patient: who.id, bed: sure.bed, ...(now && before.length > 0 && { admitted: now.from }), ...merged };
  }
  const hasLeft = here.length === 0 && stays.length > 0;
  // What was said last is in doubt, so they may still lie where they lay before.
  const before = hasLeft ? undefined : stays.filter(({ to }) => to !== null && to <= now).sort((a, b) => (b.to ?? now) - (a.to ?? now))[0];
  const possible = [...new Set([...here, ...(before ? [before] : [])].map(({ bed }) => bed))].sort().map((bed) => ({ bed }));
  return {
    ...{ patient: who.id, bed: null },
    ...(hasLeft && leavingOf(all, Math.max(...stays.map(({ to }) => to ?? now)), now)),
    ...(possible.length > 0 && { possible }),
    ...merged,
  };
}

/**
 * How somebody left the followed beds, the last of them at `leftBed`: a discharge alone says that they left the hospital. Whoever was moved to another bed, or out of one to none, as into an
 * operating room, is still there; discharged from there later, they left it then. `stays`: of any bed.
 */
function leavingOf(stays: readonly PersonStay[], leftBed: Instant, now: Instant): Pick<PatientPlace, 'discharged' | 'leftBed'> {
  const ends = stays.map(({ to }) => to ?? Number.POSITIVE_INFINITY);
  const end = Math.max(...ends);
  const isDischarged = end <= now && stays.some(({ to, left }) => to === end && left);
  return isDischarged ? { discharged: end } : { leftBed };
}

/** From when to when somebody was here, as far as movements told of it; in order. */
export function hospitalStays(places: TenantPlaces, id: string): HospitalStay[] {
  const who = places.personBehind(id);
  return who === undefined ? [] : hospitalStaysOf(places.staysOf(who));
}

/** Since when somebody who lies in a bed now does, without a break; UTC ms. Undefined where no movement says so. */
export function bedSince(places: TenantPlaces, id: string, bed: string, now: Instant): Instant | undefined {
  const who = places.personBehind(id);
  const stays = who === undefined ? [] : places.staysOf(who).filter((stay) => stay.bed === bed && stay.from <= now);
  let since: Instant | undefined;
  for (const { from, to } of stays.sort((a, b) => b.from - a.from)) if (to === null || to > now || to === since) since = from;
  return since;
}

/** Who lies in a bed for sure, also while movements are silent: then nobody. */
export function inBedNow(places: TenantPlaces, bed: string, now: Instant): string | null {
  const rule = places.ruleAt(bed, now);
  return rule.certainty === 'sure' ? rule.who.id : null;
}

function occupantOf(places: TenantPlaces, bed: string, now: Instant): PersonFacts | undefined {
  const window = windowAt(places.courseOf(bed), now);
  return window?.state === 'occupied' ? window.who : undefined;
}
