import type SQLite from 'better-sqlite3-multiple-ciphers';
import { VitalmeshError } from '../errors.ts';

/** One step of a schema, as SQL. Steps are applied once, in order, and never changed or removed after a release. */
export type Migration = string;

/**
 * Brings the schema to the newest step, all missing steps in one transaction; `user_version` counts the steps taken. What it changed is
 * in the file itself at once, so that one that loses its log is still a database of its kind. Throws
 * STORAGE-SCHEMA when the file has taken more steps than are known here.
 */
export function migrate(connection: SQLite.Database, migrations: readonly Migration[]): void {
  const version = connection.pragma('user_version', { simple: true }) as number;
  if (version > migrations.length) {
    throw new VitalmeshError('STORAGE-SCHEMA', { detail: `schema ${version}, this version knows ${migrations.length}` });
  }
  if (version === migrations.length) return;
  connection
    .transaction(() => {
      for (const step of migrations.slice(version)) connection.exec(step);
      connection.pragma(`user_version = ${migrations.length}`);
    })
    .immediate();
  connection.pragma('wal_checkpoint(TRUNCATE)');
}
