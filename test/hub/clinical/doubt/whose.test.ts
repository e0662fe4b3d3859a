import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { JUMPS, type Jump, REPEATED } from '../../../../hub/clinical/doubt/jumps.ts';
import { anchorBefore, doubtfulOf, doubtsAgain, type Kept, type Odd, type Point, readFrom } from '../../../../hub/clinical/doubt/whose.ts';
import { VITALS } from '../../../../shared/vitals.ts';
import { verifies } from '../../../requirements.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEIGHT = JUMPS.weight as Jump;
const PRESSURE = JUMPS.nibp as Jump;

/** `day[:hour[:minute]] kg`, `!` behind it where somebody confirmed it, `~` where its sender calls it no measurement, `*` where nobody is so, `?` where the table says that it is doubtful. */
const at = (time: string): number => {
  const [day = 0, hour = 7, minute = 0] = time.split(':').map(Number);
  return day * DAY + hour * HOUR + minute * MINUTE;
};

function series(rows: string): { points: Point[]; doubtful: number[] } {
  const parsed = rows
    .trim()
    .split(/\s*,\s*/)
    .map((row, key) => {
      const [time = '', value = ''] = row.split(' ');
      const [kg = 0, diastolic] = value
        .replace(/[!?~*]/g, '')
        .split('/')
        .map(Number);
      const values: Record<string, number> = diastolic === undefined ? { weight: kg } : { nibp_s: kg, nibp_d: diastolic };
      const odd: Odd | undefined = value.includes('*') ? 'impossible' : value.includes('~') ? 'flagged' : undefined;
      return { point: { key, at: at(time), values, confirmed: value.includes('!'), ...(odd && { odd }) }, doubtful: value.includes('?') };
    });
  return { points: parsed.map(({ point }) => point), doubtful: parsed.flatMap(({ point, doubtful }) => (doubtful ? [point.key] : [])) };
}

/** Written by hand, out of the rules of docs/clinical.md. */
const WEIGHTS: Readonly<Record<string, string>> = {
  'the first ever': '0 82',
  'usual days': '0 82, 1 82.4, 2 81.7, 3 83',
  'less than 3 kg and 10 % is no jump': '0 82, 1 90, 2 98',
  'less than 3 kg is none, of whomever': '0 20, 1 22.9, 2 19.9, 3 23?',
  'a spouse once': '0 82, 1 64?, 2 82.1',
  'a spouse once, and nothing since': '0 82, 1 64?',
  'a spouse each day, in turns': '0:7 82, 0:8 64?, 1:7 82, 1:8 64.2?, 2:7 81.8, 2:8 63.9?, 3:7 82, 3:8 64?',
  'a spouse each day, a minute behind': '0:7:0 82, 0:7:1 64?, 1:7:0 82, 1:7:1 64?, 2:7:0 82, 2:7:1 64?',
  'the same weighing told twice': '0 82, 1:7:0 64?, 1:7:0 64?',
  'again at once: it is so': '0 82, 1:7:0 64, 1:7:2 64.4',
  'again within half an hour': '0 82, 1:7:0 64, 1:7:30 64',
  'again in the evening is no repetition': '0 82, 1:7 64?, 1:18 64?',
  'again on the day after': '0 82, 1 64, 2 64',
  'again three days later': '0 82, 1 64, 4 64',
  'again four days later': '0 82, 1 64?, 5 64?',
  'again, and not the same': '0 82, 1 64?, 2 66.1?',
  'thrice, whatever lies in between': '0 82, 1 64, 5 64.4, 9 63.8',
  'thrice on one day, without an own one': '0 82, 1:7 64, 1:12 64, 1:18 64',
  'thrice, with an own one in between': '0 82, 1:7 64?, 1:12 64?, 1:13 82, 1:18 64?',
  'thrice within a minute': '0 82, 1:7:0 64?, 1:7:0 64?, 1:7:0 64?',
  'a gain that goes on': '0 82, 1 93, 2 95.5, 3 98, 4 100.5',
  'a loss that goes on': '0 82, 1 70, 2 68, 3 66',
  'a gain, and back towards the own ones': '0 82, 1 98?, 2 95.5?, 3 93?',
  'a household, one after the other, downwards': '0 82, 1:7:0 64?, 1:7:2 50?, 1:7:4 30?',
  'a household of which one comes thrice': '0 82, 1:7 64, 1:8 30?, 1:12 64.1, 1:13 30?, 1:18 64',
  'again, with an own one in between': '0 82, 1 64?, 1:12 82, 2 64?',
  'a third one between two that agree': '0 82, 1:7:0 64, 1:7:5 95?, 1:7:10 64',
  'the spouse when the person forgot, who comes back': '0 82, 1 82, 2 64?, 3 64?, 4 82, 5 64?',
  'who comes back after a fortnight': '0 82, 1 82, 2 64, 3 64, 16 82?',
  'what was repeated more often than the former ones stays': '0 64, 1 82, 2 82, 3 64?, 4 82',
  'the former ones were as often': '0 64, 0:12 64, 1 82?, 2 82?, 3 64',
  'two steps, and back to the second': '0 82, 1 82, 2 70, 3 70, 4 60?, 5 60?, 6 70',
  'two steps, and back to the first': '0 82, 1 82, 2 82, 3 70?, 4 70?, 5 60?, 6 60?, 7 70?, 8 82',
  'nothing for a fortnight: it begins anew': '0 82, 15 64, 16 82?',
  'a fortnight to the minute': '0 82, 14 64?',
  confirmed: '0 82, 1 64!, 2 64.5',
  'confirmed, and the former come back': '0 82, 1 64!, 2 82?',
  'what nobody weighs, at first and again': '0 8200*?, 1 8200*?, 2 64, 3 82?, 4 8200*?, 5 8200*?, 6 8200*?, 7 64.4',
  'what nobody weighs, between two that agree': '0 82, 1:7:0 64, 1:7:2 8200*?, 1:7:4 64',
  'what its sender marks, near the own ones and not': '0 82, 1 83~, 2 64~?, 3:7:0 64?, 3:7:1 64~?, 4 82',
  'what its sender marks is the measure of nothing': '0 64~, 1 82, 2 64~?, 18 64~, 19 82.2',
  'what its sender marks, once others were repeated': '0 82, 1:7:0 64, 1:7:1 65~, 1:7:2 82~?, 1:7:4 64',
  'confirmed, and what agreed with it': '0 82, 1:7:0 64, 1:7:0 20?, 1:7:10 64!',
};

const PRESSURES: Readonly<Record<string, string>> = {
  'usual days': '0 128/82, 1 141/90, 2 119/76',
  'a jump of the upper one, once': '0 128/82, 1 182/90?, 2 131/80',
  'a jump of the lower one, once': '0 128/82, 1 150/113?',
  'measured again after ten minutes': '0 128/82, 1:7:0 182/104, 1:7:10 178/99, 2 131/80',
  'measured again, and not the same': '0 128/82, 1:7:0 182/104?, 1:7:10 240/130?',
  'a shock, measured every 45 minutes': '0 128/82, 1:7:0 70/40, 1:7:45 71/41, 1:8:30 69/40, 1:9:15 70/40',
  'a shock, measured every 31 minutes, twice so far': '0 128/82, 1:7:0 70/40?, 1:7:31 70/40?',
  'it falls, and goes on falling': '0 128/82, 1:7:0 77/50, 1:7:5 56/34, 1:7:10 35/18',
  'a crisis that rises': '0 128/82, 1:7:0 185/105, 1:7:10 208/122, 1:7:20 231/140',
  'it falls and rises by turns': '0 128/82, 1:7:0 77/50, 1:7:5 35/18?, 1:8 60/34, 1:8:40 33/17, 1:9:20 56/33',
};

for (const [vital, jump, table] of [['weight', WEIGHT, WEIGHTS] as const, ['blood pressure', PRESSURE, PRESSURES] as const]) {
  for (const [name, rows] of Object.entries(table)) {
    test(`whose it is, ${vital}: ${name}`, () => {
      verifies('IDENTITY-DOUBTFUL');
      const { points, doubtful } = series(rows);
      assert.deepEqual(
        [...doubtfulOf(points, jump)].sort((a, b) => a - b),
        doubtful,
        rows,
      );
    });
  }
}

test('a pressure whose spouse’s was repeated stays what it was: it may have been theirs', () => {
  verifies('IDENTITY-DOUBTFUL');
  const { points } = series('0 128/82, 1 128/82, 2:7:0 182/104, 2:7:5 182/104, 3 128/82');
  assert.deepEqual([...doubtfulOf(points, PRESSURE)], [4], 'and the next one of before has to be repeated, too');
});

/** Rows as a store keeps them, of which each arrival decides what is needed alone. */
class Kind {
  readonly #jump: Jump;
  rows: Kept[] = [];

  constructor(jump: Jump) {
    this.#jump = jump;
  }

  add(point: Point): void {
    this.rows.push({ ...point, doubtful: false });
    this.#again(point.at);
  }

  confirm(key: number): void {
    const row = this.rows.find((one) => one.key === key);
    if (row === undefined) return;
    row.confirmed = true;
    this.#again(row.at);
  }

  remove(key: number): void {
    const row = this.rows.find((one) => one.key === key);
    this.rows = this.rows.filter((one) => one !== row);
    if (row) this.#again(row.at);
  }

  #again(since: number): void {
    const anchors = this.rows
      .filter(({ at, doubtful, odd }) => !doubtful && odd === undefined && at < anchorBefore(since, this.#jump))
      .map(({ at }) => at);
    const from = readFrom(anchors.length === 0 ? null : Math.max(...anchors), this.#jump);
    const needed = this.rows.filter(({ at }) => at >= from);
    for (const { key, doubtful } of doubtsAgain(needed, since, this.#jump)) {
      const row = this.rows.find((one) => one.key === key);
      if (row) row.doubtful = doubtful;
    }
  }

  get doubtful(): number[] {
    return this.rows.flatMap(({ key, doubtful }) => (doubtful ? [key] : [])).sort((a, b) => a - b);
  }
}

test('what is doubtful does not depend on the order in which it came, was taken back or confirmed: each step looks at what it needs alone', () => {
  verifies('IDENTITY-DOUBTFUL-ANY-ORDER');
  const when = fc.oneof(
    fc.integer({ min: 0, max: 80 * 24 }).map((hour) => hour * HOUR),
    fc.tuple(fc.nat(80), fc.nat(40)).map(([day, minute]) => day * DAY + 7 * HOUR + minute * MINUTE),
    fc.integer({ min: 0, max: 8 }).map((day) => day * DAY * 7),
  );
  const point = fc.record({
    at: when,
    kg: fc.constantFrom(82, 82, 82, 83, 64, 64, 64.4, 66, 62, 60, 50, 72, 93, 96),
    confirmed: fc.constantFrom(...Array(15).fill(false), true),
    odd: fc.constantFrom<Odd | undefined>(...Array(10).fill(undefined), 'flagged', 'flagged', 'impossible'),
  });
  const fate = fc.constantFrom('stays', 'stays', 'stays', 'stays', 'goes', 'confirmed');
  fc.assert(
    fc.property(fc.array(fc.tuple(point, fate, fc.nat(), fc.nat()), { maxLength: 50 }), (all) => {
      const points = all.map(
        ([{ at: time, kg, confirmed, odd }], key): Point => ({ key, at: time, values: { weight: kg }, confirmed, ...(odd && { odd }) }),
      );
      const kept = new Kind(WEIGHT);
      const steps = all.flatMap(([, does, first, then], key) => [
        { order: first, run: () => kept.add(points[key] as Point) },
        ...(does === 'stays' ? [] : [{ order: first + 1 + then, run: () => (does === 'goes' ? kept.remove(key) : kept.confirm(key)) }]),
      ]);
      for (const { run } of steps.toSorted((a, b) => a.order - b.order)) run();
      const left = all.flatMap(([, does], key) =>
        does === 'goes' ? [] : [{ ...(points[key] as Point), confirmed: points[key]?.confirmed || does === 'confirmed' }],
      );
      assert.deepEqual(
        kept.doubtful,
        [...doubtfulOf(left, WEIGHT)].sort((a, b) => a - b),
      );
    }),
    { numRuns: 1500 },
  );
});

test('of what is far apart nothing depends on how it is numbered', () => {
  verifies('IDENTITY-DOUBTFUL-ANY-ORDER');
  const row = fc.record({ at: fc.integer({ min: 0, max: 12 }).map((half) => half * 12 * HOUR), kg: fc.constantFrom(82, 64, 50) });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 20 }), fc.nat(), (rows, turn) => {
      const numbered = (shift: number): string[] => {
        const points = rows.map(({ at: time, kg }, i) => ({
          key: (i + shift) % (rows.length || 1),
          at: time,
          values: { weight: kg },
          confirmed: false,
        }));
        const doubtful = doubtfulOf(points, WEIGHT);
        return points
          .filter(({ key }) => doubtful.has(key))
          .map(({ at: time, values }) => `${time} ${values.weight}`)
          .sort();
      };
      assert.deepEqual(numbered(turn), numbered(0));
    }),
  );
});

test('the table names vital signs of the parameter table, with numbers that leave no gap between the same and a jump', () => {
  verifies('IDENTITY-DOUBTFUL');
  for (const [name, { parts, windowMs, source }] of Object.entries(JUMPS)) {
    assert.ok(source.length > 0 && windowMs > REPEATED.later.mostMs, name);
    for (const [part, { jump, same }] of Object.entries(parts)) {
      assert.ok(
        VITALS.some(({ key }) => key === part),
        part,
      );
      // Two that are the same as a third one are no jump from one another.
      assert.ok(2 * same.absolute <= jump.absolute && 2 * (same.relative ?? 0) <= (jump.relative ?? 0) + 1e-9, part);
    }
  }
});
