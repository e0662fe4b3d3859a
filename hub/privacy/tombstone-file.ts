import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, renameSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import type { Instant } from '../../shared/clock.ts';
import { asVitalmeshError, VitalmeshError } from '../../shared/errors.ts';
import { syncFolder } from '../../shared/storage/key-file.ts';
import { replaceFile } from '../../shared/storage/replace-file.ts';
import type { StoreConfig } from '../store/config.ts';
import type { Tombstone } from '../store/erasing/tombstone.ts';
import { REASON } from './reason.ts';

const hex = z.string().regex(/^(?:[0-9a-f]{2})+$/);
const rows = z.array(
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
);
const generation = z.int().min(0);
const fileShape = z.discriminatedUnion('version', [
  // Of before lists were authenticated.
  z.strictObject({ version: z.literal(1), tombstones: rows }),
  z.strictObject({ version: z.literal(2), generation, tombstones: rows, mac: hex.length(64) }),
]);
const keyShape = z.strictObject({ version: z.literal(1), key: hex.length(64), generation });
type Rows = z.infer<typeof rows>;
type ListKey = z.infer<typeof keyShape>;

/** Where the tombstones of a store are kept besides: it outlives a store that is put back to a state of before. */
export function tombstonesOf(config: StoreConfig): string {
  return `${config.type === 'postgres' ? config.timeFile : config.path}.erased`;
}

/**
 * Where the key of the list is kept, and how often the list was written. Not the key of the data, which is another after each `rekey` and restore, and which a hub has none of
 * for a server. Whoever has the list alone can neither add nor drop a row unseen, nor put back one of before.
 */
export function keyOfTombstones(path: string): string {
  return `${path}.key`;
}

/**
 * The tombstones of the list; none where there is none. Throws PATIENT-TOMBSTONES for one that cannot be read, that others can, or that no hub wrote, and
 * PATIENT-TOMBSTONES-ALTERED for one that is not as the hub last wrote it.
 */
export function readTombstones(path: string): Tombstone[] {
  return (listOf(path)?.tombstones ?? []).map(({ secret, mark, ...rest }) => ({
    ...rest,
    secret: Buffer.from(secret, 'hex'),
    mark: Buffer.from(mark, 'hex'),
  }));
}

/** Why the list cannot be followed; undefined where it can. */
export function faultOf(path: string): VitalmeshError | undefined {
  try {
    readTombstones(path);
    return undefined;
  } catch (thrown) {
    return asVitalmeshError(thrown);
  }
}

/** Replaces the list by a whole one (mode 0600) that is on disk. Throws as `readTombstones` does, for the one that is there. */
export function writeTombstones(path: string, tombstones: readonly Tombstone[]): void {
  listOf(path);
  const held = keyFile(path);
  const known = held ?? { version: 1 as const, key: randomBytes(32).toString('hex'), generation: 0 };
  const next = known.generation + 1;
  const all = tombstones.map(({ tenant, secret, mark, at, reason, principal, others }) => {
    return { tenant, secret: hexOf(secret), mark: hexOf(mark), at, reason, principal, others: [...others] };
  });
  // First the key, then the list, then how far the list is: a list that is one further was cut off behind its writing.
  if (held === undefined) written(keyOfTombstones(path), known);
  written(path, { version: 2, generation: next, tombstones: all, mac: macOf(known.key, next, all) });
  written(keyOfTombstones(path), { ...known, generation: next });
}

/** Moves list and key aside, so that the next writing begins new ones; gives the name that the list has then, undefined where there was none. Throws PATIENT-TOMBSTONES. */
export function setAside(path: string, at: Instant): string | undefined {
  const aside = `${path}.aside-${at}`;
  try {
    const isThere = existsSync(path);
    if (isThere) renameSync(path, aside);
    if (existsSync(keyOfTombstones(path))) renameSync(keyOfTombstones(path), keyOfTombstones(aside));
    syncFolder(dirname(resolve(path)));
    return isThere ? aside : undefined;
  } catch (cause) {
    throw refused(path, cause);
  }
}

function listOf(path: string): { tombstones: Rows } | undefined {
  const [list, key] = [parsed(path, fileShape), keyFile(path)];
  const altered = (why: string): VitalmeshError => new VitalmeshError('PATIENT-TOMBSTONES-ALTERED', { detail: `${path} (${why})` });
  if (list === undefined) {
    if (key !== undefined && key.generation > 0) throw altered('it is gone, and its key is there');
    return undefined;
  }
  if (list.version === 1) {
    if (key !== undefined && key.generation > 0) throw altered('an old form, without authentication');
    return list;
  }
  if (key === undefined) throw altered(`its key is gone: ${keyOfTombstones(path)}`);
  const mac = Buffer.from(macOf(key.key, list.generation, list.tombstones), 'hex');
  if (!timingSafeEqual(mac, Buffer.from(list.mac, 'hex'))) throw altered('its authentication does not fit');
  if (list.generation < key.generation) throw altered('one of before was put in its place');
  return list;
}

function macOf(key: string, of: number, tombstones: Rows): string {
  return createHmac('sha256', Buffer.from(key, 'hex'))
    .update(JSON.stringify(['vitalmesh-tombstones-2', of, tombstones]))
    .digest('hex');
}

function keyFile(path: string): ListKey | undefined {
  return parsed(keyOfTombstones(path), keyShape);
}

function parsed<T>(path: string, shape: z.ZodType<T>): T | undefined {
  try {
    const text = contentOf(path);
    return text === undefined ? undefined : shape.parse(JSON.parse(text));
  } catch (cause) {
    throw refused(path, cause);
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

function written(path: string, content: object): void {
  try {
    replaceFile(path, `${JSON.stringify(content)}\n`);
  } catch (cause) {
    throw refused(path, cause);
  }
}

function refused(path: string, cause: unknown): VitalmeshError {
  if (cause instanceof VitalmeshError) return cause;
  const code = (cause as NodeJS.ErrnoException).code;
  return new VitalmeshError('PATIENT-TOMBSTONES', { cause, detail: typeof code === 'string' ? `${path} (${code})` : path });
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
