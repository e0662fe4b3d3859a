import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import { operatorPrincipal } from '../../../../hub/access/principals.ts';
import type { Amended, Amending } from '../../../../hub/clinical/amend/amending.ts';
import { openAmending } from '../../../../hub/clinical/amend/open-amending.ts';
import { PatientRights } from '../../../../hub/privacy/rights.ts';
import type { Selection } from '../../../../hub/store/amend/amend.ts';
import { verifies } from '../../../requirements.ts';
import { FOLLOWING_REGISTRY, held, idOf, measure, minute, tell } from '../../../support/following.ts';
import { TestClock, type TestHub, testHub } from '../../../support/hub.ts';

const OPERATOR = operatorPrincipal(1000, 'clinic');
const CONTEXT = { channel: 'operator' } as const;

interface Site {
  hub: TestHub;
  amending: Amending;
  /** Gives what was measured of a number in a quarter of an hour around `TEST_NOW` to another one. */
  give(from: string, to: string, more?: { minutes?: readonly [number, number] }): Promise<Amended>;
  hold(number: string): Promise<void>;
  erase(number: string): Promise<unknown>;
}

/** A clinic in whose first three beds ann, cat and dan lie, an hour on; of ann 71 was measured. */
async function site(body: (site: Site) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-held-'));
  const clock = new TestClock();
  clock.advance(3_600_000);
  try {
    await using hub = testHub({ clock, registry: FOLLOWING_REGISTRY });
    await hub.whereabouts.open();
    const parts = { ...hub, policy: () => DEFAULT_POLICY, clock };
    const amending = openAmending(parts);
    const rights = new PatientRights({ ...parts, tombstones: join(folder, 'hub.db.erased'), staleness: { changed: () => undefined } });
    for (const [i, who] of ['ann', 'cat', 'dan'].entries()) await tell(hub, i + 1, -60, 'A01', { who, bed: `ICU-0${i + 1}`, visit: who });
    await measure(hub, 1, 0, { value: 71 });
    await body({
      hub,
      amending,
      give: async (from, to, { minutes: [begin, end] = [-15, 15] } = {}) => {
        const selection: Selection = { patient: await idOf(hub, from), from: minute(begin), to: minute(end) };
        const asked = { kind: 'reassign', selection, to: await idOf(hub, to), reason: 'wrong-patient', trial: false } as const;
        return await amending.amend(OPERATOR, asked, CONTEXT);
      },
      hold: async (number) => rights.hold(OPERATOR, { patient: await idOf(hub, number), reason: 'court' }, CONTEXT),
      erase: async (number) => {
        const patient = await idOf(hub, number);
        return await rights.erase(OPERATOR, { patient, confirm: patient, reason: 'gdpr' }, CONTEXT);
      },
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Whoever is erased must not lie in a bed. */
async function discharged(hub: TestHub, seq: number, who: string, bed: string): Promise<void> {
  await tell(hub, seq, 30, 'A03', { who, bed, visit: who });
}

for (const [what, number] of [
  ['by the number that was merged', 'ann'],
  ['by the number that survives', 'bob'],
] as const)
  test(`What is under legal hold ${what} is not given away under the other one`, () =>
    site(async ({ hub, give, hold }) => {
      verifies('AMEND-HELD');
      if (number === 'ann') await hold('ann');
      await tell(hub, 4, 6, 'A40', { who: 'bob', was: 'ann' });
      if (number === 'bob') await hold('bob');
      await assert.rejects(give('bob', 'cat'), { code: 'PATIENT-HELD' });
      await assert.rejects(give('ann', 'cat'), { code: 'PATIENT-HELD' });
      assert.deepEqual(await held(hub, ['ann', 'bob', 'cat']), { bob: [71] });
    }));

test('What was given away before a legal hold is not erased with whom it was given to, nor is what comes late of it, nor is it given on', () =>
  site(async ({ hub, give, hold, erase }) => {
    verifies('AMEND-HELD', 'ERASE-HOLD');
    await give('ann', 'cat');
    await hold('ann');
    await measure(hub, 2, 1, { value: 72 });
    assert.deepEqual(await held(hub, ['ann', 'cat']), { cat: [71, 72] });
    await assert.rejects(give('cat', 'dan'), { code: 'PATIENT-HELD' });
    await discharged(hub, 5, 'cat', 'ICU-02');
    await discharged(hub, 6, 'dan', 'ICU-03');
    await assert.rejects(erase('cat'), { code: 'PATIENT-HELD' });
    assert.deepEqual(await held(hub, ['ann', 'cat']), { cat: [71, 72] });
  }));

test('Of what was given on, by a number that was merged since, every owner’s legal hold holds; what of others is there is free', () =>
  site(async ({ hub, amending, give, hold, erase }) => {
    verifies('AMEND-HELD', 'ERASE-HOLD');
    await measure(hub, 2, 20, { value: 90, bed: 'ICU-02' });
    const { amendments } = await give('ann', 'cat');
    await give('cat', 'dan');
    await amending.undo(OPERATOR, amendments[0]?.id ?? '', CONTEXT);
    assert.deepEqual(await held(hub, ['ann', 'cat', 'dan']), { cat: [90], dan: [71] });
    await tell(hub, 4, 25, 'A40', { who: 'bob', was: 'ann' });
    await hold('bob');
    await discharged(hub, 5, 'dan', 'ICU-03');
    await discharged(hub, 6, 'cat', 'ICU-02');
    await assert.rejects(erase('dan'), { code: 'PATIENT-HELD' });
    await assert.rejects(give('dan', 'cat'), { code: 'PATIENT-HELD' });
    assert.deepEqual((await give('cat', 'dan', { minutes: [16, 25] })).held, []);
    await erase('cat');
    assert.deepEqual(await held(hub, ['ann', 'cat', 'dan']), { dan: [71, 90] });
  }));

test('What was undone before is no longer held, and comes back also to whoever is', () =>
  site(async ({ hub, amending, give, hold, erase }) => {
    verifies('AMEND-HELD', 'ERASE-HOLD');
    const { amendments } = await give('ann', 'cat');
    await hold('ann');
    await amending.undo(OPERATOR, amendments[0]?.id ?? '', CONTEXT);
    assert.deepEqual(await held(hub, ['ann', 'cat']), { ann: [71] });
    await measure(hub, 2, 20, { value: 90, bed: 'ICU-02' });
    await discharged(hub, 5, 'cat', 'ICU-02');
    await erase('cat');
    assert.deepEqual(await held(hub, ['ann', 'cat']), { ann: [71] });
  }));
