import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../../requirements.ts';
import { alarms } from './homes-month/alarms.ts';
import { amended } from './homes-month/amended.ts';
import { calm } from './homes-month/calm.ts';
import { clockless } from './homes-month/clockless.ts';
import { clocks } from './homes-month/clocks.ts';
import { corrected } from './homes-month/corrected.ts';
import { household } from './homes-month/household.ts';
import { Month } from './homes-month/month.ts';
import { reckoned } from './homes-month/reckoned.ts';
import { reissued } from './homes-month/reissued.ts';
import { silence } from './homes-month/silence.ts';
import { berlin } from './homes-month/times.ts';

const CHAPTERS = { calm, silence, clocks, alarms, corrected, amended, clockless, reissued, reckoned, household };

test('a month of 50 homes: at every step a reader is told what was written down by hand', { timeout: 300_000 }, async () => {
  verifies('HOMES-MONTH');
  await using month = await Month.begin(berlin('01 00:00'));
  // Switched on before the first morning.
  for (const gateway of month.rows.keys()) await month.gateway(gateway);
  const steps = Object.entries(CHAPTERS).flatMap(([chapter, all]) => all.map((step) => ({ ...step, chapter })));
  const wrong: string[] = [];
  for (const { at, run, chapter } of steps.toSorted((a, b) => a.at - b.at)) {
    month.until(at);
    const different = await run(month);
    if (Array.isArray(different)) for (const one of different) wrong.push(`${new Date(at).toISOString()} ${chapter}: ${one}`);
  }
  assert.deepEqual(wrong, []);
});
