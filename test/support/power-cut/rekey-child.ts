// A file whose key is changed again and again, to be recorded: `node rekey-child.ts FOLDER CHANGES PAGES [careless]` (see small-log.ts). Between the
// changes it is written to, and each time it is said what was stored.
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../../../shared/storage/database.ts';
import { ensureKeyFile } from '../../../shared/storage/key-file.ts';
import { rekeyFile } from '../../../shared/storage/rekey.ts';
import { addItem, ITEM_MIGRATIONS } from './rekey-judge.ts';
import { checkpointAfter } from './small-log.ts';

const [folder = '', changes = '1', pages = '1000', careless] = process.argv.slice(2);
checkpointAfter(Number(pages), careless !== undefined);
const [path, keyFile] = [join(folder, 'var/lib', 'items.db'), join(folder, 'etc', 'items.key')];
ensureKeyFile(keyFile, path);
let number = 0;

for (let change = 0; change <= Number(changes); change += 1) {
  {
    using database = openDatabase({ path, keyFile, migrations: ITEM_MIGRATIONS });
    for (let i = 0; i < 6; i += 1) {
      addItem(database, number);
      writeSync(1, `STORED ${number}\n`);
      number += 1;
    }
  }
  if (change < Number(changes)) rekeyFile({ path, keyFile });
  writeSync(1, `CHANGED ${change}\n`);
}
