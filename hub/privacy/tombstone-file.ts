import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { VitalmeshError } from '../../shared/errors.ts';
import { replaceFile } from '../../shared/storage/replace-file.ts';
import type { StoreConfig } from '../store/config.ts';
import type { Tombstone } from '../store/erasing/tombstone.ts';
import { REASON } from './reason.ts';

const hex = z.string().regex(/^(?:[0-9a-f]{2})+$/);
const fileShape = z.strictObject({
  version: z.literal(1),
  tombstones: z.array(
    z.strictObject({
      tenant: z.string(),
      secret: hex.length(64),
      mark: hex.length(64),
      at: z.int(),
      // What stands here comes legibly into the evidence.
      reason: z.string().regex(REASON),
      principal: z.string().regex(/^local:[0-9]{1,10}$/),
      others: z.array(hex.length(64)),
    }),
  ),
});

/** Where the tombstones of a store are kept besides: it outlives a store that is put back to a state of before. */
export function tombstonesOf(config: StoreConfig): string {
  return `${config.type === 'postgres' ? config.timeFile : config.path}.erased`;
}

/** The tombstones of the file; none where there is no file. Throws PATIENT-TOMBSTONES for one that cannot be read, that others can, or that no hub wrote. */
export function readTombstones(path: string): Tombstone[] {
  try {
    const text = contentOf(path);
    if (text === undefined) return [];
    const { tombstones } = fileShape.parse(JSON.parse(text));
    return tombstones.map(({ secret, mark, ...rest }) => ({ ...rest, secret: Buffer.from(secret, 'hex'), mark: Buffer.from(mark, 'hex') }));
  } catch (cause) {
    throw new VitalmeshError('PATIENT-TOMBSTONES', { cause, detail: path });
  }
}

/** Undefined where there is no file. Throws as `node:fs` does, and for one that others can read. */
function contentOf(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  }
  try {
    // Of the open file, so that it cannot be exchanged between the look and the reading.
    if (process.platform !== 'win32' && (fstatSync(fd).mode & 0o077) !== 0)
      throw new VitalmeshError('PATIENT-TOMBSTONES', { detail: path });
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

/** Replaces the file by a whole one (mode 0600) that is on disk. Throws PATIENT-TOMBSTONES. */
export function writeTombstones(path: string, tombstones: readonly Tombstone[]): void {
  const rows = tombstones.map(({ secret, mark, ...rest }) => ({ ...rest, secret: hexOf(secret), mark: hexOf(mark) }));
  try {
    replaceFile(path, `${JSON.stringify({ version: 1, tombstones: rows })}\n`);
  } catch (cause) {
    throw new VitalmeshError('PATIENT-TOMBSTONES', {
      cause,
      detail: `${path} (${(cause as NodeJS.ErrnoException).code ?? 'not writable'})`,
    });
  }
}

/** What both say, each person once: what a tombstone is known by grows until its erasure is finished. */
export function united(first: readonly Tombstone[], second: readonly Tombstone[]): Tombstone[] {
  const all = new Map<string, Tombstone>();
  for (const tombstone of [...first, ...second]) {
    const key = JSON.stringify([tombstone.tenant, hexOf(tombstone.secret), hexOf(tombstone.mark)]);
    const known = all.get(key);
    all.set(key, known ? { ...known, others: [...new Set([...known.others, ...tombstone.others])] } : tombstone);
  }
  return [...all.values()];
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
