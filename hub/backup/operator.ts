import { isAbsolute } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { OperatorCommand } from '../../shared/operator/server.ts';
import { refuseRekey } from '../../shared/storage/refuse-rekey.ts';
import { recordMaintenance } from '../access/maintenance.ts';
import { uidOf } from '../access/operator-caller.ts';
import type { Policy } from '../access/policy.ts';
import type { Store } from '../store/store.ts';
import { type BackupReport, makeBackup, refuseVain } from './backup.ts';

export interface BackupSurroundings {
  store: Store;
  tenants(): readonly string[];
  policy(): Policy;
  recipients: readonly string[];
  clock: Clock;
  log: Logger;
}

const backupArgs = z.strictObject({ to: z.string().refine((path) => isAbsolute(path)) });

/** Decides, records and makes a backup for the user of this id. Throws as `makeBackup` and `recordMaintenance` do. */
export async function backUp(
  { store, tenants, policy, recipients, clock, log }: BackupSurroundings,
  to: string,
  uid: number,
  signal?: AbortSignal,
): Promise<BackupReport> {
  // Refused before it is recorded, because nothing is done.
  refuseVain(store, recipients);
  await recordMaintenance(store, { tenants: tenants(), uid, action: 'store.backup', at: clock.now(), policy: policy() });
  const report = await makeBackup({ store, to, recipients, clock, ...(signal && { signal }) });
  log.info({ position: report.position, size: report.bodyBytes, sha256: report.sha256 }, 'store backed up');
  return report;
}

/** The operator's commands of a running hub that concern the store as a whole. */
export function backupOperatorCommands(surroundings: BackupSurroundings): Record<'backup' | 'rekey', OperatorCommand> {
  return {
    backup: async function* (args, principal, gone) {
      const { success, data } = backupArgs.safeParse(args);
      if (!success) throw new VitalmeshError('USAGE', { detail: 'backup takes to: the absolute path of a new file' });
      yield await backUp(surroundings, data.to, uidOf(principal), gone);
    },
    rekey: refuseRekey,
  };
}
