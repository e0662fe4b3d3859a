// A hub's store that is filled with evidence while its retention runs, as a process to be killed: `node evidence-retainer.ts FOLDER FIRST`. Prints `RECORDED
// day` once the evidence of a day is on disk, and `REMOVED entries` once some went.
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { openSqliteStore } from '../../hub/store/sqlite.ts';
import { Metrics } from '../../shared/metrics.ts';
import { dayOf, NUMBERED_POLICY, numberedEvents, orderOf, sign } from '../support/retained-evidence.ts';

const [folder = '', first = '0'] = process.argv.slice(2);
const store = openSqliteStore({ path: join(folder, 'hub.db'), keyFile: join(folder, 'hub.key'), metrics: new Metrics() });
for (let day = Number(first); ; day += 1) {
  // Past all buffers of this process: what was said before a kill has been said.
  const recording = store.record(numberedEvents(day)).then(() => writeSync(1, `RECORDED ${day}\n`));
  if (day % 5 === 0) await recording.then(() => sign(store));
  for (let more = true; more; ) {
    const step = await store.retainEvidence(orderOf(store, NUMBERED_POLICY, dayOf(day)));
    writeSync(1, `REMOVED ${Object.values(step.removed).reduce((sum, count) => sum + count, 0)}\n`);
    more = step.more;
  }
  await recording;
}
