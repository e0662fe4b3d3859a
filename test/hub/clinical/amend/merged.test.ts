import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import { openAmending } from '../../../../hub/clinical/amend/open-amending.ts';
import { amend } from '../../../contract/store-amend.ts';
import { verifies } from '../../../requirements.ts';
import { evidenceOf } from '../../../support/evidence.ts';
import { FOLLOWING_REGISTRY, held, idOf, listening, measure, minute, tell } from '../../../support/following.ts';
import { TestClock, type TestHub, testHub } from '../../../support/hub.ts';

const READER = { id: 'ai-monitor', tenant: 'clinic', kind: 'software', role: 'monitor', patients: 'all' } as const;
const OPERATOR = { id: 'local:0', tenant: 'clinic', kind: 'operator', role: 'operator', patients: 'all' } as const;
const CONTEXT = { channel: 'operator' } as const;
const PEOPLE = ['ann', 'ben', 'unknown-1'] as const;

/** Ann and Ben in their beds, somebody without a name who left, and a value of Ben's that was that one's. */
async function ward(): Promise<TestHub> {
  const h = testHub({ clock: new TestClock(minute(0)), registry: FOLLOWING_REGISTRY });
  await tell(h, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  await tell(h, 2, -60, 'A01', { who: 'ben', bed: 'ICU-02' });
  await tell(h, 3, -90, 'A01', { who: 'unknown-1', bed: 'ICU-03' });
  await tell(h, 9, -70, 'A03', { who: 'unknown-1', bed: 'ICU-03' });
  await measure(h, 1, -40, { value: 61 });
  await measure(h, 2, -20, { value: 71, bed: 'ICU-02', vital: 'spo2' });
  await measure(h, 3, -30, { value: 62, bed: 'ICU-02' });
  return h;
}

/** What a reader is shown under an id: of whom, and the values. */
async function shown(h: TestHub, patient: string): Promise<[patient: string, values: (number | null)[]]> {
  const view = await h.door.latest(READER, patient, CONTEXT);
  return [view.patient, view.vitals.map(({ value, lastKnown }) => value ?? lastKnown?.value ?? null).sort()];
}

const GIFT = { from: minute(-25), to: minute(-15) };

test('what was given to a number is seen under whom it goes by, merged and parted, and never under anybody else', async () => {
  verifies('AMEND-MERGED');
  await using h = await ward();
  const [ann, ben, unknown] = (await Promise.all(PEOPLE.map((who) => idOf(h, who)))) as [string, string, string];
  const amending = openAmending({ ...h, policy: () => DEFAULT_POLICY, clock: new TestClock(minute(0)) });
  const asked = { kind: 'reassign', selection: { patient: ben, ...GIFT }, to: unknown, reason: 'wrong-patient', trial: false } as const;
  const { amendments } = await amending.amend(OPERATOR, asked, CONTEXT);
  assert.deepEqual(await shown(h, unknown), [unknown, [71]]);
  const told = listening(h);
  await tell(h, 4, -10, 'A40', { who: 'ann', was: 'unknown-1' });
  assert.deepEqual(
    told
      .filter(({ kind }) => kind === 'corrected')
      .map(({ patient, vitals }) => `${patient} ${vitals}`)
      .sort(),
    [unknown, ann].map((patient) => `${patient} spo2`).sort(),
  );
  assert.deepEqual(
    [await shown(h, ann), await shown(h, unknown), await shown(h, ben)],
    [
      [ann, [61, 71]],
      [ann, [61, 71]],
      [ben, [62]],
    ],
  );
  const moved = (await evidenceOf(h.store)).filter(({ action, count }) => action === 'patients.place' && count > 0);
  assert.deepEqual(
    moved.map(({ patient, reason }) => [patient, reason]),
    [
      [unknown, 'moved-away'],
      [ann, 'moved-here'],
    ],
  );
  // What comes late of it, while both are one.
  await measure(h, 4, -20, { value: 72, bed: 'ICU-02', vital: 'spo2', status: 'corrected' });
  assert.deepEqual(await held(h, PEOPLE), { ann: [61, 71, 72], ben: [62] });
  assert.deepEqual(await shown(h, unknown), [ann, [61, 72]]);
  await tell(h, 5, -5, 'A37', { who: 'ann' }, { who: 'unknown-1' });
  assert.deepEqual(await held(h, PEOPLE), { ann: [61], ben: [62], 'unknown-1': [71, 72] });
  assert.deepEqual(
    [await shown(h, ann), await shown(h, unknown)],
    [
      [ann, [61]],
      [unknown, [72]],
    ],
  );
  await amending.undo(OPERATOR, amendments[0]?.id ?? '', CONTEXT);
  assert.deepEqual(await held(h, PEOPLE), { ann: [61], ben: [62, 71, 72] });
});

test('in whatever order somebody gives, merges and measures again: it is the survivor’s, and the number’s own once they are parted', async () => {
  verifies('AMEND-MERGED');
  const orders = (of: readonly string[]): string[][] =>
    of.length < 2 ? [[...of]] : of.flatMap((one) => orders(of.filter((other) => other !== one)).map((rest) => [one, ...rest]));
  for (const order of orders(['give', 'merge', 'late'])) {
    await using h = await ward();
    const [ben, unknown] = (await Promise.all(['ben', 'unknown-1'].map((who) => idOf(h, who)))) as [string, string];
    for (const one of order) {
      if (one === 'give') {
        await amend(h.store, { kind: 'reassign', to: unknown, selection: { patient: ben, ...GIFT } });
        h.corrections.wake();
        await h.corrections.settled();
      } else if (one === 'merge') await tell(h, 4, -10, 'A40', { who: 'ann', was: 'unknown-1' });
      else await measure(h, 4, -18, { value: 72, bed: 'ICU-02', vital: 'spo2' });
    }
    assert.deepEqual(await held(h, PEOPLE), { ann: [61, 71, 72], ben: [62] }, order.join());
    await tell(h, 5, -5, 'A37', { who: 'ann' }, { who: 'unknown-1' });
    assert.deepEqual(await held(h, PEOPLE), { ann: [61], ben: [62], 'unknown-1': [71, 72] }, order.join());
    assert.deepEqual((await h.store.verify()).findings, []);
  }
});
