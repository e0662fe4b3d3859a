// A hub's store in which rows are moved from one patient to another, as a process to be killed: `node store-reassigner.ts FOLDER`. Goes on with what is due. Prints a line
// a step, and `DONE` at the end.
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { openSqliteStore } from '../../hub/store/sqlite.ts';
import { Metrics } from '../../shared/metrics.ts';
import { event } from '../contract/store.ts';
import { TEST_NOW } from '../support/hub.ts';

const [folder = ''] = process.argv.slice(2);
const store = openSqliteStore({ path: join(folder, 'hub.db'), keyFile: join(folder, 'hub.key'), metrics: new Metrics() });
// Past all buffers of this process: what was said before a kill has been said.
writeSync(1, 'BEGUN\n');
for (let more = true; more; ) {
  ({ more } = await store.placing.reassign(TEST_NOW, ({ done }) => done.map(({ moved, is }) => event(moved, { patient: is }))));
  writeSync(1, 'STEP\n');
}
writeSync(1, 'DONE\n');
await store[Symbol.asyncDispose]();
