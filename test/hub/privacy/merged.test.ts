import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../hub/access/default-policy.ts';
import { operatorPrincipal } from '../../../hub/access/principals.ts';
import { PatientRights } from '../../../hub/privacy/rights.ts';
import { verifies } from '../../requirements.ts';
import { FOLLOWING_REGISTRY, held, idOf, measure, READ, tell } from '../../support/following.ts';
import { gathered, TestClock, type TestHub, testHub } from '../../support/hub.ts';

const OPERATOR = operatorPrincipal(1000, 'clinic');
const CONTEXT = { channel: 'operator' } as const;

interface Site {
  hub: TestHub;
  hold(patient: string): Promise<void>;
  erase(patient: string): Promise<unknown>;
}

/** A clinic that follows movements, an hour on. */
async function site(body: (site: Site) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-merged-'));
  const clock = new TestClock();
  clock.advance(3_600_000);
  try {
    await using hub = testHub({ clock, registry: FOLLOWING_REGISTRY });
    await hub.whereabouts.open();
    const staleness = { changed: () => undefined };
    const tombstones = join(folder, 'hub.db.erased');
    const rights = new PatientRights({ ...hub, policy: () => DEFAULT_POLICY, tombstones, staleness, clock });
    await body({
      hub,
      hold: (patient) => rights.hold(OPERATOR, { patient, reason: 'court' }, CONTEXT),
      erase: (patient) => rights.erase(OPERATOR, { patient, confirm: patient, reason: 'gdpr' }, CONTEXT),
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function movements({ store }: TestHub): Promise<number> {
  return (await gathered(await store.events('clinic', { kind: 'movement' }, (count) => ({ ...READ, count })))).length;
}

test('Nobody is erased under a number that was merged while they lie in a bed', async () => {
  verifies('ERASE-MERGED');
  await site(async ({ hub, erase }) => {
    await tell(hub, 1, 0, 'A01', { who: '1', bed: 'ICU-01', visit: 'v1' });
    await measure(hub, 1, 1, { bed: 'ICU-01', value: 71 });
    await tell(hub, 2, 6, 'A40', { who: '2', was: '1' });
    const [merged, survivor] = [await idOf(hub, '1'), await idOf(hub, '2')];
    await assert.rejects(erase(merged), { code: 'PATIENT-BOUND' });
    assert.equal(await movements(hub), 2);
    assert.equal(hub.registry.inBed('clinic', 'ICU-01'), survivor);
    assert.deepEqual(await held(hub, ['2']), { 2: [71] });
  });
});

for (const [what, heldNumber, erasedNumber] of [
  ['the number that survives is not erased while the merged one is', '1', '2'],
  ['the merged number is not erased while the one that survives is', '2', '1'],
] as const)
  test(`Of two numbers that are one person’s, ${what} under legal hold`, async () => {
    verifies('ERASE-MERGED');
    await site(async ({ hub, hold, erase }) => {
      await tell(hub, 1, 0, 'A01', { who: '1', bed: 'ICU-01', visit: 'v1' });
      await measure(hub, 1, 1, { bed: 'ICU-01', value: 71 });
      await tell(hub, 2, 5, 'A03', { who: '1', bed: 'ICU-01', visit: 'v1' });
      if (heldNumber === '1') await hold(await idOf(hub, '1'));
      await tell(hub, 3, 6, 'A40', { who: '2', was: '1' });
      if (heldNumber === '2') await hold(await idOf(hub, '2'));
      await assert.rejects(erase(await idOf(hub, erasedNumber)), { code: 'PATIENT-HELD' });
      assert.equal(await movements(hub), 3);
      assert.deepEqual(await held(hub, ['2']), { 2: [71] });
    });
  });

test('What a visit brought from somebody who is under legal hold is not erased with whom it was given to', async () => {
  verifies('ERASE-MERGED');
  await site(async ({ hub, hold, erase }) => {
    await tell(hub, 1, 0, 'A01', { who: '1', bed: 'ICU-01', visit: 'v1' });
    await measure(hub, 1, 1, { bed: 'ICU-01', value: 71 });
    await tell(hub, 2, 5, 'A03', { who: '1', bed: 'ICU-01', visit: 'v1' });
    await hold(await idOf(hub, '1'));
    await tell(hub, 3, 6, 'A45', { who: '2', was: '1', visit: 'v1', prior: { visit: 'v1' } });
    assert.deepEqual(await held(hub, ['1', '2']), { 2: [71] });
    await assert.rejects(erase(await idOf(hub, '2')), { code: 'PATIENT-HELD' });
    assert.deepEqual(await held(hub, ['2']), { 2: [71] });
  });
});

for (const [what, told] of [
  ['at once', [['A17', { who: '1', bed: 'ICU-02' }, { who: '2', bed: 'ICU-01' }]]],
  [
    'by way of nobody',
    [
      ['A03', { who: '1' }],
      ['A01', { who: '2', bed: 'ICU-01' }],
    ],
  ],
] as const)
  test(`What a late movement moved from somebody under legal hold, ${what}, is not erased with whom it came to, and what was there before is`, async () => {
    verifies('ERASE-HOLD');
    await site(async ({ hub, hold, erase }) => {
      await tell(hub, 1, 0, 'A01', { who: '1', bed: 'ICU-01' });
      await tell(hub, 2, 0, 'A01', { who: '3', bed: 'ICU-03' });
      await measure(hub, 1, 1, { bed: 'ICU-01', value: 71 });
      await measure(hub, 2, 10, { bed: 'ICU-01', value: 72 });
      await hold(await idOf(hub, '1'));
      for (const [i, [event, ...parties]] of told.entries()) await tell(hub, 3 + i, 5, event, ...parties);
      await tell(hub, 6, 30, 'A03', { who: '2' });
      await tell(hub, 7, 30, 'A03', { who: '3' });
      assert.deepEqual(await held(hub, ['1', '2']), { 1: [71], 2: [72] });
      await assert.rejects(erase(await idOf(hub, '2')), { code: 'PATIENT-HELD' });
      assert.deepEqual(await held(hub, ['1', '2']), { 1: [71], 2: [72] });
      await erase(await idOf(hub, '3'));
    });
  });

test('Whoever is erased is forgotten under all numbers that merges tie', async () => {
  verifies('ERASE-MERGED');
  await site(async ({ hub, erase }) => {
    await tell(hub, 1, 0, 'A01', { who: '1', bed: 'ICU-01', visit: 'v1' });
    await measure(hub, 1, 1, { bed: 'ICU-01', value: 71 });
    await tell(hub, 2, 5, 'A03', { who: '1', bed: 'ICU-01', visit: 'v1' });
    await tell(hub, 3, 6, 'A40', { who: '2', was: '1' });
    await tell(hub, 4, 7, 'A01', { who: '3', bed: 'ICU-02', visit: 'v3' });
    await erase(await idOf(hub, '2'));
    const left = await gathered(hub.store.placing.persons());
    assert.deepEqual(
      left.map(({ value }) => value),
      ['3'],
    );
    assert.equal(await movements(hub), 1);
  });
});
