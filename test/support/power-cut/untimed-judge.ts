import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OutboxRow } from '../../../agent/outbox/outbox.ts';
import { openOutbox } from '../../../agent/outbox/sqlite.ts';
import { systemClock } from '../../../shared/clock.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import type { ClockRun, KnownTime } from '../../../shared/time/clock-run.ts';
import { markedRecord, markOf } from '../../contract/outbox.ts';

const FLOOR = markedRecord(0).receivedAt;
const ORIGIN = FLOOR + 1000 * 24 * 3_600_000;
/** So long after the start of the machine each life begins to count from the floor. */
const LIFE_MS = 10_000;

/** What stamps the records of a life: `markedRecord(n)` comes n ms after it began to count. */
export function runOf(life: number): ClockRun {
  return { boot: 'before the cut', origin: FLOOR - (1 + life) * LIFE_MS, from: FLOOR, held: true };
}

export const KNOWN: KnownTime = {
  boot: 'before the cut',
  origin: ORIGIN,
  sinceBootMs: 100 * LIFE_MS,
  sure: true,
  settled: true,
  wasPlausible: false,
};

/** When a record truly came. */
function truly(mark: number, life: number): number {
  return ORIGIN + (1 + life) * LIFE_MS + mark;
}

/** Everything acknowledged is there; what was handed out is as it was; the rest waits, has its true time, or is of nobody knows when. */
export async function judgeUntimed(folder: string, said: readonly string[]): Promise<void> {
  const acknowledged = new Map<number, number>();
  const sent = new Map<number, number>();
  for (const line of said) {
    const [what, mark, value] = line.split(' ');
    (what === 'ACK' ? acknowledged : sent).set(Number(mark), Number(value));
  }
  writeFileSync(join(folder, 'outbox.db.reserve'), '');
  await using outbox = await openOutbox({
    path: join(folder, 'outbox.db'),
    keyFile: join(folder, 'outbox.key'),
    clock: systemClock,
    log: silentLogger,
    metrics: new Metrics(),
  });
  const check = (row: OutboxRow, life: number): void => {
    const mark = markOf(row.record);
    const flags = row.record.readings[0]?.flags?.join();
    if (sent.has(mark))
      assert.deepEqual([row.receivedAt, flags], [sent.get(mark), undefined], `row ${mark} was handed out and has changed`);
    if (flags === undefined) assert.equal(row.receivedAt, truly(mark, life), `row ${mark} is handed out with a wrong time`);
    else assert.equal(flags, 'clock,memory,not-earlier');
  };
  const rows = (): Promise<OutboxRow[]> => outbox.pending(0, 10_000);
  for (const row of await rows()) check(row, acknowledged.get(markOf(row.record)) ?? lifeOf(row));
  // The power cut ended that start of the machine.
  await outbox.timeKnown({ ...KNOWN, boot: 'after the cut', origin: ORIGIN + 1000 * LIFE_MS });
  const found = new Map((await rows()).map((row) => [markOf(row.record), row]));
  for (const [mark, life] of acknowledged) {
    const row = found.get(mark);
    assert.ok(row, `row ${mark} was acknowledged and is missing`);
    check(row, life);
  }
  assert.equal((await outbox.status()).untimed, 0);
}

/** Of a row that nobody was told of: by its time, if that is true of any life. */
function lifeOf({ record, receivedAt }: OutboxRow): number {
  return [0, 1, 2].find((life) => truly(markOf(record), life) === receivedAt) ?? -1;
}
