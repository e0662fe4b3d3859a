import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SQLite from 'better-sqlite3-multiple-ciphers';

/** In memory where there is such a place: folders are copied and opened by the thousand, and a power cut is not what is tried. */
const PLACE = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A folder whose files can be left at any moment as the death of their process would leave them. */
export class CrashFolder implements Disposable {
  path = mkdtempSync(join(PLACE, 'vitalmesh-crash-'));
  readonly #left: string[] = [];

  /**
   * From here on `path` is a copy of the files as they are now: all that was written, nothing that was not. Whoever has the files open
   * goes on with the old ones, and nothing that it still does counts.
   */
  crash(): void {
    const next = mkdtempSync(join(PLACE, 'vitalmesh-crash-'));
    cpSync(this.path, next, { recursive: true });
    this.#left.push(this.path);
    this.path = next;
  }

  [Symbol.dispose](): void {
    for (const path of [...this.#left, this.path]) rmSync(path, { recursive: true, force: true });
  }
}

const connections = new Map<string, SQLite.Database>();
const { pragma } = SQLite.prototype;
SQLite.prototype.pragma = function (source, options) {
  if (source === 'journal_mode = WAL') connections.set(this.name, this);
  return pragma.call(this, source, options);
};
/** SQLite's own limit of pages (sqlite.org/limits.html, 15). */
const NO_LIMIT = 4_294_967_294;

/**
 * Gives the file of this path no page more than it has, or as many as it likes: what does not fit into free pages fails with SQLITE_FULL, as
 * on a full disk. Only for files that were opened after this module was imported; a file opened anew is unlimited.
 */
export function setFull(path: string, full: boolean): void {
  const connection = connections.get(path);
  if (!connection?.open) throw new Error(`${path} is not open`);
  const pages = full ? pragma.call(connection, 'page_count', { simple: true }) : NO_LIMIT;
  pragma.call(connection, `max_page_count = ${pages}`);
}
