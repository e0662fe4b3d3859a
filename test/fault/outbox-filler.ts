// A gateway without a hub that fills its outbox over and over, as a process to be killed: `node outbox-filler.ts FOLDER FIRST BYTES`. Prints `ACK mark`
// once a record is on disk.
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { openOutboxInThread } from '../../agent/outbox/thread/thread-outbox.ts';
import { systemClock } from '../../shared/clock.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { markedRecord } from '../contract/outbox.ts';

const [folder = '', first = '1', bytes = '0'] = process.argv.slice(2);
const outbox = await openOutboxInThread({
  path: join(folder, 'outbox.db'),
  keyFile: join(folder, 'outbox.key'),
  clock: systemClock,
  log: silentLogger,
  metrics: new Metrics(),
  limits: { maxBytes: Number(bytes) },
});
for (let mark = Number(first); ; mark += 10) {
  const marks = Array.from({ length: 10 }, (_, i) => mark + i);
  await Promise.all(marks.map((each) => outbox.append([markedRecord(each)])));
  // Past all buffers of this process: what was said before a kill has been said.
  writeSync(1, marks.map((each) => `ACK ${each}\n`).join(''));
}
