import type { Instant } from '../../shared/clock.ts';
import type { LegalHold } from '../store/erasing/erasing.ts';
import type { Store } from '../store/store.ts';

/** Readings that were moved, by the bed and the time of measuring. */
interface Moved {
  at: Instant;
  bed: unknown;
  from: Instant;
  to: Instant;
}

/**
 * Whether anything became one of these people's that was somebody's under legal hold while the hold stood, because a movement came late or was taken back: what is held must not be
 * erased by way of another one. By the evidence of corrections (`hub/patients/corrections.ts`), of both sides: it may have been nobody's in between. Throws STORAGE-*.
 */
export async function movedFromHeld(
  store: Pick<Store, 'evidence'>,
  { tenant, people, holds }: { tenant: string; people: Iterable<string>; holds: readonly LegalHold[] },
): Promise<boolean> {
  const away: Moved[] = [];
  for (const { patient, at } of holds) away.push(...(await moved(store, tenant, { patient, since: at, reason: 'moved-away' })));
  if (away.length === 0) return false;
  const since = Math.min(...away.map(({ at }) => at));
  for (const patient of people) {
    const here = await moved(store, tenant, { patient, since, reason: 'moved-here' });
    if (here.some((one) => away.some((other) => isOfThose(one, other)))) return true;
  }
  return false;
}

async function moved(
  store: Pick<Store, 'evidence'>,
  tenant: string,
  { patient, since, reason }: { patient: string; since: Instant; reason: string },
): Promise<Moved[]> {
  const found: Moved[] = [];
  for await (const { event } of store.evidence(tenant, { patient, from: since })) {
    if (event.action !== 'patients.place' || event.reason !== reason) continue;
    const { bed, from, to } = event.detail?.args ?? {};
    found.push({ at: event.at, bed, from: Number(from), to: to == null ? Number.POSITIVE_INFINITY : Number(to) });
  }
  return found;
}

function isOfThose(here: Moved, away: Moved): boolean {
  return here.at >= away.at && here.bed === away.bed && Math.max(here.from, away.from) < Math.min(here.to, away.to);
}
