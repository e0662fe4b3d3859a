import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, openDatabase } from '../../../shared/storage/database.ts';
import { ensureKeyFile } from '../../../shared/storage/key-file.ts';

export const ITEM_MIGRATIONS = ['CREATE TABLE item (number INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT'];

export function addItem(database: Database, number: number): void {
  database.write(() => database.prepare<[number, Buffer]>('INSERT INTO item VALUES (?, ?)').run(number, Buffer.alloc(1500, number)));
}

/** The file opens with the keys that are there, everything stored is in it once and whole, it works, and nothing is left of a change. */
export async function judgeRekeyed(folder: string, said: readonly string[]): Promise<void> {
  const [path, keyFile] = [join(folder, 'var/lib', 'items.db'), join(folder, 'etc', 'items.key')];
  const stored = said.filter((line) => line.startsWith('STORED ')).length;
  ensureKeyFile(keyFile, path);
  for (let opening = 0; opening < 2; opening += 1) {
    using database = openDatabase({ path, keyFile, migrations: ITEM_MIGRATIONS });
    const rows = database.read(() => database.prepare<[], { number: number; content: Buffer }>('SELECT * FROM item ORDER BY number').all());
    assert.ok(rows.length >= stored, `${rows.length} of ${stored} are there`);
    for (const [i, { number, content }] of rows.entries()) assert.ok(number === i && content.equals(Buffer.alloc(1500, i)), `item ${i}`);
    assert.deepEqual(
      database.read(() => database.prepare('PRAGMA integrity_check').all()),
      [{ integrity_check: 'ok' }],
    );
    addItem(database, rows.length);
  }
  for (const left of [`${path}.next`, `${keyFile}.next`]) assert.ok(!existsSync(left), `${left} is left`);
}
