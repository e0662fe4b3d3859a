import { link, open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Clock } from '../../shared/clock.ts';
import { packageVersion } from '../../shared/command-line.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { syncFolder } from '../../shared/storage/key-file.ts';
import { newEpoch } from '../../shared/uplink/key.ts';
import type { Store } from '../store/store.ts';
import { digestOf, type Label, trailerOf } from './container.ts';
import { fileError, refuseNoFolder, refuseTaken } from './file-error.ts';

export interface BackupOptions {
  store: Store;
  /** Absolute path of the new file. */
  to: string;
  recipients: readonly string[];
  clock: Clock;
  signal?: AbortSignal;
}

/** What `vitalmesh-hub backup --json` prints. */
export interface BackupReport extends Omit<Label, 'format' | 'cipher'> {
  file: string;
  /** Of those who can open it, as they stand in hub.yaml. */
  recipients: readonly string[];
}

/**
 * Backs up a store that is in use. The file has mode 0600 and gets its name once it is whole and on disk; nothing is left of one that
 * fails. Throws USAGE (the engine is no file), BACKUP-NO-RECIPIENT, BACKUP-FILE, STORAGE-COPY, STORAGE-CLOSED, and the reason of the signal.
 */
export async function makeBackup({ store, to, recipients, clock, signal }: BackupOptions): Promise<BackupReport> {
  const copyTo = refuseVain(store, recipients);
  refuseTaken(to);
  refuseNoFolder(to);
  const unnamed = `${to}.${newEpoch()}.part`;
  try {
    const at = { position: 0, epoch: '' };
    // Before the copy: what is bound at this time is in it, whoever is bound later.
    const madeAt = clock.now();
    const beforeEnd = async (): Promise<void> => {
      const { position, epochs } = await store.lineage();
      Object.assign(at, { position, epoch: epochs.at(-1)?.epoch ?? '' });
    };
    const { bytes: bodyBytes, key } = await copyTo(unnamed, { beforeEnd, ...(signal && { signal }) });
    const known = { storeId: store.storeId, ...at, bodyBytes, madeAt, software: packageVersion() };
    const { sha256 } = await finish(unnamed, known, key, recipients);
    await name(unnamed, to);
    return { file: to, version: 1, ...known, sha256, recipients };
  } catch (thrown) {
    await rm(unnamed, { force: true }).catch(() => undefined);
    signal?.throwIfAborted();
    if (thrown instanceof VitalmeshError) throw thrown;
    throw fileError(to, thrown);
  }
}

/** How the store is copied. Throws USAGE when it is no file, and BACKUP-NO-RECIPIENT. */
export function refuseVain(store: Store, recipients: readonly string[]): NonNullable<Store['copyTo']> {
  if (!store.copyTo) throw new VitalmeshError('USAGE', { detail: `the store is a PostgreSQL database: ${WITH_ITS_TOOLS}` });
  if (recipients.length === 0) throw new VitalmeshError('BACKUP-NO-RECIPIENT');
  return store.copyTo.bind(store);
}

/** What is to be done with a database instead. */
export const WITH_ITS_TOOLS = 'vitalmesh-hub backup is not for it; back it up with its own tools (README, PostgreSQL)';

/** File systems of sticks and shares that know no second name of a file. */
const NO_LINKS: ReadonlySet<string | undefined> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** Gives a whole file its name, where there is none of that name. */
async function name(unnamed: string, to: string): Promise<void> {
  try {
    // Unlike a rename it fails where there is one.
    await link(unnamed, to);
    await rm(unnamed);
  } catch (thrown) {
    if (!NO_LINKS.has((thrown as NodeJS.ErrnoException).code)) throw thrown;
    refuseTaken(to);
    await rename(unnamed, to);
  }
  syncFolder(dirname(resolve(to)));
}

/** Digest, label and sealed keys behind the body. */
async function finish(
  path: string,
  known: Omit<Label, 'format' | 'version' | 'cipher' | 'sha256'>,
  dataKey: Buffer,
  recipients: readonly string[],
): Promise<Label> {
  await using file = await open(path, 'r+');
  const sha256 = await digestOf(file, known.bodyBytes);
  const label: Label = { format: 'vitalmesh-backup', version: 1, cipher: 'sqlcipher', ...known, sha256 };
  const trailer = trailerOf(label, dataKey, recipients);
  for (let done = 0; done < trailer.length; ) {
    done += (await file.write(trailer, done, trailer.length - done, known.bodyBytes + done)).bytesWritten;
  }
  await file.sync();
  return label;
}
