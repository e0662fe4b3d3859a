import { asVitalmeshError, VitalmeshError } from '../../shared/errors.ts';
import { type Database, openDatabase } from '../../shared/storage/database.ts';
import { ensureKeyFile, readKeyFile } from '../../shared/storage/key-file.ts';
import { Mark } from './mark.ts';
import type { OutboxOptions } from './options.ts';
import { Places } from './places.ts';
import { placesOf, provesKey } from './places-file.ts';
import { keepReserve, releaseReserve, reserveOf } from './reserve.ts';
import { MIGRATIONS } from './schema.ts';
import { SqliteOutbox } from './sqlite-outbox.ts';
import * as sql from './statements.ts';

export type { OutboxOptions } from './options.ts';

/**
 * Opens the outbox, or makes it where there is none, and begins a new epoch. On a full disk the reserve beside it is given up for that.
 * A damaged one is set aside, and what can be read of it taken over. Rejects with STORAGE-LOCKED, -KEY-FILE, -KEY, -SCHEMA, -OPEN, -FULL, -IO.
 */
export async function openOutbox(options: OutboxOptions): Promise<SqliteOutbox> {
  ensureKeyFile(options.keyFile, options.path);
  const reserve = reserveOf(options.path);
  try {
    const outbox = open(options);
    keepReserve(reserve);
    return outbox;
  } catch (thrown) {
    if (asVitalmeshError(thrown).code !== 'STORAGE-FULL' || !releaseReserve(reserve)) throw thrown;
    return open(options);
  }
}

function open(options: OutboxOptions): SqliteOutbox {
  const database = openDatabase({
    path: options.path,
    keyFile: options.keyFile,
    migrations: MIGRATIONS,
    cacheKib: 4096,
    clock: options.clock,
    isRightKey: (key) => provesKey(placesOf(options.path), key),
    onSetAside(name, error) {
      options.metrics.count('outbox_set_aside');
      const err = new VitalmeshError('OUTBOX-SET-ASIDE', { detail: name, cause: error });
      options.log.error({ err, file: name }, 'the outbox is damaged; it was set aside, and a new one takes over');
    },
  });
  const mark = new Mark(`${options.path}.mark`);
  try {
    return new SqliteOutbox(database, mark, placesBeside(database, options), options);
  } catch (thrown) {
    mark[Symbol.dispose]();
    database.close();
    throw thrown;
  }
}

function placesBeside(database: Database, { path, keyFile, clock, log, metrics }: OutboxOptions): Places {
  const lastSeq = database.read(() => database.prepare<[], { seq: number }>(sql.LAST_SEQ).get()?.seq ?? 0);
  return new Places({ path: placesOf(path), key: readKeyFile(keyFile), clock, log, metrics, lastSeq });
}
