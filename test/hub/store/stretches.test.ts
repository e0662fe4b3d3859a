import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addReading, type Cell, emptyCell } from '../../../hub/store/cell.ts';
import { addRolled, DENSE_MS, type Stretch, stretchesFrom, stretchesOf, textOf } from '../../../hub/store/stretches.ts';
import { verifies } from '../../requirements.ts';

const REACH_MS = 60_000;
const START = 1_700_000_000_000;

function minuteOf(seconds: readonly number[]): Cell {
  const cell = emptyCell();
  for (const second of seconds) addReading(cell, [START + second * 1000, 1, null]);
  if (cell.firstAt !== null && cell.lastAt !== null) cell.coveredMs = cell.lastAt - cell.firstAt;
  return cell;
}

/** As it is without rolling up: values apart by more than a minute are of two stretches. */
function expected(seconds: readonly number[]): Stretch[] {
  const found: [number, number][] = [];
  for (const at of seconds.map((second) => START + second * 1000).toSorted((a, b) => a - b)) {
    const last = found.at(-1);
    if (last && at - last[1] <= DENSE_MS) last[1] = at;
    else found.push([at, at]);
  }
  return found;
}

test('where values lay is the same, in whatever order the minutes of an hour come, written and read back in between', () => {
  verifies('COVERAGE-BY-LIMIT');
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 3599 }), { maxLength: 80 }), fc.infiniteStream(fc.nat(1000)), (seconds, order) => {
      const minutes = [...Map.groupBy(seconds, (second) => Math.floor(second / 60)).values()]
        .map((of) => ({ of, at: order.next().value }))
        .sort((a, b) => a.at - b.at);
      let hour = emptyCell();
      for (const { of } of minutes) {
        addRolled(hour, minuteOf(of), REACH_MS);
        hour = { ...hour, stretches: stretchesFrom(hour.firstAt, textOf(hour.stretches)) };
      }
      assert.deepEqual(stretchesOf(hour), expected(seconds));
    }),
  );
});

test('of what was rolled up before that was kept, nobody knows more than the sum', () => {
  verifies('COVERAGE-BY-LIMIT');
  const old: Cell = { ...minuteOf([0, 3000]), coveredMs: 120_000 };
  assert.equal(stretchesOf(old), undefined);
  addRolled(old, minuteOf([3300]), REACH_MS);
  assert.deepEqual([stretchesOf(old), old.coveredMs], [undefined, 180_000]);
  assert.deepEqual(stretchesOf(emptyCell()), []);
  assert.equal(textOf([[0, 1]]), null);
});
