import type { Clock } from '../../shared/clock.ts';
import { asVitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Feed } from '../feed.ts';
import type { LiveRegistry } from '../registry/live-registry.ts';
import type { Corrections } from './corrections.ts';
import type { Whereabouts } from './whereabouts.ts';

interface Parts {
  whereabouts: Whereabouts;
  corrections: Pick<Corrections, 'wake'>;
  registry: Pick<LiveRegistry, 'onMoved'>;
  feed: Feed;
  clock: Clock;
  log: Logger;
}

/** Lets readers hear of who moved, and what is known of people follow erasures. Gives what is to be done when another hub stored something, or the registry changed. */
export function followMovements({ whereabouts, corrections, registry, feed, clock, log }: Parts): () => void {
  registry.onMoved((moved) => {
    for (const change of moved) feed.publish({ ...change, kind: 'patients', vitals: [], at: clock.now() });
  });
  feed.subscribe(({ kind, tenant, patient }) => {
    if (kind === 'erased') whereabouts.erased(tenant, patient);
  });
  return () => {
    whereabouts.refreshAll().then(
      // Rows may be left to move by a hub that ended; where nothing changed, asking costs every hub its turn to write.
      (isChanged) => isChanged && corrections.wake(),
      (err: unknown) => log.error({ err: asVitalmeshError(err) }, 'who lies where could not be read'),
    );
  };
}
