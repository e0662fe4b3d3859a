import SQLite from 'better-sqlite3-multiple-ciphers';

/**
 * Imported before a store is opened: the log is moved into the file and begun anew after so many pages instead of SQLite's 1000, so that a
 * small workload passes through many checkpoints. `careless`: commits are no longer synced, behind the back of the code that checks it; what
 * finds power cuts that cost something must find some then. Nothing else is changed.
 */
export function checkpointAfter(pages: number, careless: boolean): void {
  const { pragma } = SQLite.prototype;
  SQLite.prototype.pragma = function (source, options) {
    const result = pragma.call(this, source, options);
    if (source === 'journal_mode = WAL') pragma.call(this, `wal_autocheckpoint = ${pages}`);
    if (source === 'synchronous' && careless) pragma.call(this, 'synchronous = NORMAL');
    return result;
  };
}
