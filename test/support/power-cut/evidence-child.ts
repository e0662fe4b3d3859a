// The hub's store while its evidence is removed, to be recorded: `node evidence-child.ts FOLDER DAYS PAGES [careless]` (see small-log.ts).
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { openSqliteStore } from '../../../hub/store/sqlite.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { ensureKeyFile } from '../../../shared/storage/key-file.ts';
import { dayOf, NUMBERED_POLICY, numberedEvents, retainAll, sign } from '../retained-evidence.ts';
import { checkpointAfter } from './small-log.ts';

const [folder = '', days = '1', pages = '1000', careless] = process.argv.slice(2);
checkpointAfter(Number(pages), careless !== undefined);
const [path, keyFile] = [join(folder, 'var/lib', 'hub.db'), join(folder, 'etc', 'hub.key')];
ensureKeyFile(keyFile, path);
const store = openSqliteStore({ path, keyFile, metrics: new Metrics() });
for (let day = 0; day < Number(days); day += 1) {
  await store.record(numberedEvents(day));
  writeSync(1, `RECORDED ${day}\n`);
  if (day === 0) await sign(store);
  if (day < 12 || day % 4 !== 3) continue;
  await retainAll(store, NUMBERED_POLICY, dayOf(day));
  writeSync(1, `RETAINED ${day}\n`);
}
await store[Symbol.asyncDispose]();
