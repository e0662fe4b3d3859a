// An outbox at work, to be recorded: `node outbox-child.ts FOLDER TURNS PAGES [careless]` (see small-log.ts). In three lives it appends, completes, sets aside and takes
// new keys, and says each time what a device, or the hub, would have been promised.
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { openOutboxInThread } from '../../../agent/outbox/thread/thread-outbox.ts';
import { systemClock } from '../../../shared/clock.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { markedRecord } from '../../contract/outbox.ts';
import { messageOf } from './outbox-judge.ts';

const [folder = '', turns = '1', pages = '1000', careless] = process.argv.slice(2);
process.env.POWER_CUT_PAGES = pages;
if (careless !== undefined) process.env.POWER_CUT_CARELESS = careless;
const say = (...lines: string[]): void => void writeSync(1, lines.map((line) => `${line}\n`).join(''));
let mark = 0;

for (let life = 0; life < 3; life += 1) {
  const options = {
    // Below folders that are not there yet, as at a first start.
    path: join(folder, 'var/lib', 'outbox.db'),
    keyFile: join(folder, 'etc', 'outbox.key'),
    clock: systemClock,
    log: silentLogger,
    metrics: new Metrics(),
    keepDeliveredRows: 50,
  };
  const outbox = await openOutboxInThread(options, new URL('outbox-thread.ts', import.meta.url));
  say(`EPOCH ${outbox.epoch}`);
  for (let turn = 0; turn < Number(turns); turn += 1) {
    const first = mark;
    mark += 1 + (turn % 4);
    const appended = Array.from({ length: mark - first }, (_, i) => outbox.append([markedRecord(first + i)]));
    const [told, ...rest] = await Promise.all([
      outbox.appendMessage([markedRecord(1_000_000 + first), markedRecord(2_000_000 + first)], messageOf(first)),
      ...appended,
    ]);
    say(
      ...told.keys.map(({ seq, epoch }, i) => `ACK ${seq} ${epoch} ${(i + 1) * 1_000_000 + first}`),
      `MESSAGE ${first}`,
      ...rest.flat().map(({ seq, epoch }, i) => `ACK ${seq} ${epoch} ${first + i}`),
    );
    const [aside, ...sent] = await outbox.pending(0, 4);
    await outbox.complete(sent);
    say(...sent.map(({ seq, epoch }) => `DONE ${seq} ${epoch}`));
    if (turn % 4 === 1 && aside) {
      await outbox.quarantine([aside], 'UPLINK-KEY-REUSED');
      say(`ASIDE ${aside.seq}`);
    }
    if (turn % 5 === 2) {
      await outbox.quarantineBytes('line', 'HL7-SEGMENT', `part-${life}-${turn}`, Buffer.alloc(6000, turn));
      say(`PART part-${life}-${turn}`);
    }
    if (turn % 6 === 3) say(`REKEYED ${await outbox.rekey()}`);
  }
  await outbox[Symbol.asyncDispose]();
}
