import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import type { AskedAmendment } from '../../../../hub/clinical/amend/amending.ts';
import { openAmending } from '../../../../hub/clinical/amend/open-amending.ts';
import { DueReadings } from '../../../../hub/clinical/due/due.ts';
import { expectedSchema } from '../../../../hub/clinical/due/schema.ts';
import { supportSchema } from '../../../../hub/clinical/support/schema.ts';
import { Support } from '../../../../hub/clinical/support/support.ts';
import { verifies } from '../../../requirements.ts';
import { type SampleOptions, sampleBundle, sampleObservation, TEST_NOW, TEST_REGISTRY, TestClock, testHub } from '../../../support/hub.ts';

const OPERATOR = { id: 'local:0', tenant: 'clinic', kind: 'operator', role: 'operator', patients: 'all' } as const;
const CONTEXT = { channel: 'operator' } as const;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const [HER, HIM] = ['pat-home-01', 'pat-home-02'];
const [ONE, OTHER] = ['pat-icu-01', 'pat-icu-02'];

const RULES = supportSchema.parse({
  version: '1',
  news2: { applies: { patients: [ONE, OTHER] } },
  weight: { applies: { patients: [HER, HIM] }, rules: [{ gainKg: 2, days: 3, source: 'ward order 12' }] },
  baseline: { applies: { patients: [HER, HIM] }, days: 7, vitals: ['weight'] },
});

/** From an hour before `TEST_NOW` on, each day. */
const WINDOW = [-1, 1].map((hours) => new Date(TEST_NOW + hours * HOUR_MS).toISOString().slice(11, 16)).join('-');
const EXPECTED = expectedSchema.parse({
  version: '1',
  patients: { [HER]: { weight: [{ window: WINDOW }] }, [HIM]: { weight: [{ window: WINDOW }] } },
});

function site() {
  const clock = new TestClock();
  const policy = () => DEFAULT_POLICY;
  const hub = testHub({ clock, policy, registry: TEST_REGISTRY });
  const { door, registry, feed } = hub;
  const support = new Support({ door, registry, rules: { current: { revision: '', rules: RULES } } });
  const due = new DueReadings({ door, registry, feed, policy, clock, zone: 'UTC', rules: { current: { revision: '', rules: EXPECTED } } });
  const amending = openAmending({ ...hub, policy, clock });
  return {
    amending,
    sent: async (gateway: string, ...samples: (SampleOptions & { effective: number })[]) => {
      const rows = samples.map((one, i) => sampleObservation({ agent: gateway, seq: i + 1, receivedAt: one.effective, ...one }));
      await hub.ingest.batch(gateway, sampleBundle(rows));
    },
    decide: async (asked: Pick<AskedAmendment, 'kind' | 'selection' | 'to'>) => {
      const { amendments } = await amending.amend(OPERATOR, { reason: 'wrong-patient', trial: false, ...asked }, CONTEXT);
      return amendments[0]?.id ?? assert.fail();
    },
    /** What is expected of somebody, the weights, their gain, and what is usual. */
    home: async (patient: string) => {
      const { weight, baseline } = await support.of(OPERATOR, patient, CONTEXT);
      const [expected] = (await due.of(OPERATOR, patient, CONTEXT)).expected;
      const usual = baseline?.[0];
      return [expected?.state, expected?.done !== null, weight?.[0]?.gainKg ?? null, usual?.median ?? null, usual?.n ?? 0];
    },
    /** Of the score: the pulse, and what is sure at least. */
    score: async (patient: string) => {
      const { news2 } = await support.of(OPERATOR, patient, CONTEXT);
      return [news2?.inputs.find(({ parameter }) => parameter === 'heart-rate')?.value ?? null, news2?.atLeast];
    },
    [Symbol.asyncDispose]: () => hub.close(),
  };
}

test('what is due, gained and usual is of the readings that count and of whom they are, as soon as somebody decides it', async () => {
  verifies('AMEND-RECKONED');
  await using s = site();
  const weight = (kg: number, daysAgo: number) => ({
    vital: 'weight',
    value: kg,
    device: 'scale-1',
    effective: TEST_NOW - daysAgo * DAY_MS - 60_000,
  });
  await s.sent('gw-home', weight(80, 2), weight(81, 1), weight(83, 0));
  assert.deepEqual(await s.home(HER), ['done', true, 3, 81, 3]);
  assert.deepEqual(await s.home(HIM), ['due', false, null, null, 0]);
  const selection = { patient: HER, from: TEST_NOW - HOUR_MS, to: TEST_NOW };
  const isVoid = await s.decide({ kind: 'void', selection });
  assert.deepEqual(await s.home(HER), ['due', false, 1, 80.5, 2]);
  await s.amending.undo(OPERATOR, isVoid, CONTEXT);
  assert.deepEqual(await s.home(HER), ['done', true, 3, 81, 3]);
  const gift = await s.decide({ kind: 'reassign', selection, to: HIM });
  assert.deepEqual(
    [await s.home(HER), await s.home(HIM)],
    [
      ['due', false, 1, 80.5, 2],
      ['done', true, null, 83, 1],
    ],
  );
  await s.amending.undo(OPERATOR, gift, CONTEXT);
  assert.deepEqual(
    [await s.home(HER), await s.home(HIM)],
    [
      ['done', true, 3, 81, 3],
      ['due', false, null, null, 0],
    ],
  );
});

test('a score is of the newest reading that counts and is the patient’s, as soon as somebody decides it', async () => {
  verifies('AMEND-RECKONED');
  await using s = site();
  const pulse = (value: number, secondsAgo: number) => ({ vital: 'hr', value, effective: TEST_NOW - secondsAgo * 1000 });
  await s.sent('gw-icu', pulse(75, 20), pulse(135, 5));
  assert.deepEqual(
    [await s.score(ONE), await s.score(OTHER)],
    [
      [135, 3],
      [null, 0],
    ],
  );
  const selection = { patient: ONE, from: TEST_NOW - 10_000, to: TEST_NOW };
  const isVoid = await s.decide({ kind: 'void', selection });
  assert.deepEqual(await s.score(ONE), [75, 0]);
  await s.amending.undo(OPERATOR, isVoid, CONTEXT);
  await s.decide({ kind: 'reassign', selection, to: OTHER });
  assert.deepEqual(
    [await s.score(ONE), await s.score(OTHER)],
    [
      [75, 0],
      [135, 3],
    ],
  );
});
