import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BELIEVED_MS, isTooOld, movementTimeOf } from '../../../hub/patients/movement-time.ts';
import { verifies } from '../../requirements.ts';

const NOW = Date.UTC(2026, 10, 22, 12);
const [MIN, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];

const CASES: { name: string; effective: number; receivedAt?: number; sentAt?: number | null; counts: number }[] = [
  { name: 'now', effective: NOW, counts: NOW },
  { name: 'an hour late', effective: NOW - HOUR, counts: NOW - HOUR },
  { name: 'a day late', effective: NOW - DAY, counts: NOW - DAY },
  { name: 'two days late to the millisecond', effective: NOW - BELIEVED_MS, counts: NOW - BELIEVED_MS },
  { name: 'later than that', effective: NOW - BELIEVED_MS - 1, counts: NOW },
  { name: 'by a clock that is nine years behind', effective: NOW - 9 * 365 * DAY, counts: NOW },
  { name: 'by a clock that is nine years ahead', effective: NOW + 9 * 365 * DAY, counts: NOW },
  { name: 'by a clock that is an hour ahead', effective: NOW + HOUR, counts: NOW },
  { name: 'by a clock that was never set', effective: 0, counts: NOW },
  { name: 'after it waited a week with its gateway', effective: NOW - 7 * DAY, receivedAt: NOW - 7 * DAY, counts: NOW - 7 * DAY },
  { name: 'told too late a week ago', effective: NOW - 20 * DAY, receivedAt: NOW - 7 * DAY, counts: NOW - 7 * DAY },
  { name: 'by a gateway that is five hours behind', effective: NOW, receivedAt: NOW - 5 * HOUR, sentAt: NOW - 5 * HOUR, counts: NOW },
  { name: 'by a gateway that is a year ahead', effective: NOW, receivedAt: NOW + 365 * DAY, sentAt: NOW + 365 * DAY, counts: NOW },
  { name: 'by gateway and system nine years behind', effective: NOW - 3e11, receivedAt: NOW - 3e11, sentAt: NOW - 3e11, counts: NOW },
  { name: 'by a gateway that does not say its time', effective: NOW - MIN, sentAt: null, counts: NOW - MIN },
];

for (const { name, effective, receivedAt = NOW, sentAt = NOW, counts } of CASES)
  test(`from when a movement counts: ${name}`, () => {
    verifies('MOVEMENT-TOO-OLD');
    assert.equal(movementTimeOf({ effective, receivedAt, flags: [], at: NOW, sentAt }), counts);
  });

test('what an operator says of weeks ago counts as it was said', () => {
  verifies('MOVEMENT-TOO-OLD');
  const said = { effective: NOW - 30 * DAY, sortTime: NOW };
  assert.deepEqual([isTooOld({ ...said, gateway: 'gw-adt' }), isTooOld({ ...said, gateway: 'vitalmesh-hub' })], [true, false]);
  assert.equal(isTooOld({ effective: NOW + 30 * DAY, sortTime: NOW, gateway: 'gw-adt' }), false);
});
