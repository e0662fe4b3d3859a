import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditEvent } from '../../../hub/access/access.ts';
import { type Change, Feed } from '../../../hub/feed.ts';
import { Corrections } from '../../../hub/patients/corrections.ts';
import { nobodyIn, type PlacingStore, type ReassignStep } from '../../../hub/store/placing/placing.ts';
import type { CurrencyChange } from '../../../hub/store/store.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { verifies } from '../../requirements.ts';
import { TEST_NOW, TestClock } from '../../support/hub.ts';

const BED = 'ICU-01';
const ORDER = { tenant: 'clinic', bed: BED, from: TEST_NOW, to: null, was: 'p-ann', is: 'p-bob', unnamed: true, stating: [] };
const NOTHING: ReassignStep = { moved: 0, currencies: [], changed: [], done: [], amended: [], more: false };
const GONE: CurrencyChange = { tenant: 'clinic', patient: 'p-ann', vital: 'hr', device: 'm', gone: true };

interface Site {
  corrections: Corrections;
  told: Pick<Change, 'patient' | 'kind' | 'vitals'>[];
  evidence: AuditEvent[];
  currencies: CurrencyChange[];
  waits: number[];
  metrics: Metrics;
}

/** Whose store gives these steps, and then nothing more. */
function site(...steps: (ReassignStep | Error)[]): Site {
  const left = [...steps];
  const [told, evidence, currencies, waits]: [Site['told'], AuditEvent[], CurrencyChange[], number[]] = [[], [], [], []];
  const reassign: PlacingStore['reassign'] = async (_at, evidenceOf) => {
    const step = left.shift() ?? NOTHING;
    if (step instanceof Error) throw step;
    evidence.push(...evidenceOf(step));
    return step;
  };
  const feed = new Feed();
  feed.subscribe(({ patient, kind, vitals }) => told.push({ patient, kind, vitals }));
  const metrics = new Metrics();
  const corrections = new Corrections({
    ...{ feed, metrics, clock: new TestClock(), store: { placing: { reassign } as PlacingStore } },
    staleness: { changed: (changes) => currencies.push(...changes) },
    wait: async (ms) => void waits.push(ms),
  });
  return { corrections, told, evidence, currencies, waits, metrics };
}

async function settled({ corrections }: Site): Promise<void> {
  corrections.wake();
  await corrections.settled();
}

test('both patients’ readers are told of what moved, step by step, and the evidence of each says so without the other', async () => {
  verifies('LATE-MOVEMENT-CORRECTS');
  const changed = ['p-ann', 'p-bob'].map((patient) => ({ tenant: 'clinic', patient, vitals: ['hr'] }));
  const s = site(
    { ...NOTHING, moved: 2000, changed, currencies: [GONE], more: true },
    { ...NOTHING, moved: 5, changed, done: [{ ...ORDER, moved: 2005, rolledUp: 60 }] },
  );
  await settled(s);
  assert.deepEqual(
    s.told.map(({ patient, kind }) => `${patient} ${kind}`),
    ['p-ann corrected', 'p-bob corrected', 'p-ann corrected', 'p-bob corrected'],
  );
  assert.deepEqual(s.currencies, [GONE]);
  assert.equal(s.metrics.get('rows_reassigned', ''), 2005);
  const args = { bed: BED, device: null, from: TEST_NOW, to: null, rolledUp: 60 };
  assert.deepEqual(
    s.evidence.map(({ patient, reason, count, detail }) => ({ patient, reason, count, args: detail?.args })),
    [
      { patient: 'p-ann', reason: 'moved-away', count: 2005, args },
      { patient: 'p-bob', reason: 'moved-here', count: 2005, args },
    ],
  );
});

test('of what is nobody’s nobody is told, and where nothing was moved nothing is recorded', async () => {
  verifies('NOBODY-FOR-SURE');
  const changed = [nobodyIn(BED), 'p-bob'].map((patient) => ({ tenant: 'clinic', patient, vitals: ['hr'] }));
  const s = site({
    ...NOTHING,
    ...{ moved: 3, changed },
    done: [
      { ...ORDER, was: nobodyIn(BED), moved: 3, rolledUp: 0 },
      { ...ORDER, moved: 0, rolledUp: 0 },
    ],
  });
  await settled(s);
  assert.deepEqual(
    s.told.map(({ patient }) => patient),
    ['p-bob'],
  );
  assert.deepEqual(
    s.evidence.map(({ patient, reason }) => [patient, reason]),
    [['p-bob', 'moved-here']],
  );
});

test('what could not be moved is tried again, until it is', async () => {
  verifies('LATE-MOVEMENT-CORRECTS');
  const s = site(new VitalmeshError('STORAGE-FULL'), new VitalmeshError('STORAGE-FULL'), {
    ...NOTHING,
    changed: [{ tenant: 'clinic', patient: 'p-bob', vitals: ['hr'] }],
  });
  await settled(s);
  assert.equal(s.waits.length, 2);
  assert.deepEqual(
    s.told.map(({ patient }) => patient),
    ['p-bob'],
  );
});

test('it stops with the process, also while it waits', async () => {
  const s = site(...new Array<Error>(50).fill(new VitalmeshError('STORAGE-FULL')));
  const stop = new AbortController();
  await s.corrections.start(stop.signal);
  stop.abort();
  await s.corrections[Symbol.asyncDispose]();
  assert.ok(s.waits.length < 50);
});
