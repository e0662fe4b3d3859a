import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { resourcesOf } from '../../../agent/resources.ts';
import { operatorPrincipal } from '../../../hub/access/principals.ts';
import type { ReadingRecord } from '../../../shared/reading.ts';
import { batchEntry } from '../../../shared/uplink/kinds.ts';
import { verifies } from '../../requirements.ts';
import { gathered, TEST_EPOCH, TEST_NOW, TEST_REGISTRY, TestClock, testHub } from '../../support/hub.ts';

type Json = Record<string, unknown>;

const ABOUT = {
  ...{ source: 'icu', profile: 'hl7-pcd01', device: { id: 'MON-9', idType: 'serial' as const }, receivedAt: TEST_NOW, test: false },
  subject: { bed: 'ICU-01', patient: { value: '4711', authority: 'HIS' } },
};

/** A record of each kind that travels up. */
const RECORDS: readonly ReadingRecord[] = [
  { ...ABOUT, class: 'continuous', readings: [{ vital: 'hr', value: 72, flags: ['motion'], limits: '50-120' }] },
  {
    ...ABOUT,
    class: 'spot',
    readings: [
      { vital: 'nibp_s', value: 120 },
      { vital: 'nibp_d', absent: 'error' },
    ],
  },
  {
    ...{ ...ABOUT, class: 'alert', readings: [] },
    alerts: [{ text: 'SpO2 low', phase: 'start', state: 'active', priority: 'high', type: 'physiological' }],
  },
  { ...ABOUT, class: 'waveform', readings: [], waves: [{ vital: 'w_ecg2', samples: [1, null, -0.5], periodMs: 4 }] },
  { ...ABOUT, class: 'device', readings: [], tree: { mdc: 69965, parts: [{ path: '1.5', level: 'vmd', mdc: 69798 }] } },
  {
    ...{ ...ABOUT, class: 'movement', readings: [] },
    movement: { event: 'A01', parties: [{ patient: { value: 'P-1', authority: 'HOSP' }, bed: 'ICU^101^A' }] },
  },
  {
    ...{ ...ABOUT, class: 'gap', readings: [] },
    gap: { reason: 'age', lost: 'spot', from: TEST_NOW - 60_000, to: TEST_NOW, rows: 1, values: 2, vitals: ['hr'] },
  },
];

const entriesOf = (record: ReadingRecord, seq: number): Json[] =>
  resourcesOf(record, { agent: 'gw-icu', epoch: TEST_EPOCH, seq }).map(
    (resource) => JSON.parse(JSON.stringify(batchEntry(resource))) as Json,
  );

/** Every place within a value, as a path. */
function pathsOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([name, inner]) => pathsOf(inner, [...path, name]))];
}

const junk = fc.oneof(
  fc.constantFrom(undefined, null, '', 0, -1, 1e300, Number.MAX_SAFE_INTEGER, true, [], {}, 'P'.repeat(5000), 'a\u0007b', '\ud800'),
  fc.string({ unit: 'binary' }),
  fc.jsonValue({ maxDepth: 4 }),
);

type Change = (value: unknown) => unknown;

/** What a broken sender does to one place. */
const anyChange: fc.Arbitrary<Change> = fc.oneof(
  junk.map(
    (other): Change =>
      () =>
        other,
  ),
  fc.constant<Change>((value) => [value, value]),
  fc.constant<Change>((value) => (typeof value === 'string' ? `${value}x` : typeof value === 'number' ? String(value) : undefined)),
  fc.tuple(fc.constantFrom('note', 'performer', '__proto__', 'toString', 'value', 'url', 'extension'), junk).map(
    ([name, other]): Change =>
      (value) =>
        typeof value === 'object' && value !== null && !Array.isArray(value)
          ? Object.assign(Object.create(null), value, { [name]: other })
          : value,
  ),
);

function changed(value: unknown, [name, ...rest]: readonly string[], change: Change): unknown {
  if (name === undefined) return change(value);
  if (Array.isArray(value)) return value.map((inner, i) => (String(i) === name ? changed(inner, rest, change) : inner));
  return { ...(value as Json), [name]: changed((value as Json)[name], rest, change) };
}

test('whatever is wrong with entries of any kind, each is answered, and the good ones around them are stored once', async () => {
  verifies('GOOD-PARTS-SURVIVE', 'NO-SILENT-DROP', 'ANSWER-AFTER-COMMIT');
  const registry = TEST_REGISTRY.replace('beds: { ICU-01', 'movements: true, beds: { ICU-01');
  await using h = testHub({ clock: new TestClock(), registry });
  let seq = 0;
  let good = 0;
  const mutation = fc.tuple(fc.constantFrom(...RECORDS), fc.nat(), anyChange);
  const batch = fc.array(fc.tuple(fc.constantFrom(...RECORDS), fc.array(mutation, { maxLength: 2 })), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(batch, async (parts) => {
      const entries: unknown[] = [];
      const isGood: boolean[] = [];
      for (const [record, mutations] of parts) {
        seq += 1;
        const sound = entriesOf(record, seq);
        entries.push(...sound);
        isGood.push(...sound.map(() => true));
        for (const [other, at, change] of mutations) {
          seq += 1;
          const [entry] = entriesOf(other, seq);
          const paths = pathsOf(entry);
          entries.push(changed(entry, paths[at % paths.length] ?? [], change));
          isGood.push(false);
        }
      }
      good += isGood.filter((one) => one).length;
      // As it is behind JSON.parse.
      const bundle = JSON.parse(JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry: entries })) as Json;
      const { outcomes } = await h.ingest.batch('gw-icu', bundle);
      assert.equal(outcomes.length, entries.length);
      for (const [i, { status, code }] of outcomes.entries()) {
        if (isGood[i]) assert.equal(status, 201, JSON.stringify(entries[i]));
        else assert.ok(status < 300 === (code === undefined) && [200, 201, 409, 422].includes(status));
      }
      const again = await h.ingest.batch('gw-icu', bundle);
      for (const [i, { status }] of again.outcomes.entries()) if (isGood[i]) assert.equal(status, 200);
    }),
    { numRuns: 200 },
  );
  const door = [operatorPrincipal(1000, 'clinic'), { channel: 'operator' as const }] as const;
  const { observations, events, quarantined } = await h.door.counts(...door);
  assert.ok(observations + events >= good && quarantined > 0);
  const exported = await gathered(await h.door.export(door[0], {}, door[1]));
  assert.equal(exported.length, observations);
});
