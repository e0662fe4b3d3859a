import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefusalLog } from '../../../agent/uplink/refusal-log.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { type Logger, silentLogger } from '../../../shared/log.ts';
import { verifies } from '../../requirements.ts';

test('rows that cannot be sent are told once a minute and code too, apart from those that the hub refuses', () => {
  verifies('LOG-BOUNDED');
  let nowMs = 0;
  const told: { rows: number }[] = [];
  const tell = (fields: { rows: number }): void => void told.push(fields);
  const refusals = new RefusalLog({ ...silentLogger, warn: tell, error: tell } as unknown as Logger, { monotonicMs: () => nowMs });
  const err = new VitalmeshError('DECODE-UNIT');
  for (; nowMs < 60_000; nowMs += 1000) refusals.unsendable(err, 64);
  refusals.note('DECODE-UNIT', 1);
  refusals.unsendable(err, 64);
  assert.deepEqual(told, [
    { err, rows: 64 },
    { code: 'DECODE-UNIT', rows: 1 },
    { err, rows: 60 * 64 },
  ]);
});

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
