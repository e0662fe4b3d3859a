import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Correction } from '../../../../hub/patients/hand/corrected.ts';
import { finishErasures } from '../../../../hub/privacy/finish-erasures.ts';
import { formatInstant } from '../../../../shared/clock.ts';
import { verifies } from '../../../requirements.ts';
import { idOf, measure, minute, READ, tell } from '../../../support/following.ts';
import { type HandSite, handSite } from './site.ts';

const mcp = { channel: 'mcp-2026' } as const;
const MIN = 60_000;

/** Ann lay in a bed until minute 20, and bob since; that is told in minute 40. Somebody read what is current of ann in minutes 25 and 31. */
async function toldLate({ hub, clock }: HandSite): Promise<{ ann: string; bob: string }> {
  await tell(hub, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  const ann = await idOf(hub, 'ann');
  const monitor = hub.registry.principal('ai-monitor') ?? assert.fail();
  await measure(hub, 1, 0, { bed: 'ICU-01', value: 70 });
  clock.advance(25 * MIN);
  assert.equal((await hub.door.latest(monitor, ann, mcp)).vitals.length, 1);
  clock.advance(5 * MIN);
  await measure(hub, 2, 30, { bed: 'ICU-01', value: 71 });
  clock.advance(MIN);
  assert.equal((await hub.door.latest(monitor, ann, mcp)).vitals.length, 1);
  clock.advance(9 * MIN);
  await tell(hub, 2, 20, 'A17', { who: 'ann', bed: 'ICU-02' }, { who: 'bob', bed: 'ICU-01' });
  clock.advance(MIN);
  return { ann, bob: await idOf(hub, 'bob') };
}

async function erased({ hub, clock }: HandSite, patient: string): Promise<void> {
  const order = { tenant: 'clinic', patient, reason: 'r', principal: 'test', at: clock.now(), names: [], kin: [] };
  await hub.store.erasing.beginErasure({ ...order, evidence: () => ({ ...READ, at: clock.now(), action: 'patient.erase', count: 0 }) });
  await finishErasures(hub.store.erasing, () => clock.now());
}

test('a read in between that showed nothing of what moved is not listed', () =>
  handSite(async (site) => {
    verifies('CORRECTIONS-LISTED');
    const { ann, bob } = await toldLate(site);
    const [found = assert.fail(), ...more] = await site.json<Correction[]>(['corrections']);
    assert.deepEqual([more, found.was, found.is, found.rows, found.from], [[], ann, bob, 1, formatInstant(minute(20))]);
    assert.deepEqual(
      found.readBy.map(({ seq: _, ...entry }) => entry),
      [{ at: formatInstant(minute(31)), principal: 'ai-monitor', action: 'vitals.read', patient: ann }],
    );
  }));

test('nor is one that showed what came late of before, and is still theirs; what moved on since was shown all the same', () =>
  handSite(async (site) => {
    verifies('CORRECTIONS-LISTED', 'WRONG-READS-LISTED');
    const { hub, clock } = site;
    await tell(hub, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
    const ann = await idOf(hub, 'ann');
    const monitor = hub.registry.principal('ai-monitor') ?? assert.fail();
    const read = async () => {
      clock.advance(MIN);
      await hub.door.latest(monitor, ann, mcp);
    };
    clock.advance(25 * MIN);
    await measure(hub, 1, 10, { bed: 'ICU-01', value: 70 });
    await read();
    await measure(hub, 2, 26, { bed: 'ICU-01', value: 71 });
    await read();
    clock.advance(MIN);
    await tell(hub, 2, 20, 'A03', { who: 'ann', bed: 'ICU-01' });
    await tell(hub, 3, 21, 'A01', { who: 'bob', bed: 'ICU-01' });
    const found = await site.json<Correction[]>(['corrections']);
    assert.deepEqual(
      found.map(({ was, readBy }) => [was, readBy.map(({ at, maybe = false }) => [at, maybe])]),
      [
        [ann, [[formatInstant(minute(27)), false]]],
        [null, []],
      ],
    );
  }));

test('of an export in between it is said that it may have shown what moved', () =>
  handSite(async (site) => {
    verifies('CORRECTIONS-LISTED');
    const { hub, clock, patients } = site;
    await tell(hub, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
    await measure(hub, 1, -10, { bed: 'ICU-01' });
    const of = await idOf(hub, 'ann');
    const entry = (count: number) => ({ ...READ, at: clock.now(), patient: of, count });
    for await (const _ of await hub.store.observations('clinic', { patient: of }, entry));
    clock.advance(MIN);
    await tell(hub, 2, -20, 'A03', { who: 'ann' });
    assert.match(
      (await patients(['corrections'])).stdout,
      /\n {2}local:1000 may have been shown it under p-\S+: entry \d+, \S+, observations\.export\n/,
    );
  }));

test('of somebody who was erased since, the other side alone is listed, and nothing of nobody where both were', () =>
  handSite(async (site) => {
    verifies('CORRECTIONS-LISTED');
    const { ann, bob } = await toldLate(site);
    await erased(site, ann);
    const [found = assert.fail(), ...more] = await site.json<Correction[]>(['corrections']);
    assert.deepEqual([more, found.was, found.is, found.erased, found.bed, found.readBy], [[], null, bob, true, 'ICU-01', []]);
    assert.match((await site.patients(['corrections'])).stdout, /1 row of bed ICU-01, .*: from somebody who was erased since to p-/);
    await erased(site, bob);
    assert.deepEqual(await site.json<Correction[]>(['corrections']), []);
  }));
