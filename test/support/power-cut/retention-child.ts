// The hub's store while its retention runs, to be recorded: `node retention-child.ts FOLDER BATCHES PAGES [careless]` (see small-log.ts).
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { openSqliteStore } from '../../../hub/store/sqlite.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { ensureKeyFile } from '../../../shared/storage/key-file.ts';
import { numberedBatch, orderAt } from '../retained-store.ts';
import { checkpointAfter } from './small-log.ts';

const [folder = '', batches = '1', pages = '1000', careless] = process.argv.slice(2);
checkpointAfter(Number(pages), careless !== undefined);
const [path, keyFile] = [join(folder, 'var/lib', 'hub.db'), join(folder, 'etc', 'hub.key')];
ensureKeyFile(keyFile, path);
const store = openSqliteStore({ path, keyFile, metrics: new Metrics() });
for (let number = 0; number < Number(batches); number += 1) {
  await store.storeBatch(numberedBatch(number));
  writeSync(1, `STORED ${number}\n`);
  if (number % 4 !== 3) continue;
  while ((await store.retain(orderAt(number))).more);
  writeSync(1, `RETAINED ${number}\n`);
}
await store[Symbol.asyncDispose]();
