import type { Clock } from '../../shared/clock.ts';
import type { StalenessWatch } from '../clinical/staleness-watch.ts';
import type { Feed } from '../feed.ts';
import type { Whereabouts } from '../patients/whereabouts.ts';
import type { OthersStored } from '../store/open-store.ts';

/** Tells this hub that another one erased somebody: who it was is known here alone, by what this hub still took for current, and by whom it knows by movements. */
export function forgetErased(
  { tenant, isPatient }: NonNullable<OthersStored['erased']>,
  {
    staleness,
    whereabouts,
    feed,
    clock,
  }: {
    staleness: Pick<StalenessWatch, 'currentOf' | 'changed'>;
    whereabouts: Pick<Whereabouts, 'known'>;
    feed: Pick<Feed, 'publish'>;
    clock: Pick<Clock, 'now'>;
  },
): void {
  const current = staleness.currentOf(tenant, isPatient);
  staleness.changed(current.map(({ patient, vital, device }) => ({ tenant, patient, vital, device, gone: true })));
  for (const patient of new Set([...current.map((row) => row.patient), ...whereabouts.known(tenant, isPatient)]))
    feed.publish({ tenant, patient, kind: 'erased', vitals: [], at: clock.now() });
}
