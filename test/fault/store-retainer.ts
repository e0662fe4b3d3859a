// A hub's store that is filled while its retention runs, as a process to be killed: `node store-retainer.ts FOLDER FIRST`. Prints `STORED number`
// once a batch is on disk, and `REMOVED rows` once some went.
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { openSqliteStore } from '../../hub/store/sqlite.ts';
import { Metrics } from '../../shared/metrics.ts';
import { numberedBatch, orderAt } from '../support/retained-store.ts';

const [folder = '', first = '0'] = process.argv.slice(2);
const store = openSqliteStore({ path: join(folder, 'hub.db'), keyFile: join(folder, 'hub.key'), metrics: new Metrics() });
for (let number = Number(first); ; number += 1) {
  // Past all buffers of this process: what was said before a kill has been said.
  const storing = store.storeBatch(numberedBatch(number)).then(() => writeSync(1, `STORED ${number}\n`));
  for (let more = true; more; ) {
    const step = await store.retain(orderAt(number));
    writeSync(1, `REMOVED ${Object.values(step.removed).reduce((sum, rows) => sum + rows, 0)}\n`);
    more = step.more;
  }
  await storing;
}
