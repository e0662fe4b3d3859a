import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hospitalStaysOf } from '../../../hub/patients/stays/hospital-stays.ts';
import { verifies } from '../../requirements.ts';
import { FOLLOWING_REGISTRY, idOf, measure, minute, tell } from '../../support/following.ts';
import { TestClock, testHub } from '../../support/hub.ts';

const READER = { id: 'ai-monitor', tenant: 'clinic', kind: 'software', role: 'monitor', patients: 'all' } as const;
const CONTEXT = { channel: 'mcp-2026' } as const;

test('of whoever is here again nothing of a former stay is current, however new, and each row says so', async () => {
  verifies('FORMER-STAY');
  const clock = new TestClock(minute(0));
  await using h = testHub({ clock, registry: FOLLOWING_REGISTRY });
  await tell(h, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01', visit: 'v' });
  await measure(h, 1, -30, { vital: 'weight', value: 121 });
  const ann = await idOf(h, 'ann');
  const shown = async () => {
    const { vitals, admitted = null } = await h.door.latest(READER, ann, CONTEXT);
    return { admitted, rows: vitals.map(({ value, lastKnown, formerStay = false }) => [value, lastKnown?.value ?? null, formerStay]) };
  };
  assert.deepEqual(await shown(), { admitted: null, rows: [[121, null, false]] });
  await tell(h, 2, -20, 'A02', { who: 'ann', bed: '', priorBed: 'ICU-01', visit: 'v' });
  await tell(h, 3, -15, 'A02', { who: 'ann', bed: 'ICU-02', visit: 'v' });
  assert.deepEqual(await shown(), { admitted: null, rows: [[121, null, false]] }, 'in no bed for a while, and of the same stay');
  await tell(h, 4, -10, 'A03', { who: 'ann', bed: 'ICU-02', visit: 'v' });
  await tell(h, 5, -5, 'A01', { who: 'ann', bed: 'ICU-03', visit: 'w' });
  const view = await h.door.latest(READER, ann, CONTEXT);
  assert.equal(Date.parse(view.admitted ?? ''), minute(-5));
  assert.deepEqual((await shown()).rows, [[null, 121, true]]);
  await measure(h, 2, -2, { vital: 'weight', value: 131, bed: 'ICU-03' });
  assert.deepEqual((await shown()).rows, [[131, null, false]]);
  const { stays } = await h.door.trend(READER, ann, { vital: 'weight', from: minute(-120), to: minute(0), points: 4 }, CONTEXT);
  assert.deepEqual(
    stays?.map(({ from, to }) => [Date.parse(from), to === null ? null : Date.parse(to)]),
    [
      [minute(-60), minute(-10)],
      [minute(-5), null],
    ],
  );
  const later = await h.door.trend(READER, ann, { vital: 'weight', from: minute(-4), to: minute(0), points: 4 }, CONTEXT);
  assert.equal(later.stays?.length, 1, 'only what the buckets reach');
  await tell(h, 6, -10, 'A13', { who: 'ann', bed: 'ICU-02', visit: 'v' });
  assert.equal((await h.door.latest(READER, ann, CONTEXT)).admitted, undefined, 'she was never discharged');
});

test('a discharge ends a stay, and nothing else does', () => {
  verifies('FORMER-STAY');
  const stay = (from: number, to: number | null, left?: true) => ({ bed: `B${from}`, from, to, sure: true, ...(left && { left }) });
  const cases: [string, ReturnType<typeof stay>[], [number, number | null][]][] = [
    ['bed after bed', [stay(10, 20), stay(0, 10), stay(20, null)], [[0, null]]],
    ['without a bed for a while', [stay(0, 10), stay(30, null)], [[0, null]]],
    [
      'discharged and here again',
      [stay(0, 10, true), stay(30, null)],
      [
        [0, 10],
        [30, null],
      ],
    ],
    ['in two beds, of which one was left', [stay(0, 10, true), stay(5, 20)], [[0, 20]]],
    ['gone', [stay(0, 10), stay(10, 20, true)], [[0, 20]]],
  ];
  for (const [name, stays, found] of cases)
    assert.deepEqual(
      hospitalStaysOf(stays).map(({ from, to }) => [from, to]),
      found,
      name,
    );
});
