import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import { operatorPrincipal } from '../../../../hub/access/principals.ts';
import { BY_HAND } from '../../../../hub/patients/by-hand.ts';
import { openHand } from '../../../../hub/patients/hand/open-hand.ts';
import type { HandSurroundings } from '../../../../hub/patients/hand/operator.ts';
import { batchEntry } from '../../../../shared/uplink/kinds.ts';
import { verifies } from '../../../requirements.ts';
import { FOLLOWING_REGISTRY, HOSPITAL, measure, minute, movementBundle, tell } from '../../../support/following.ts';
import { TestClock, type TestHub, testHub } from '../../../support/hub.ts';

const CONTEXT = { channel: 'operator' } as const;
const OPERATOR = operatorPrincipal(7, 'clinic');
const number = (value: string) => ({ patient: { authority: HOSPITAL, value } });

function byHand(hub: TestHub, clock: TestClock): HandSurroundings['byHand'] {
  return openHand({ ...hub, policy: () => DEFAULT_POLICY, clock, tenants: () => ['clinic'] }).byHand;
}

test('what was said by hand holds after a restart, beside what the hospital says, and can still be taken back', async () => {
  verifies('PLACED-BY-HAND', 'STAYS-FROM-MOVEMENTS');
  const dir = mkdtempSync(join(tmpdir(), 'vitalmesh-by-hand-'));
  try {
    const clock = new TestClock();
    const hub = testHub({ dir, clock, registry: FOLLOWING_REGISTRY });
    const { key } = hub;
    const { statement, patients } = await byHand(hub, clock).say(
      OPERATOR,
      { act: 'admit', who: number('1'), bed: 'ICU-01', at: minute(-60) },
      CONTEXT,
    );
    await hub.close();
    await using again = testHub({ dir, key, clock, registry: FOLLOWING_REGISTRY });
    await again.whereabouts.open();
    const [one] = patients;
    assert.deepEqual(
      again.registry.patients('clinic').filter(({ bed }) => bed === 'ICU-01'),
      [one],
    );
    const second = await byHand(again, clock).say(OPERATOR, { act: 'admit', who: number('2'), bed: 'ICU-02', at: minute(-60) }, CONTEXT);
    assert.notEqual(second.statement, statement);
    await tell(again, 1, -30, 'A03', { who: '2' });
    assert.equal(again.registry.inBed('clinic', 'ICU-02'), null);
    clock.advance(1);
    await byHand(again, clock).undo(OPERATOR, statement, CONTEXT);
    assert.equal(again.registry.inBed('clinic', 'ICU-01'), null);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test('of a device that two gateways have in one bed it is asked which is meant, after a restart as before', async () => {
  verifies('DEVICE-OF-ITS-GATEWAY');
  const dir = mkdtempSync(join(tmpdir(), 'vitalmesh-by-hand-'));
  try {
    const clock = new TestClock();
    const hub = testHub({ dir, clock, registry: FOLLOWING_REGISTRY });
    const { key } = hub;
    await hub.whereabouts.open();
    await tell(hub, 1, -300, 'A01', { who: '1', bed: 'ICU-03' });
    await measure(hub, 1, -20, { agent: 'gw-icu', bed: 'ICU-03', value: 70 });
    await measure(hub, 1, -10, { agent: 'gw-mixed', bed: 'ICU-03', value: 90 });
    const isAsked = async (of: TestHub): Promise<void> =>
      await assert.rejects(byHand(of, clock).assignDevice(OPERATOR, { device: 'monitor-1', bed: null, at: minute(-60) }, CONTEXT), {
        code: 'PATIENT-DEVICE',
        detail: 'gw-icu, gw-mixed',
      });
    await isAsked(hub);
    await hub.close();
    await using again = testHub({ dir, key, clock, registry: FOLLOWING_REGISTRY });
    await again.whereabouts.open();
    await isAsked(again);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test('what was taken back can be said again of the same time, and taken back again', async () => {
  verifies('PLACED-BY-HAND');
  const clock = new TestClock();
  await using hub = testHub({ clock, registry: FOLLOWING_REGISTRY });
  await hub.whereabouts.open();
  const hand = byHand(hub, clock);
  for (const again of [1, 2]) {
    clock.advance(1);
    const { statement } = await hand.say(OPERATOR, { act: 'admit', who: number('1'), bed: 'ICU-01', at: minute(-60) }, CONTEXT);
    assert.notEqual(hub.registry.inBed('clinic', 'ICU-01'), null, `said ${again} times`);
    clock.advance(1);
    await hand.undo(OPERATOR, statement, CONTEXT);
    assert.equal(hub.registry.inBed('clinic', 'ICU-01'), null, `taken back ${again} times`);
  }
});

test('statements of several operators at one time are all kept, and each reading is under whom they add up to', async () => {
  verifies('PLACED-BY-HAND');
  const clock = new TestClock();
  await using hub = testHub({ clock, registry: FOLLOWING_REGISTRY });
  await hub.whereabouts.open();
  const hand = byHand(hub, clock);
  const beds = ['ICU-01', 'ICU-02', 'ICU-03'];
  const said = beds.map((bed, i) => hand.say(OPERATOR, { act: 'admit', who: number(String(i)), bed, at: minute(-60) }, CONTEXT));
  const [done] = await Promise.all([
    Promise.all(said),
    tell(hub, 1, -90, 'A01', { who: '9', bed: 'WARD-1' }),
    measure(hub, 1, -10, { bed: 'ICU-02' }),
  ]);
  assert.deepEqual(
    hub.registry.patients('clinic').flatMap(({ bed, patient }) => (beds.includes(bed ?? '') ? [patient] : [])),
    done.map(({ patients }) => patients[0]?.patient).sort(),
  );
  const monitor = hub.registry.principal('ai-monitor') ?? assert.fail();
  await hub.corrections.settled();
  const latest = await hub.door.latest(monitor, done[1]?.patients[0]?.patient ?? '', CONTEXT);
  assert.equal(latest.vitals.length, 1);
});

test('a gateway cannot speak in the name under which the hub keeps what operators say', async () => {
  verifies('PLACED-BY-HAND', 'GATEWAY-OWN-ONLY');
  await using hub = testHub({ clock: new TestClock(), registry: FOLLOWING_REGISTRY });
  const { outcomes } = await hub.ingest.batch('gw-adt', movementBundle(1, minute(-5), 'A01', [{ who: '1', bed: 'ICU-01' }], BY_HAND));
  assert.deepEqual(
    outcomes.map(({ status, code }) => [status, code]),
    [[422, 'INGEST-FOREIGN-ID']],
  );
  await assert.rejects(
    hub.ingest.batch(BY_HAND, { resourceType: 'Bundle', type: 'batch', entry: [batchEntry({ resourceType: 'Basic' } as never)] }),
    {
      code: 'UPLINK-UNKNOWN-GATEWAY',
    },
  );
});
