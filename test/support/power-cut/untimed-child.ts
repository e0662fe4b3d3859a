// An outbox whose rows wait for the time, to be recorded: `node untimed-child.ts FOLDER TURNS PAGES` (see small-log.ts). In three lives within one
// start of the machine it appends, comes to know the time and hands out, and says each time what was promised.
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { openOutboxInThread } from '../../../agent/outbox/thread/thread-outbox.ts';
import { systemClock } from '../../../shared/clock.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { markedRecord, markOf } from '../../contract/outbox.ts';
import { KNOWN, runOf } from './untimed-judge.ts';

const [folder = '', turns = '1', pages = '1000'] = process.argv.slice(2);
process.env.POWER_CUT_PAGES = pages;
const say = (...lines: string[]): void => void writeSync(1, lines.map((line) => `${line}\n`).join(''));
let mark = 0;

for (let life = 0; life < 3; life += 1) {
  const options = {
    path: join(folder, 'outbox.db'),
    keyFile: join(folder, 'outbox.key'),
    clock: systemClock,
    log: silentLogger,
    metrics: new Metrics(),
  };
  const outbox = await openOutboxInThread(options, new URL('outbox-thread.ts', import.meta.url));
  for (let turn = 0; turn < Number(turns); turn += 1) {
    const marks = Array.from({ length: 40 }, () => ++mark);
    await outbox.append(
      marks.map((one) => markedRecord(one)),
      { run: runOf(life) },
    );
    say(...marks.map((one) => `ACK ${one} ${life}`));
  }
  if (life > 0) await outbox.timeKnown(KNOWN);
  const rows = await outbox.pending(0, 1000);
  say(...rows.map(({ record, receivedAt }) => `SENT ${markOf(record)} ${receivedAt}`));
  await outbox[Symbol.asyncDispose]();
}
