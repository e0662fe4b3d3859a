// A hub's store in which a person is erased, as a process to be killed: `node store-eraser.ts FOLDER PATIENT STEPS`. Begins the erasure, or goes on with one that was cut
// off, and says `BEGUN`. Does so many steps of it, and says `DONE` once there are no more; otherwise it waits to be killed, so that on no machine it gets to the end at once.
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { openSqliteStore } from '../../hub/store/sqlite.ts';
import { asVitalmeshError } from '../../shared/errors.ts';
import { pause } from '../../shared/lifecycle.ts';
import { Metrics } from '../../shared/metrics.ts';
import { erasureEvent } from '../contract/store-erasing.ts';
import { TEST_NOW } from '../support/hub.ts';

const [folder = '', patient = '', steps = '1'] = process.argv.slice(2);
const store = openSqliteStore({ path: join(folder, 'hub.db'), keyFile: join(folder, 'hub.key'), metrics: new Metrics() });
const order = { tenant: 'clinic', patient, reason: 'DSR-7', principal: 'local:0', at: TEST_NOW, evidence: () => erasureEvent(patient) };
try {
  await store.erasing.beginErasure(order);
} catch (thrown) {
  // It was finished by the process before, whose last line was not heard.
  if (asVitalmeshError(thrown).code !== 'PATIENT-ERASED') throw thrown;
}
// Past all buffers of this process: what was said before a kill has been said.
writeSync(1, 'BEGUN\n');
let more = true;
for (let step = 0; more && step < Number(steps); step += 1) ({ more } = await store.erasing.eraseSome(() => erasureEvent(patient)));
while (more) await pause(60_000);
writeSync(1, 'DONE\n');
await store[Symbol.asyncDispose]();
