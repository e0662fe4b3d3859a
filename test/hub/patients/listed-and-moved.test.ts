import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { resourcesOf } from '../../../agent/resources.ts';
import type { Principal } from '../../../hub/access/access.ts';
import { compactLatest } from '../../../hub/mcp/views.ts';
import { latestText } from '../../../hub/mcp/wording.ts';
import { verifies } from '../../requirements.ts';
import { FOLLOWING_REGISTRY, HOSPITAL, idOf, measure, minute, tell } from '../../support/following.ts';
import { sampleBundle, TEST_EPOCH, TestClock, type TestHub, testHub } from '../../support/hub.ts';

const CONTEXT = { channel: 'mcp-2026' } as const;
const NURSE = 'ai-icu';
const HER_OWN = 'ai-own';
const HEART = 'ai-heart';

/** The clinic, in which Ann has a home gateway (or none), an ICU with its nurse, readers of Ann alone, and of the panel that she is on. */
function registryWith(ann: string, hasHome: boolean): string {
  const reader = (identity: string, reach: string) =>
    `  - { identity: ${identity}, tenant: clinic, kind: person, role: clinician, ${reach} }\n`;
  const readers = [
    reader(NURSE, 'patients: [], wards: [icu]'),
    reader(HER_OWN, `patients: [${ann}]`),
    reader(HEART, 'patients: [], panels: [heart]'),
  ];
  const groups = `wards:\n  icu: { tenant: clinic, beds: [ICU-01, ICU-02, ICU-03] }\npanels:\n  heart: { tenant: clinic, patients: [${ann}] }\n`;
  return `${hasHome ? FOLLOWING_REGISTRY.replace('pat-home-01', ann) : FOLLOWING_REGISTRY}${readers.join('')}${groups}`;
}

/** A hub that knew Ann's number before its registry named her. */
async function site(hasHome = true) {
  const [dir, key, clock] = [await mkdtemp(join(tmpdir(), 'vitalmesh-listed-')), randomBytes(32), new TestClock(minute(0))];
  const before = testHub({ dir, key, clock, registry: FOLLOWING_REGISTRY });
  await before.whereabouts.open();
  await before.whereabouts.hear('clinic', [{ authority: HOSPITAL, value: 'ann' }]);
  const ann = await idOf(before, 'ann');
  await before.close();
  const hub = testHub({ dir, key, clock, registry: registryWith(ann, hasHome) });
  await hub.whereabouts.open();
  const reader = principalOf(hub, 'ai-monitor');
  return {
    ...{ hub, ann, clock, reader },
    latest: (id = ann, by = reader) => hub.door.latest(by, id, CONTEXT),
    rows: async (id = ann) => {
      const { vitals } = await hub.door.latest(reader, id, CONTEXT);
      return vitals.map(({ vital, value, lastKnown, formerStay = false }) => [vital, value, lastKnown?.value ?? null, formerStay]);
    },
    [Symbol.asyncDispose]: async () => {
      await hub.close();
      await rm(dir, { recursive: true });
    },
  };
}

function principalOf(hub: TestHub, identity: string): Principal {
  return hub.registry.principal(identity) ?? assert.fail(identity);
}

const HOME = { agent: 'gw-home', device: 'WS-0001', vital: 'temp' } as const;

test('what was measured in a hospital bed is of a stay that ended, of whoever has a home gateway too; what that measures is current', async () => {
  verifies('LISTED-AND-MOVED');
  for (const hasHome of [false, true]) {
    await using s = await site(hasHome);
    await tell(s.hub, 1, -300, 'A01', { who: 'ann', bed: 'ICU-01' });
    await measure(s.hub, 1, -10, { bed: 'ICU-01', vital: 'temp', value: 39.9 });
    assert.deepEqual(await s.rows(), [['temp', 39.9, null, false]]);
    await tell(s.hub, 2, -5, 'A03', { who: 'ann', bed: 'ICU-01' });
    assert.deepEqual(await s.rows(), [['temp', null, 39.9, false]]);
    const { discharged, leftBed } = await s.latest();
    const [said, unsaid] = hasHome ? [leftBed, discharged] : [discharged, leftBed];
    assert.deepEqual([Date.parse(said ?? ''), unsaid], [minute(-5), undefined]);
    if (hasHome) {
      await measure(s.hub, 2, -3, { ...HOME, value: 37.1 });
      assert.deepEqual(await s.rows(), [
        ['temp', 37.1, null, false],
        ['temp', null, 39.9, false],
      ]);
    }
    await tell(s.hub, 3, -2, 'A01', { who: 'ann', bed: 'ICU-02' });
    assert.deepEqual((await s.rows()).at(-1), ['temp', null, 39.9, true]);
    assert.equal(Date.parse((await s.latest()).admitted ?? ''), minute(-2));
    if (hasHome) assert.deepEqual((await s.rows())[0], ['temp', 37.1, null, false], 'at home nobody was discharged');
  }
});

test('an alert of the bed is unknown once its patient left, of whoever has a home gateway too; one of the home stands', async () => {
  verifies('LISTED-AND-MOVED', 'ALERTS-LEFT');
  await using s = await site();
  const alert = async (gateway: string, device: string, subject: object, at: number, seq: number) => {
    const told = { phase: 'start', state: 'active', priority: 'high', type: 'physiological', instance: device, text: 'SpO2 LOW' } as const;
    const record = {
      ...{ source: 'x', profile: 'hl7-pcd01', device: { id: device, idType: 'serial' as const }, receivedAt: at },
      ...{ subject, test: false, class: 'alert' as const, readings: [], alerts: [{ ...told, effective: at }] },
    };
    const { outcomes } = await s.hub.ingest.batch(gateway, sampleBundle(resourcesOf(record, { agent: gateway, epoch: TEST_EPOCH, seq })));
    assert.ok(outcomes.every(({ status }) => status === 201));
  };
  const states = async () =>
    (await s.hub.door.alerts(s.reader, s.ann, CONTEXT)).alerts
      .map(({ device, state, stateSince }) => [device, state, Date.parse(stateSince)])
      .sort();
  await tell(s.hub, 1, 0, 'A01', { who: 'ann', bed: 'ICU-01', visit: 'v' });
  s.clock.set(minute(2));
  await measure(s.hub, 1, 2, { bed: 'ICU-01', device: 'monitor-1' });
  await alert('gw-icu', 'monitor-1', { bed: 'ICU-01' }, minute(2), 2);
  assert.deepEqual(await states(), [['monitor-1', 'active', minute(2)]]);
  s.clock.set(minute(3) - 10_000);
  await tell(s.hub, 2, 2.5, 'A03', { who: 'ann', bed: 'ICU-01', visit: 'v' });
  await measure(s.hub, 1, 2.6, { ...HOME, device: 'home-1', value: 37.1 });
  await alert('gw-home', 'home-1', {}, minute(2.6), 2);
  assert.deepEqual(await states(), [
    ['home-1', 'active', minute(2.6)],
    ['monitor-1', 'unknown', minute(2.5)],
  ]);
  assert.equal(Date.parse((await s.hub.door.alerts(s.reader, s.ann, CONTEXT)).leftBed ?? ''), minute(2.5));
});

test('whom a row binds and the hospital merged is told to be the other, too, whom each of her readers reaches, and nobody else', async () => {
  verifies('LISTED-AND-MOVED', 'MERGED-RESOLVES');
  await using s = await site();
  await tell(s.hub, 1, -300, 'A01', { who: 'ann', bed: 'ICU-01' });
  await measure(s.hub, 1, -0.8, { bed: 'ICU-01', value: 140 });
  await assert.doesNotReject(s.latest(s.ann, principalOf(s.hub, NURSE)));
  await tell(s.hub, 2, -0.5, 'A40', { who: 'bea', was: 'ann' });
  const bea = await idOf(s.hub, 'bea');
  const other = { patient: bea, bed: 'ICU-01', ward: 'icu' };
  const view = await s.latest();
  assert.deepEqual([view.patient, view.bed, view.alsoKnownAs, view.vitals.length], [s.ann, null, other, 0]);
  assert.deepEqual(await s.rows(bea), [['hr', 140, null, false]]);
  assert.match(latestText(compactLatest(view)), new RegExp(`ALSO KNOWN AS ${bea} \\(bed ICU-01\\)`));
  for (const who of [HER_OWN, HEART]) {
    const reader = principalOf(s.hub, who);
    assert.deepEqual((await s.latest(s.ann, reader)).alsoKnownAs, other, who);
    assert.equal((await s.latest(bea, reader)).vitals[0]?.value, 140, who);
  }
  const nurse = principalOf(s.hub, NURSE);
  assert.equal((await s.latest(bea, nurse)).vitals[0]?.value, 140);
  await assert.rejects(s.latest(s.ann, nurse), { code: 'NOT-FOUND' }, 'what comes of the home under this id is not the ward’s');
  assert.deepEqual(
    s.hub.registry
      .patients('clinic')
      .filter(({ bed }) => bed === 'ICU-01')
      .map(({ patient }) => patient),
    [bea],
    'nobody is in the bed twice',
  );
  await tell(s.hub, 3, -0.2, 'A02', { who: 'bea', bed: 'ICU-02' });
  assert.equal((await s.latest()).alsoKnownAs?.bed, 'ICU-02');
});

test('of two who are said to lie in one bed it is said that neither does for sure, of whoever has a home gateway too', async () => {
  verifies('LISTED-AND-MOVED');
  for (const hasHome of [false, true]) {
    await using s = await site(hasHome);
    await tell(s.hub, 1, -300, 'A01', { who: 'ann', bed: 'ICU-01' });
    await tell(s.hub, 2, -5, 'A01', { who: 'bea', bed: 'ICU-01' });
    const { bed, unplaced, ward } = await s.latest();
    assert.deepEqual([bed, unplaced, ward], [null, true, undefined], `${hasHome}`);
    assert.deepEqual(s.hub.registry.patient('clinic', s.ann)?.possible, [{ bed: 'ICU-01', ward: 'icu' }]);
    await assert.rejects(s.latest(s.ann, principalOf(s.hub, NURSE)), { code: 'NOT-FOUND' });
  }
});

test('whom no movement put into a followed bed is at home where a row says so', async () => {
  verifies('LISTED-AND-MOVED');
  await using s = await site();
  await tell(s.hub, 1, -5, 'A01', { who: 'ann', bed: 'WARD-7' });
  const { bed, unplaced, leftBed } = await s.latest();
  assert.deepEqual([bed, unplaced, leftBed], [null, undefined, undefined]);
});

test('whoever is moved to where nobody follows left the bed and was not discharged, until they are', async () => {
  verifies('LEFT-NOT-DISCHARGED');
  for (const hasHome of [false, true]) {
    for (const to of ['WARD-7', '']) {
      await using s = await site(hasHome);
      await tell(s.hub, 1, -300, 'A01', { who: 'ann', bed: 'ICU-01' });
      await measure(s.hub, 1, -10, { bed: 'ICU-01', vital: 'temp', value: 39.9 });
      await tell(s.hub, 2, -3, 'A02', { who: 'ann', bed: to });
      const { bed, discharged, unplaced, leftBed } = await s.latest();
      assert.deepEqual(
        [bed, discharged, unplaced, Date.parse(leftBed ?? '')],
        [null, undefined, undefined, minute(-3)],
        `${to} ${hasHome}`,
      );
      assert.deepEqual(await s.rows(), [['temp', null, 39.9, false]]);
      const text = latestText(compactLatest(await s.latest()));
      assert.match(text, /in no bed that the hub follows.*LEFT THE BED at/s);
      assert.doesNotMatch(text, /discharged/i);
      await assert.rejects(s.latest(s.ann, principalOf(s.hub, NURSE)), { code: 'NOT-FOUND' });
      const isListed = s.hub.registry.patients('clinic').some(({ patient }) => patient === s.ann);
      assert.equal(isListed, hasHome, 'as after a discharge');
      await tell(s.hub, 3, -2, 'A02', { who: 'ann', bed: 'ICU-02' });
      const back = await s.latest();
      assert.deepEqual([back.bed, back.leftBed, back.admitted], ['ICU-02', undefined, undefined], 'it is the same stay');
    }
  }
  await using s = await site(false);
  await tell(s.hub, 1, -300, 'A01', { who: 'ann', bed: 'ICU-01' });
  await tell(s.hub, 2, -3, 'A02', { who: 'ann', bed: 'WARD-7' });
  await tell(s.hub, 3, -2, 'A03', { who: 'ann', bed: 'WARD-7' });
  const { discharged, leftBed } = await s.latest();
  assert.deepEqual([Date.parse(discharged ?? ''), leftBed], [minute(-2), undefined]);
});
