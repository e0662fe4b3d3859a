import type { Clock } from '../../shared/clock.ts';
import type { StalenessWatch } from '../clinical/staleness-watch.ts';
import type { Feed } from '../feed.ts';
import type { Whereabouts } from '../patients/whereabouts.ts';
import type { Registry } from '../registry/registry.ts';
import type { OthersStored } from '../store/open-store.ts';

/** Tells this hub that another one erased somebody: who it was is known here alone, by what this hub still took for current, by whom it knows by movements, and by whom its registry still names. */
export function forgetErased(
  { tenant, isPatient }: NonNullable<OthersStored['erased']>,
  {
    staleness,
    whereabouts,
    registry,
    feed,
    clock,
  }: {
    staleness: Pick<StalenessWatch, 'currentOf' | 'changed'>;
    whereabouts: Pick<Whereabouts, 'known'>;
    registry: Pick<Registry, 'patients'>;
    feed: Pick<Feed, 'publish'>;
    clock: Pick<Clock, 'now'>;
  },
): void {
  const current = staleness.currentOf(tenant, isPatient);
  staleness.changed(current.map(({ patient, vital, device }) => ({ tenant, patient, vital, device, gone: true })));
  const named = registry.patients(tenant).flatMap(({ patient }) => (isPatient(patient) ? [patient] : []));
  for (const patient of new Set([...current.map((row) => row.patient), ...whereabouts.known(tenant, isPatient), ...named]))
    feed.publish({ tenant, patient, kind: 'erased', vitals: [], at: clock.now() });
}
