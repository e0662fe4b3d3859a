import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createIntake, INTAKE_METRICS } from '../../agent/intake.ts';
import { normalize } from '../../agent/normalize.ts';
import { observationCount } from '../../agent/observation-count.ts';
import { UNREMEMBERED } from '../../agent/unstored.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { Metrics } from '../../shared/metrics.ts';
import type { Reading, ReadingRecord } from '../../shared/reading.ts';
import type { ClockRun } from '../../shared/time/clock-run.ts';
import type { RowKey } from '../../shared/uplink/key.ts';
import { verifies } from '../requirements.ts';

const RECORD: ReadingRecord = {
  source: 'monitors',
  profile: 'hl7-pcd01',
  device: { id: 'MON-0001', idType: 'serial' },
  receivedAt: Date.UTC(2026, 10, 21, 10),
  subject: { bed: 'BED-1' },
  test: true,
  class: 'continuous',
  readings: [{ vital: 'spo2', value: 97 }],
};

interface Kept {
  source: string;
  code: string;
  part: string;
  bytes: number;
}

function setUp(
  limits: {
    partBytes?: number;
    hourlyBytes?: number;
    isDoubtful?: (at: number) => boolean;
    runOf?: (at: number) => ClockRun | undefined;
  } = {},
) {
  const appended: ReadingRecord[] = [];
  const runs: (ClockRun | undefined)[] = [];
  const kept: Kept[] = [];
  const held = { append: Promise.resolve(), quarantine: Promise.resolve() };
  const time = { ms: 0 };
  const metrics = new Metrics();
  const intake = createIntake({
    outbox: {
      async append(records, from): Promise<RowKey[]> {
        await held.append;
        runs.push(from?.run);
        appended.push(...records);
        return records.map((_, seq) => ({ epoch: '0000000000000', seq }));
      },
      async appendMessage(records) {
        return { keys: await this.append(records), isNameUsed: false };
      },
      find: async () => undefined,
      async quarantineBytes(source, code, part, raw) {
        await held.quarantine;
        kept.push({ source, code, part, bytes: raw.byteLength });
      },
    },
    metrics,
    clock: { now: () => time.ms, monotonicMs: () => time.ms },
    ...limits,
  });
  return { intake, appended, runs, kept, held, metrics, time };
}

test('a store resolves after the outbox has it, and fails as the outbox fails', async () => {
  verifies('ACK-AFTER-COMMIT');
  const { intake, held, appended, metrics } = setUp();
  const gate = Promise.withResolvers<void>();
  held.append = gate.promise;
  let resolved = false;
  const stored = intake.store([RECORD]).then(() => {
    resolved = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(resolved, false);
  assert.equal(metrics.get(INTAKE_METRICS.observations), 0);
  gate.resolve();
  await stored;
  assert.deepEqual(appended, [RECORD]);
  assert.equal(metrics.get(INTAKE_METRICS.observations), 1);

  held.append = Promise.reject(new VitalmeshError('STORAGE-FULL'));
  await assert.rejects(intake.store([RECORD]), (error: VitalmeshError) => error.code === 'STORAGE-FULL');
  assert.equal(metrics.get(INTAKE_METRICS.observations), 1);
});

test('rejected parts are counted by source and reason, and kept where they have bytes', async () => {
  verifies('NO-SILENT-DROP');
  const { intake, kept, metrics } = setUp();
  await intake.reject('monitors', [
    { code: 'DECODE-GARBAGE', part: 'frame', bytes: 40 },
    { code: 'DECODE-FIELD', part: 'OBX[3]', bytes: 12, raw: Buffer.alloc(12) },
    { code: 'DECODE-FIELD', part: 'OBX[4]', bytes: 13, raw: Buffer.alloc(13) },
  ]);
  assert.equal(metrics.get(INTAKE_METRICS.rejected, 'monitors/DECODE-GARBAGE'), 1);
  assert.equal(metrics.get(INTAKE_METRICS.rejectedBytes, 'monitors/DECODE-GARBAGE'), 40);
  assert.equal(metrics.get(INTAKE_METRICS.rejected, 'monitors/DECODE-FIELD'), 2);
  assert.deepEqual(kept, [
    { source: 'monitors', code: 'DECODE-FIELD', part: 'OBX[3]', bytes: 12 },
    { source: 'monitors', code: 'DECODE-FIELD', part: 'OBX[4]', bytes: 13 },
  ]);
});

test('a rejection is durable before it resolves', async () => {
  const { intake, held } = setUp();
  held.quarantine = Promise.reject(new VitalmeshError('STORAGE-IO'));
  await assert.rejects(
    intake.reject('monitors', [{ code: 'DECODE-FIELD', part: 'x', bytes: 1, raw: Buffer.alloc(1) }]),
    (error: VitalmeshError) => error.code === 'STORAGE-IO',
  );
});

test('a broken sender cannot fill the disk with quarantine, and what is not kept is counted', async () => {
  verifies('NO-SILENT-DROP');
  const { intake, kept, metrics, time } = setUp({ partBytes: 100, hourlyBytes: 250 });
  const part = { code: 'DECODE-FIELD', part: 'payload', bytes: 150, raw: Buffer.alloc(150) } as const;
  await intake.reject('loud', [part, part, part]);
  await intake.reject('other', [part]);
  assert.deepEqual(
    kept.map(({ source, bytes }) => [source, bytes]),
    [
      ['loud', 100],
      ['loud', 100],
      ['other', 100],
    ],
  );
  assert.equal(metrics.get(INTAKE_METRICS.unkeptBytes, 'loud'), 50 + 50 + 150);
  time.ms = 3_600_000;
  await intake.reject('loud', [part]);
  assert.equal(kept.length, 4);
});

test('a reading that could never be sent goes to quarantine, and costs the others nothing', async () => {
  verifies('GOOD-PARTS-SURVIVE');
  const { intake, appended, kept, metrics } = setUp();
  const good: Reading = { vital: 'spo2', value: 97 };
  await intake.store([
    { ...RECORD, readings: [{ vital: 'no-such-vital', value: 1 }, good, { vital: 'pr_oxi', value: Number.NaN }] },
    RECORD,
  ]);
  assert.deepEqual(appended, [{ ...RECORD, readings: [good] }, RECORD]);
  assert.equal(kept.length, 1);
  assert.equal(kept[0]?.code, 'DECODE-UNKNOWN-CODE');
  assert.equal(metrics.get(INTAKE_METRICS.rejected, 'monitors/DECODE-UNKNOWN-CODE'), 1);
  assert.equal(metrics.get(INTAKE_METRICS.observations), 2);
});

test('a record that could never be sent is kept whole in quarantine', async () => {
  const { intake, appended, kept } = setUp();
  await intake.store([{ ...RECORD, receivedAt: Number.NaN }]);
  assert.equal(appended.length, 0);
  assert.deepEqual(
    kept.map(({ code, part }) => [code, part]),
    [['DECODE-TIME', 'record']],
  );
});

test('observations are counted as normalize makes them', () => {
  const reading = fc.record(
    {
      vital: fc.constantFrom('spo2', 'pr_oxi', 'nibp_s', 'nibp_d', 'nibp_m', 'art_s', 'art_d', 'art_m', 'weight'),
      value: fc.constantFrom(80, 90),
      effective: fc.constantFrom(RECORD.receivedAt, RECORD.receivedAt + 1000),
      offsetMin: fc.constantFrom(0, 60),
      status: fc.constantFrom<'final' | 'corrected'>('final', 'corrected'),
    },
    { requiredKeys: ['vital', 'value'] },
  );
  fc.assert(
    fc.property(fc.array(reading, { minLength: 1, maxLength: 10 }), (readings) => {
      const record = { ...RECORD, readings };
      assert.equal(observationCount(record), normalize(record, { agent: 'a', epoch: '0000000000000', seq: 1 }).length);
    }),
    { numRuns: 200 },
  );
});

test('what was stamped by a clock that nobody has confirmed is kept with it, unmarked: it is to be put right', async () => {
  verifies('NO-CLOCK-RETIMED');
  const run: ClockRun = { boot: 'boot', origin: 0, from: RECORD.receivedAt, held: true };
  const { intake, appended, runs } = setUp({ isDoubtful: () => true, runOf: (at) => (at >= run.from ? run : undefined) });
  await intake.store([RECORD]);
  await intake.store([{ ...RECORD, receivedAt: RECORD.receivedAt - 1 }]);
  assert.deepEqual(runs, [run, undefined]);
  assert.deepEqual(
    appended.map(({ readings }) => readings.some(({ flags = [] }) => flags.includes('clock'))),
    [false, true],
  );
});

test('what was received while the time was not known is marked so on disk, each reading once', async () => {
  verifies('NO-CLOCK-MARKED');
  const knownSince = RECORD.receivedAt + 1;
  const { intake, appended } = setUp({ isDoubtful: (at) => at < knownSince });
  const readings: Reading[] = [
    { vital: 'spo2', value: 97 },
    { vital: 'pr_oxi', value: 61, flags: ['clockless'] },
    { vital: 'spo2', value: 96, measurement: 1, flags: ['clock', 'motion'] },
  ];
  await intake.store([{ ...RECORD, readings }]);
  await intake.store([{ ...RECORD, receivedAt: knownSince, readings }]);
  const flags = appended.map((record) => record.readings.map((reading) => reading.flags ?? []));
  assert.deepEqual(flags[0], [['clock'], ['clockless', 'clock'], ['clock', 'motion']]);
  assert.deepEqual(flags[1], [[], ['clockless'], ['clock', 'motion']]);
  const [observation] = normalize(appended[0] ?? RECORD, { agent: 'gw1', epoch: 'e1', seq: 1 });
  assert.ok(observation?.extension?.some(({ valueCode }) => valueCode === 'clock'));

  const alert = { text: 'low', phase: 'start', state: 'active', priority: 'high', type: 'unknown' } as const;
  const party = { patient: { value: 'P-1', authority: '' } };
  await intake.store([
    { ...RECORD, class: 'alert', readings: [], alerts: [alert] },
    { ...RECORD, class: 'movement', readings: [], movement: { event: 'A01', parties: [party] } },
    { ...RECORD, class: 'waveform', readings: [], waves: [{ vital: 'w_ecg2', samples: [1], periodMs: 4 }] },
  ]);
  const events = appended
    .slice(2)
    .flatMap(({ alerts = [], movement, waves = [] }) => [...alerts, ...(movement ? [movement] : []), ...waves]);
  assert.deepEqual(
    events.map((event) => event.flags),
    [['clock'], ['clock'], ['clock']],
  );
});

test('of what could not be stored and is not sent again a gap is stored as soon as storing works; of what is sent again none', async () => {
  verifies('GAP-OF-UNSTORED');
  const { intake, held, appended, metrics } = setUp();
  const second = (at: number, bed: string): ReadingRecord => ({ ...RECORD, receivedAt: RECORD.receivedAt + 1000 * at, subject: { bed } });
  held.append = Promise.reject(new VitalmeshError('STORAGE-FULL'));
  for (let at = 0; at < 10; at += 1) {
    await assert.rejects(
      intake.store([second(at, 'BED-1'), second(at, 'BED-2')], undefined, () => false),
      { code: 'STORAGE-FULL' },
    );
    await assert.rejects(intake.store([second(at, 'BED-3')]), { code: 'STORAGE-FULL' });
  }
  assert.equal(appended.length, 0);
  held.append = Promise.resolve();
  await intake.store([second(20, 'BED-1')]);
  await intake.store([second(21, 'BED-1')]);
  const gaps = appended.flatMap((record) => (record.gap ? [{ bed: record.subject.bed, ...record.gap }] : []));
  const [from, to] = [RECORD.receivedAt, RECORD.receivedAt + 9000];
  const each = { reason: 'storage', lost: 'continuous', from, to, rows: 10, values: 10, vitals: ['spo2'] };
  assert.deepEqual(gaps, [
    { bed: 'BED-1', ...each },
    { bed: 'BED-2', ...each },
  ]);
  assert.equal(metrics.get(UNREMEMBERED), 0);
});

test('gaps that cannot be stored either are remembered, within bounds', async () => {
  verifies('GAP-OF-UNSTORED');
  const { intake, held, appended, metrics } = setUp();
  const of = (bed: number): ReadingRecord => ({ ...RECORD, subject: { bed: `BED-${bed}` } });
  held.append = Promise.reject(new VitalmeshError('OUTBOX-FULL'));
  for (let bed = 0; bed < 1100; bed += 1) await assert.rejects(intake.store([of(bed)], undefined, () => false));
  await assert.rejects(intake.store([of(0)], undefined, () => false));
  held.append = Promise.resolve();
  await intake.store([of(0)]);
  await intake.store([of(0)]);
  const gaps = appended.flatMap((record) => record.gap ?? []);
  assert.equal(gaps.length, 1000);
  assert.equal(gaps[0]?.rows, 2);
  assert.equal(metrics.get(UNREMEMBERED), 100);
});
