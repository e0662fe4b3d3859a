import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { originOf, readKey } from '../../shared/signed-note.ts';
import type { StoreConfig } from '../store/config.ts';
import type { Store } from '../store/store.ts';
import { Checkpoints } from './checkpoints.ts';
import { type AuditConfig, auditFilesOf } from './config.ts';
import { openSigningKey, readVerifiers } from './signing-key.ts';

/**
 * Reads or makes the signing key of a store. To be called before anything is recorded in a new store: a key that comes to evidence of before
 * is not trusted by itself. Throws AUDIT-KEY, STORAGE-*.
 */
export async function openCheckpoints(
  config: { audit: AuditConfig; store: StoreConfig },
  { store, clock, metrics, log }: { store: Store; clock: Clock; metrics: Metrics; log: Logger },
): Promise<Checkpoints> {
  const files = auditFilesOf(config.audit, config.store);
  const isFirst = (await store.auditHead()).seq === 0;
  const isKnown = readVerifiers(files.verifiers).some((line) => readKey(line)?.name === originOf(store.storeId));
  const key = openSigningKey(files.key, store.storeId, files.verifiers, isFirst && !isKnown);
  const { checkpointEntries: everyEntries, checkpointMinutes } = config.audit;
  // Whoever cuts the evidence back to nothing leaves a store that looks new, but for what lies beside it. A key that an operator named may be there before.
  const isOwnKey = config.audit.keyFile === undefined && config.audit.keyCredential === undefined;
  const kept = { path: files.note, isDue: !isFirst || isKnown || (isOwnKey && !key.isNew) };
  return new Checkpoints({ store, key, kept, everyEntries, everyMs: checkpointMinutes * 60_000, clock, metrics, log });
}
