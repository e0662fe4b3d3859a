import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefusalLog } from '../../../agent/uplink/refusal-log.ts';
import type { Logger } from '../../../shared/log.ts';
import { silentLogger } from '../../../shared/log.ts';

test('rows that the hub refuses are told once a minute and code, with how many there were', () => {
  let nowMs = 0;
  const told: unknown[] = [];
  const log = { ...silentLogger, warn: (fields: unknown) => void told.push(fields) } as unknown as Logger;
  const refusals = new RefusalLog(log, { monotonicMs: () => nowMs });
  for (; nowMs < 59_999; nowMs += 500) refusals.note('INGEST-NOT-BOUND', 2);
  refusals.note('INGEST-INVALID', 1);
  assert.deepEqual(told, [
    { code: 'INGEST-NOT-BOUND', rows: 2 },
    { code: 'INGEST-INVALID', rows: 1 },
  ]);
  nowMs = 60_000;
  refusals.note('INGEST-NOT-BOUND', 3);
  assert.deepEqual(told[2], { code: 'INGEST-NOT-BOUND', rows: 119 * 2 + 3 });
});
