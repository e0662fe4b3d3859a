import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import type { StoreConfig } from '../store/config.ts';
import type { Store } from '../store/store.ts';
import { Checkpoints } from './checkpoints.ts';
import { type AuditConfig, auditFilesOf } from './config.ts';
import { openSigningKey, readVerifiers } from './signing-key.ts';

/** Reads or makes the signing key of a store. Throws AUDIT-KEY. */
export function openCheckpoints(
  config: { audit: AuditConfig; store: StoreConfig },
  { store, clock, metrics, log }: { store: Store; clock: Clock; metrics: Metrics; log: Logger },
): Checkpoints {
  const files = auditFilesOf(config.audit, config.store);
  const signedBefore = readVerifiers(files.verifiers).length > 0;
  const key = openSigningKey(files.key, store.storeId, files.verifiers);
  if (key.isNew && signedBefore) log.warn({ key: key.verifier }, 'another key than before signs the evidence from here on');
  const { checkpointEntries: everyEntries, checkpointMinutes } = config.audit;
  return new Checkpoints({ store, key, everyEntries, everyMs: checkpointMinutes * 60_000, clock, metrics, log });
}
