// A gateway under load, as a process to be killed: `node outbox-gateway.ts FOLDER FIRST COUNT [BALLAST]`. Appends records marked FIRST, FIRST + 1, ...
// in turns of changing size and completes some, until COUNT were stored. Prints, once it is so: `ACK seq epoch mark` for what a device
// would have been acknowledged, `DONE seq` for what was completed, `ERR code` for a turn that could not be stored (it is tried again). At the
// third such turn it removes the file BALLAST; after 200 it gives up with exit code 1.
import { rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openOutboxInThread } from '../../agent/outbox/thread/thread-outbox.ts';
import { systemClock } from '../../shared/clock.ts';
import { asVitalmeshError } from '../../shared/errors.ts';
import { pause } from '../../shared/lifecycle.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { markedRecord } from '../contract/outbox.ts';

const [folder = '', first = '1', count = '1', ballast] = process.argv.slice(2);
const outbox = await openOutboxInThread({
  path: join(folder, 'outbox.db'),
  keyFile: join(folder, 'outbox.key'),
  clock: systemClock,
  log: silentLogger,
  metrics: new Metrics(),
});

/** Past all buffers of this process: what was said before a kill has been said. */
const say = (lines: readonly string[]): void => void writeSync(1, lines.map((line) => `${line}\n`).join(''));

let errors = 0;
let mark = Number(first);
const end = mark + Number(count);
while (mark < end) {
  const marks = Array.from({ length: 1 + (mark % 5) }, (_, i) => mark + i);
  try {
    const keys = await Promise.all(marks.map((each) => outbox.append([markedRecord(each)])));
    say(keys.flat().map((key, i) => `ACK ${key.seq} ${key.epoch} ${marks[i]}`));
    mark += marks.length;
    const sent = await outbox.pending(0, 2);
    await outbox.complete(sent);
    say(sent.map((row) => `DONE ${row.seq}`));
  } catch (error) {
    say([`ERR ${asVitalmeshError(error).code}`]);
    errors += 1;
    if (errors === 3 && ballast !== undefined) rmSync(ballast);
    if (errors > 200) process.exit(1);
    await pause(100);
  }
}
await outbox[Symbol.asyncDispose]();
