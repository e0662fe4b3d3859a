import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { resourcesOf } from '../../agent/resources.ts';
import { canonicalJson } from '../../hub/ingest/canonical.ts';
import type { Arrival, EventArrival, Store } from '../../hub/store/store.ts';
import { MAX_TREND_BUCKETS, type Trend, type TrendBucket, type TrendQuery } from '../../hub/store/trend.ts';
import type { Gap } from '../../shared/gap.ts';
import type { Flag } from '../../shared/reading.ts';
import { verifies } from '../requirements.ts';
import { TEST_EPOCH, TEST_NOW } from '../support/hub.ts';
import { arrivalOf, batchOf, event, type StorePlace } from './store.ts';

const MINUTE = 60_000;
const FROM = TEST_NOW - 10 * MINUTE;

type Sample = Parameters<typeof arrivalOf>[0] & object;

/** A reading so long after the first edge. */
function at(seq: number, afterMs: number, change: Sample = {}): Arrival {
  return arrivalOf({ seq, value: seq, effective: FROM + afterMs, receivedAt: TEST_NOW, ...change });
}

function status(arrival: Arrival, changed: Arrival['status']): Arrival {
  return { ...arrival, status: changed, received: arrival.received.replace('"status":"final"', `"status":"${changed}"`) };
}

/** A gap as ingest would make it; cut when its patient was bound to the device only from `sortTime` on. */
export function gapArrival(seq: number, gap: Partial<Gap>, change: Partial<EventArrival> = {}): EventArrival {
  const whole: Gap = { reason: 'space', lost: 'continuous', from: FROM, to: FROM + MINUTE, rows: 3, values: 5, vitals: ['hr'], ...gap };
  const device = { id: 'monitor-1', idType: 'serial' } as const;
  const record = { source: 's', profile: 'p', device, receivedAt: TEST_NOW, subject: { bed: 'ICU-01' }, test: false } as const;
  const [resource] = resourcesOf({ ...record, class: 'gap', readings: [], gap: whole }, { agent: 'gw-icu', epoch: TEST_EPOCH, seq });
  if (resource?.resourceType !== 'Observation') throw new Error('a gap is an Observation');
  const times = { effective: whole.from, offsetMin: 0, receivedAt: TEST_NOW, sortTime: whole.from, until: whole.to };
  const facts = { kind: 'gap' as const, patient: 'pat-icu-01', device: 'monitor-1', test: false };
  return { ...facts, ...times, id: resource.id, received: canonicalJson(resource), ...change };
}

const WANTED: TrendQuery = {
  patient: 'pat-icu-01',
  vital: 'hr',
  edges: Array.from({ length: 11 }, (_, i) => FROM + i * MINUTE),
  reachMs: MINUTE,
  now: TEST_NOW,
};

async function trendOf(store: Store, change: Partial<TrendQuery> = {}, tenant = 'clinic'): Promise<Trend> {
  return await store.trend(tenant, { ...WANTED, ...change }, (rows) => event(rows));
}

/** Bucket by bucket, without what is always there. */
function shown({ series }: Trend): unknown {
  return series.map(({ device, vital, test: isTest, buckets }) => ({
    of: `${vital} ${device}${isTest ? ' (test)' : ''}`,
    buckets: Object.fromEntries(buckets.map(({ index, n, min, max, mean, last }) => [index, [n, min, max, mean, last]])),
  }));
}

function bucket({ series }: Trend, index: number): TrendBucket {
  return series[0]?.buckets.find((one) => one.index === index) ?? assert.fail(`no bucket ${index}`);
}

/** What trends and versions every engine must give. */
export function storeTrendContract(name: string, place: () => Promise<StorePlace>): void {
  const check = (what: string, body: (store: Store, at: StorePlace) => Promise<void>): void => {
    test(`${name}: ${what}`, async () => {
      await using here = await place();
      await using store = await here.open();
      await body(store, here);
    });
  };

  check('a trend has least, greatest, mean and last of each bucket, by sort time, whatever the order of arrival', async (store) => {
    verifies('TREND-BUCKETS', 'THREE-INSTANTS');
    await store.storeBatch(batchOf([at(70, 59_999), at(71, MINUTE)]));
    await store.storeBatch(batchOf([at(60, 0), at(64, 30_000), at(99, -1), at(98, 10 * MINUTE)]));
    assert.deepEqual(shown(await trendOf(store)), [
      { of: 'hr monitor-1', buckets: { 0: [3, 60, 70, 194 / 3, 70], 1: [1, 71, 71, 71, 71] } },
    ]);
    const { lastAt, rolledUp, excluded } = bucket(await trendOf(store), 0);
    assert.deepEqual([lastAt, rolledUp], [FROM + 59_999, false]);
    assert.deepEqual(excluded, { absent: 0, withdrawn: 0, undated: 0, doubtful: 0, test: 0 });
    assert.equal((await trendOf(store)).series[0]?.unit, '/min');
  });

  check('a reading whose time was set aside lies where its receipt puts it', async (store) => {
    verifies('TREND-BUCKETS', 'THREE-INSTANTS');
    await store.storeBatch(batchOf([at(1, 0, { effective: Date.UTC(2028, 0, 1), receivedAt: FROM + MINUTE, value: 50 })]));
    assert.deepEqual(bucket(await trendOf(store), 1).flags, ['clock']);
    assert.equal(bucket(await trendOf(store), 1).n, 1);
  });

  check('two devices are two series, and never one line; a change of device is told', async (store) => {
    verifies('TREND-APART');
    const other = { device: 'monitor-2' };
    await store.storeBatch(batchOf([at(1, 0), at(2, MINUTE), at(3, 2 * MINUTE, other), at(4, 3 * MINUTE, other), at(5, 3 * MINUTE)]));
    const trend = await trendOf(store);
    assert.deepEqual(
      trend.series.map(({ device, buckets }) => [device, buckets.filter(({ n }) => n > 0).map(({ index }) => index)]),
      [
        ['monitor-1', [0, 1, 3]],
        ['monitor-2', [2, 3]],
      ],
    );
    assert.deepEqual(trend.changes, [
      { index: 2, began: ['monitor-2'], ended: ['monitor-1'] },
      { index: 3, began: ['monitor-1'], ended: [] },
    ]);
    const one = await trendOf(store, { device: 'monitor-2' });
    assert.deepEqual([one.series.map(({ device }) => device), one.changes], [['monitor-2'], []]);
  });

  check('what is left out is counted with its reason, and what is told beside a value does not hide it', async (store) => {
    verifies('TREND-EXCLUDED', 'NOTHING-INVENTED');
    const flagged = (seq: number, ...flags: Flag[]): Arrival => at(seq, 1000 + seq, { flags });
    await store.storeBatch(
      batchOf([
        at(60, 1000),
        at(1, 2000, { value: null, absent: 'error' }),
        flagged(2, 'sensor-off'),
        flagged(3, 'searching'),
        flagged(4, 'questionable'),
        flagged(5, 'demo'),
        flagged(6, 'out-of-range'),
        flagged(80, 'motion', 'low-perfusion'),
        at(7, 3000),
        status(at(8, 3000, { value: null, absent: 'error' }), 'entered-in-error'),
        at(9, 4000, { flags: ['memory', 'clock'], receivedAt: FROM + 5000 }),
        at(10, 5000, { test: true }),
      ]),
    );
    const found = bucket(await trendOf(store), 0);
    assert.deepEqual([found.n, found.min, found.max, found.last], [2, 60, 80, 80]);
    assert.deepEqual(found.excluded, { absent: 1, withdrawn: 1, undated: 1, doubtful: 5, test: 1 });
    assert.deepEqual(found.flags, ['motion', 'low-perfusion']);
  });

  check('a device that sent test data alone has a series that says so', async (store) => {
    verifies('TREND-APART');
    await store.storeBatch(batchOf([at(1, 0, { test: true, device: 'demo' }), at(2, 0)]));
    assert.deepEqual(
      (await trendOf(store)).series.map(({ device, test: isTest, buckets }) => [device, isTest, buckets[0]?.last]),
      [
        ['demo', true, 1],
        ['monitor-1', false, 2],
      ],
    );
  });

  check('a panel has a series for each part', async (store) => {
    verifies('TREND-BUCKETS');
    await store.storeBatch(batchOf([at(1, 0, { vital: 'nibp_s', value: 120 }), at(2, MINUTE, { vital: 'nibp_s', value: 130 })]));
    assert.deepEqual(
      (await trendOf(store, { vital: 'nibp' })).series.map(({ vital, buckets }) => [vital, buckets[0]?.n, buckets[0]?.mean]),
      [
        ['nibp_s', 1, 120],
        ['nibp_d', 0, null],
      ],
    );
    assert.equal((await trendOf(store, { vital: 'nibp' })).series[1]?.buckets[0]?.excluded.absent, 1);
  });

  check('coverage is the share of a bucket in which a value was current, from before its beginning on and up to now', async (store) => {
    verifies('TREND-COVERAGE');
    await store.storeBatch(batchOf([at(1, -30_000), at(2, 90_000), at(3, 9 * MINUTE + 45_000)]));
    const coverage = async (change: Partial<TrendQuery> = {}): Promise<unknown> =>
      Object.fromEntries((await trendOf(store, change)).series[0]?.buckets.map((one) => [one.index, one.coverage]) ?? []);
    assert.deepEqual(await coverage(), { 0: 0.5, 1: 0.5, 2: 0.5, 9: 0.25 });
    assert.deepEqual(await coverage({ now: FROM + 9 * MINUTE + 50_000 }), { 0: 0.5, 1: 0.5, 2: 0.5, 9: 0.1 });
    assert.deepEqual(await coverage({ now: FROM + 9 * MINUTE + 45_000 }), { 0: 0.5, 1: 0.5, 2: 0.5, 9: 0 });
    const open = async (now: number): Promise<unknown> =>
      (await trendOf(store, { now })).series[0]?.buckets.flatMap((one) => (one.open ? [[one.index, one.coverage]] : []));
    assert.deepEqual(await open(FROM + 9 * MINUTE + 50_000), [[9, 0.1]], 'what has not ended says so');
    assert.deepEqual(await open(FROM + 10 * MINUTE), []);
    await store.storeBatch(batchOf([at(4, 0, { vital: 'temp', value: 37 })]));
    assert.deepEqual(await coverage({ reachMs: 30_000 }), { 1: 0.5, 9: 0.25 }, 'by a shorter limit');
    assert.deepEqual(
      await coverage({ vital: 'temp', reachMs: 120 * MINUTE }),
      Object.fromEntries(Array.from({ length: 10 }, (_, i) => [i, 1])),
    );
  });

  check(
    'gaps that overlap a trend stand beside it, of its vital sign or of any; a cut one without what was the other patient’s',
    async (store) => {
      verifies('TREND-GAPS');
      const days = 24 * 60 * MINUTE;
      await store.storeBatch(
        batchOf([
          gapArrival(1, { from: FROM - days, to: FROM }),
          gapArrival(2, { from: FROM + 2 * MINUTE, to: FROM + 3 * MINUTE, vitals: ['spo2'] }),
          gapArrival(3, { from: FROM + 3 * MINUTE, to: FROM + 4 * MINUTE, vitals: [] }),
          gapArrival(4, { from: FROM - days, to: FROM - 1 }),
          gapArrival(5, { from: TEST_NOW, to: TEST_NOW }),
          gapArrival(6, { from: FROM, to: FROM + MINUTE, lost: 'alert' }),
          gapArrival(7, { from: FROM - days, to: TEST_NOW }, { effective: FROM + MINUTE, sortTime: FROM + MINUTE }),
          gapArrival(8, {}, { patient: 'pat-icu-02' }),
          gapArrival(9, {}, { device: 'monitor-2' }),
        ]),
      );
      const found = (await trendOf(store)).gaps.map(({ id, from, to, rows, values }) => [
        id.split('.').at(-2),
        from - FROM,
        to - FROM,
        rows,
        values,
      ]);
      assert.deepEqual(found, [
        ['1', -days, 0, 3, 5],
        ['9', 0, MINUTE, 3, 5],
        ['7', MINUTE, 10 * MINUTE, null, null],
        ['3', 3 * MINUTE, 4 * MINUTE, 3, 5],
      ]);
      assert.deepEqual((await trendOf(store, { device: 'monitor-2' })).gaps.length, 1);
      assert.deepEqual((await trendOf(store, {}, 'other')).gaps, []);
    },
  );

  check('a trend gives nothing of another tenant or patient, and its evidence counts its values', async (store) => {
    verifies('TENANT-EVERYWHERE', 'AUDIT-CHAINED');
    await store.storeBatch(batchOf([at(1, 0), at(2, MINUTE), at(3, 0, { patientId: 'pat-icu-02' })]));
    assert.deepEqual((await trendOf(store, {}, 'other')).series, []);
    assert.deepEqual(shown(await trendOf(store, { patient: 'pat-none' })), []);
    let counted = -1;
    await store.trend('clinic', WANTED, (rows) => {
      counted = rows;
      return event(rows);
    });
    assert.equal(counted, 2);
  });

  check('edges that are no edges are refused', async (store) => {
    for (const edges of [[], [FROM], [FROM, FROM], [FROM + 1, FROM], Array.from({ length: MAX_TREND_BUCKETS + 2 }, (_, i) => i)])
      await assert.rejects(trendOf(store, { edges }), { code: 'INTERNAL' });
  });

  check('a trend over more than is read at once is whole, in any buckets', async (store) => {
    verifies('TREND-BUCKETS');
    const base = at(1, 0);
    const copy = (seq: number, afterMs: number, change: Partial<Arrival>): Arrival => {
      const sortTime = FROM + afterMs;
      return { ...base, id: `gw-icu.${TEST_EPOCH}.${seq.toString(36)}.0`, effective: sortTime, sortTime, ...change };
    };
    const rows = Array.from({ length: 12_000 }, (_, i) =>
      copy(i + 1, i * 50, { value: i % 97, ...(i % 4000 === 0 && { flags: ['motion'] }) }),
    );
    // More at one instant than are read at once.
    rows.push(...Array.from({ length: 5200 }, (_, i) => copy(20_000 + i, 5 * MINUTE, { value: 50 })));
    for (let i = 0; i < rows.length; i += 2000) await store.storeBatch(batchOf(rows.slice(i, i + 2000)));
    const { series } = await trendOf(store);
    const [{ buckets } = assert.fail()] = series;
    assert.deepEqual(
      buckets.map(({ n }) => n),
      [1200, 1200, 1200, 1200, 1200, 6400, 1200, 1200, 1200, 1200],
    );
    assert.equal(
      buckets.reduce((sum, { n, mean }) => sum + n * (mean ?? 0), 0),
      rows.reduce((sum, { value }) => sum + (value ?? 0), 0),
    );
    assert.deepEqual([buckets[0]?.flags, buckets[1]?.flags], [['motion'], []]);
  });

  check('a trend says what a list would say, for any readings', async (store) => {
    verifies('TREND-BUCKETS', 'TREND-EXCLUDED');
    let run = 0;
    const reading = fc.record({
      afterMs: fc.integer({ min: -2 * MINUTE, max: 11 * MINUTE }),
      value: fc.option(fc.integer({ min: 20, max: 200 }), { freq: 6 }),
      flags: fc.constantFrom<Flag[]>([], [], ['motion'], ['questionable'], ['memory', 'clock']),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(reading, { maxLength: 30 }), async (readings) => {
        run += 1;
        const patient = `pat-trend-${String(run).padStart(4, '0')}`;
        const rows = readings.map(({ afterMs, value, flags }, i) => {
          const undated = flags.includes('clock');
          const when = undated ? { receivedAt: FROM + afterMs } : { effective: FROM + afterMs };
          return at(run * 100 + i, 0, { value, ...(value === null && { absent: 'error' }), flags, patientId: patient, ...when });
        });
        if (rows.length > 0) await store.storeBatch(batchOf(rows));
        const trend = await trendOf(store, { patient });
        const listed = rows.filter(({ sortTime }) => sortTime >= FROM && sortTime < TEST_NOW);
        for (let index = 0; index < 10; index += 1) {
          const inside = listed.filter(({ sortTime }) => Math.floor((sortTime - FROM) / MINUTE) === index);
          const undated = inside.filter(({ flags }) => flags.includes('clock'));
          const standing = inside.filter((row) => !undated.includes(row));
          const absent = standing.filter(({ value }) => value === null);
          const doubtful = standing.filter(({ value, flags }) => value !== null && flags.includes('questionable'));
          const counted = standing.filter((row) => !absent.includes(row) && !doubtful.includes(row));
          const values = counted.map(({ value }) => value ?? Number.NaN);
          const newest = counted.toSorted((a, b) => a.sortTime - b.sortTime).at(-1);
          const found = trend.series[0]?.buckets.find((one) => one.index === index);
          assert.deepEqual(
            [
              found?.n ?? 0,
              found?.min ?? null,
              found?.max ?? null,
              found?.last ?? null,
              found?.excluded.absent ?? 0,
              found?.excluded.doubtful ?? 0,
            ],
            [
              values.length,
              values.length > 0 ? Math.min(...values) : null,
              values.length > 0 ? Math.max(...values) : null,
              newest?.value ?? null,
              absent.length,
              doubtful.length,
            ],
          );
          assert.equal(found?.excluded.undated ?? 0, undated.length);
        }
      }),
      { numRuns: 40 },
    );
  });

  check(
    'a corrected value takes the place of what it corrects, in whatever order they come, and leaves what was sent after it',
    async (store) => {
      verifies('CORRECTION-REPLACES', 'THREE-INSTANTS');
      const latest = async (): Promise<unknown[]> =>
        (await store.latest('clinic', 'pat-icu-01', (rows) => event(rows))).map(({ value }) => value);
      await store.storeBatch(batchOf([at(60, 1000), status(at(61, 1000), 'corrected')]));
      assert.deepEqual(await latest(), [61]);
      assert.deepEqual([bucket(await trendOf(store), 0).n, bucket(await trendOf(store), 0).excluded.withdrawn], [1, 1]);
      await store.storeBatch(batchOf([status(at(63, 2000), 'corrected')]));
      await store.storeBatch(batchOf([at(62, 2000)]));
      assert.deepEqual(await latest(), [63], 'come behind its correction');
      await store.storeBatch(batchOf([at(75, 3000)]));
      await store.storeBatch(batchOf([status(at(74, 3000), 'corrected')]));
      assert.deepEqual(
        (await trendOf(store, { edges: [FROM + 3000, FROM + 3001] })).series[0]?.buckets.map(({ n }) => n),
        [2],
        'what the same gateway sent later stands',
      );
      await store.storeBatch(batchOf([at(80, 4000), status(at(81, 4000, { test: true }), 'corrected')]));
      assert.deepEqual(await latest(), [80], 'a test row corrects no real one');
    },
  );

  check('a preliminary value counts until a final one of the same measurement is there, in whatever order they come', async (store) => {
    verifies('PRELIMINARY-ONCE', 'THREE-INSTANTS');
    const numbers = async (afterMs: number): Promise<unknown[]> =>
      (await trendOf(store, { edges: [FROM + afterMs, FROM + afterMs + 1] })).series.flatMap(({ buckets }) =>
        buckets.filter(({ n, excluded }) => n + excluded.withdrawn > 0).map(({ n, last, excluded }) => [n, last, excluded.withdrawn]),
      );
    const latest = async (): Promise<unknown[]> =>
      (await store.latest('clinic', 'pat-icu-01', (rows) => event(rows))).map(({ value }) => value);
    await store.storeBatch(batchOf([status(at(60, 1000), 'preliminary')]));
    assert.deepEqual([await numbers(1000), await latest()], [[[1, 60, 0]], [60]]);
    await store.storeBatch(batchOf([at(61, 1000)]));
    assert.deepEqual([await numbers(1000), await latest()], [[[1, 61, 1]], [61]]);
    await store.storeBatch(batchOf([at(62, 2000), status(at(63, 2000), 'preliminary')]));
    assert.deepEqual([await numbers(2000), await latest()], [[[1, 62, 1]], [62]], 'behind its final one, in one batch');
    await store.storeBatch(batchOf([status(at(65, 3000), 'preliminary'), status(at(64, 3000), 'corrected')]));
    assert.deepEqual([await numbers(3000), await latest()], [[[1, 64, 1]], [64]], 'sent after a correction');
    await store.storeBatch(
      batchOf([status(at(66, 4000, { test: true }), 'preliminary'), status(at(67, 4000, { device: 'x' }), 'preliminary')]),
    );
    await store.storeBatch(batchOf([at(68, 4000), at(69, 4001)]));
    assert.deepEqual(
      (await trendOf(store, { edges: [FROM + 4000, FROM + 4001] })).series.map(({ device, buckets }) => [device, buckets[0]?.n]),
      [
        ['monitor-1', 1],
        ['x', 1],
      ],
      'test data, and another device, are other measurements',
    );
    const partOf = (arrival: Arrival, index: number): Arrival => {
      const id = arrival.id.replace(/0$/, String(index));
      return { ...arrival, id, received: arrival.received.replace(arrival.id, id) };
    };
    await store.storeBatch(batchOf([status(at(80, 5000), 'preliminary'), partOf(at(80, 5000), 1)]));
    assert.deepEqual(await numbers(5000), [[2, 80, 0]], 'what one message holds are different measurements');
    const ahead = { effective: Date.UTC(2028, 0, 1) };
    await store.storeBatch(batchOf([status(at(90, 0, { ...ahead, receivedAt: FROM + 6000 }), 'preliminary')]));
    await store.storeBatch(batchOf([at(91, 0, { ...ahead, receivedAt: FROM + 7000 })]));
    assert.deepEqual([await numbers(6000), await numbers(7000)], [[[0, null, 1]], [[1, 91, 0]]], 'of a time that was set aside');
    await store.storeBatch(batchOf([status(at(92, 0, { ...ahead, receivedAt: FROM + 8000 }), 'preliminary')]));
    assert.deepEqual(await numbers(8000), [[0, null, 1]]);
    const { findings } = await store.verify();
    assert.deepEqual(findings, []);
  });

  check('the history of a measurement has every version in order of storing, and says which one stands', async (store) => {
    verifies('VERSIONS-KEPT', 'TENANT-EVERYWHERE');
    const query = { patient: 'pat-icu-01', vital: 'hr', device: 'monitor-1', effective: FROM };
    const versions = async (change: object = {}, tenant = 'clinic'): Promise<unknown[]> =>
      (await store.history(tenant, { ...query, ...change }, (rows) => event(rows))).map((one) => [one.status, one.value, one.stands]);
    await store.storeBatch(batchOf([at(60, 0), at(59, 1)]));
    await store.storeBatch(batchOf([status(at(61, 0), 'corrected')]));
    assert.deepEqual(await versions(), [
      ['final', 60, false],
      ['corrected', 61, true],
    ]);
    await store.storeBatch(batchOf([status(at(62, 0, { value: null, absent: 'error' }), 'entered-in-error')]));
    await store.storeBatch(batchOf([status(at(63, 0), 'corrected')]));
    assert.deepEqual(await versions(), [
      ['final', 60, false],
      ['corrected', 61, false],
      ['entered-in-error', null, false],
      ['corrected', 63, true],
    ]);
    const [first] = await store.history('clinic', query, (rows) => event(rows));
    assert.deepEqual(first?.resource.subject, { identifier: { system: 'urn:vitalmesh:patient', value: 'pat-icu-01' } });
    for (const change of [{ patient: 'pat-icu-02' }, { vital: 'spo2' }, { device: 'x' }, { effective: FROM + 2 }])
      assert.deepEqual(await versions(change), []);
    assert.deepEqual(await versions({}, 'other'), []);
    const future = Date.UTC(2028, 0, 1);
    await store.storeBatch(batchOf([at(70, 0, { effective: future })]));
    assert.deepEqual(await versions({ effective: future }), [['final', 70, true]], 'one whose time was set aside');
  });
}
