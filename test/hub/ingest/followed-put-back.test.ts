import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DEFAULT_POLICY } from '../../../hub/access/default-policy.ts';
import { openHand } from '../../../hub/patients/hand/open-hand.ts';
import { lostLog } from '../../../hub/patients/lost-log.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import type { StorePosition } from '../../../shared/uplink/lineage.ts';
import { verifies } from '../../requirements.ts';
import { FOLLOWING_REGISTRY, held, idOf, minute, readingBundle, tell } from '../../support/following.ts';
import { TestClock, type TestHub, testHub } from '../../support/hub.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-put-back-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const key = Buffer.alloc(32, 3);

/** Has the registry know what the store keeps of its bindings, as a hub does at its start and after a loss. */
async function bind(h: TestHub, clock: TestClock): Promise<void> {
  h.registry.rebound(await h.store.rebind(h.registry.bindings(), clock.now()));
}

/** Sends a reading of the first bed with the gateway's clock, which is the hub's. */
async function send(h: TestHub, clock: TestClock, seq: number, minutes: number, who?: string): Promise<void> {
  const bundle = readingBundle(seq, minutes, { bed: 'ICU-01', value: seq, ...(who !== undefined && { who }) }) as Record<string, unknown>;
  const { outcomes } = await h.ingest.batch('gw-icu', { ...bundle, timestamp: new Date(clock.now()).toISOString() });
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    [201],
  );
  await h.corrections.settled();
}

/** A hub whose store of minute 60 was put back at minute 150; at 60 ann lay in the bed, at 120 she left, and at 130 bob came. */
async function putBack(registry: string, check: (found: { h: TestHub; clock: TestClock }) => Promise<void>): Promise<void> {
  const [dir, back] = [mkdtempSync(join(folder, 'first-')), mkdtempSync(join(folder, 'back-'))];
  const clock = new TestClock(minute(0));
  const told: StorePosition[] = [];
  {
    await using first = testHub({ clock, registry: FOLLOWING_REGISTRY, dir, key });
    await bind(first, clock);
    clock.set(minute(60));
    await tell(first, 1, 0, 'A01', { who: 'ann', bed: 'ICU-01', visit: 'v' });
    await send(first, clock, 1, 50);
    told.push(await positionOf(first));
  }
  cpSync(dir, back, { recursive: true });
  {
    await using first = testHub({ clock, registry: FOLLOWING_REGISTRY, dir, key });
    await bind(first, clock);
    clock.set(minute(140));
    await left(first);
    told.push(await positionOf(first));
  }
  clock.set(minute(150));
  await using h = testHub({ clock, registry, dir: back, key });
  await bind(h, clock);
  await h.whereabouts.open();
  await h.ingest.hello('gw-icu', told);
  await bind(h, clock);
  await check({ h, clock });
}

/** What a gateway is told of where the store is in its life. */
async function positionOf({ ingest }: TestHub): Promise<StorePosition> {
  const { lineage, position } = await ingest.hello('gw-icu', []);
  return { epoch: lineage?.at(-1)?.epoch ?? assert.fail(), position: position ?? assert.fail() };
}

async function left(h: TestHub): Promise<void> {
  await tell(h, 2, 120, 'A03', { who: 'ann', bed: 'ICU-01', visit: 'v' });
  await tell(h, 3, 130, 'A01', { who: 'bob', bed: 'ICU-01', visit: 'w' });
}

test('a store that was put back gives nobody what was measured in a followed bed since, until all movements of that time came again', async () => {
  verifies('PUT-BACK-FOLLOWED');
  await putBack(FOLLOWING_REGISTRY, async ({ h, clock }) => {
    await send(h, clock, 2, 135);
    await send(h, clock, 3, 40);
    assert.deepEqual(await held(h, ['ann', 'bob'], ['ICU-01']), { ann: [1, 3], 'ICU-01': [2] }, 'what is surely older is hers');
    await left(h);
    await send(h, clock, 4, 125);
    assert.deepEqual(await held(h, ['ann', 'bob'], ['ICU-01']), { ann: [1, 3], 'ICU-01': [2, 4] }, 'others may be missing still');
    await send(h, clock, 5, 110);
    assert.deepEqual(
      await held(h, ['ann', 'bob'], ['ICU-01']),
      { ann: [1, 3, 5], 'ICU-01': [2, 4] },
      'up to the last one nothing is missing',
    );
    await tell(h, 4, 160, 'A08', { who: 'cay', bed: 'ICU-02' });
    await send(h, clock, 6, 140);
    assert.deepEqual(await held(h, ['ann', 'bob'], ['ICU-01']), { ann: [1, 3, 5], bob: [2, 6], 'ICU-01': [4] });
  });
});

test('a movement of now takes nothing along of the time of which movements are missing, whatever it says and of whichever bed', async () => {
  verifies('PUT-BACK-FOLLOWED');
  for (const silentAfter of ['30m', '12h'])
    await putBack(FOLLOWING_REGISTRY.replace('12h', silentAfter), async ({ h, clock }) => {
      await send(h, clock, 2, 125);
      await send(h, clock, 3, 135);
      clock.set(minute(165));
      await send(h, clock, 4, 165);
      const nobodys = { ann: [1], 'ICU-01': [2, 3, 4] };
      assert.deepEqual(await held(h, ['ann', 'bob'], ['ICU-01']), nobodys);
      // Two that were lost have the numbers between.
      await tell(h, 4, 160, 'A01', { who: 'cay', bed: 'ICU-02' });
      assert.deepEqual(await held(h, ['ann', 'bob'], ['ICU-01']), nobodys, 'of another bed');
      await tell(h, 5, 162, 'A08', { who: 'ann', bed: 'ICU-01', visit: 'v' });
      assert.deepEqual(await held(h, ['ann', 'bob'], ['ICU-01']), { ann: [1, 4], 'ICU-01': [2, 3] }, 'since then she surely lies there');
      await tell(h, 6, 164, 'A03', { who: 'ann', bed: 'ICU-01', visit: 'v' });
      assert.deepEqual(await held(h, ['ann', 'bob'], ['ICU-01']), nobodys);
      await left(h);
      assert.deepEqual(await held(h, ['ann', 'bob'], ['ICU-01']), { ann: [1], bob: [3, 4], 'ICU-01': [2] }, 'the backlog came');
    });
});

test('where movements are missing somebody says by hand who lay there, and from then on it is theirs', async () => {
  verifies('PUT-BACK-FOLLOWED');
  await putBack(FOLLOWING_REGISTRY, async ({ h, clock }) => {
    await send(h, clock, 2, 100);
    await send(h, clock, 3, 140);
    clock.set(minute(170));
    await send(h, clock, 4, 170);
    assert.deepEqual(await held(h, ['ann'], ['ICU-01']), { ann: [1], 'ICU-01': [2, 3, 4] });
    const { byHand } = openHand({ ...h, policy: () => DEFAULT_POLICY, clock, tenants: () => ['clinic'] });
    const operator = { id: 'local:1000', tenant: 'clinic', kind: 'operator', role: 'operator', patients: 'all' } as const;
    const ann = await idOf(h, 'ann');
    await byHand.say(operator, { act: 'admit', who: { patient: ann }, bed: 'ICU-01', at: minute(130) }, { channel: 'operator' });
    assert.deepEqual(await held(h, ['ann'], ['ICU-01']), { ann: [1, 3, 4], 'ICU-01': [2] });
  });
});

test('what names who lay in a followed bed is theirs also where movements are missing, and what names another is not', async () => {
  verifies('PUT-BACK-FOLLOWED');
  await putBack(FOLLOWING_REGISTRY, async ({ h, clock }) => {
    await send(h, clock, 2, 100, 'ann');
    await send(h, clock, 3, 135, 'bob');
    assert.deepEqual(await held(h, ['ann', 'bob'], ['ICU-01']), { ann: [1, 2], 'ICU-01': [3] });
  });
});

test('where somebody confirms after a store was put back, followed beds are whoever’s the movements say', async () => {
  verifies('PUT-BACK-FOLLOWED');
  const confirmed = (at: number) =>
    FOLLOWING_REGISTRY.replace('ICU-03: followed } }', `ICU-03: followed }, confirmed: '${new Date(at).toISOString()}' }`);
  await putBack(confirmed(minute(149)), async ({ h, clock }) => {
    await send(h, clock, 2, 100);
    assert.deepEqual(await held(h, ['ann'], ['ICU-01']), { ann: [1], 'ICU-01': [2] }, 'confirmed before it was found');
  });
  await putBack(confirmed(minute(150)), async ({ h, clock }) => {
    await send(h, clock, 2, 100);
    assert.deepEqual(await held(h, ['ann'], ['ICU-01']), { ann: [1, 2] });
  });
  await putBack(FOLLOWING_REGISTRY, async ({ h, clock }) => {
    await send(h, clock, 2, 100);
    await send(h, clock, 3, 150);
    assert.deepEqual(await held(h, ['ann'], ['ICU-01']), { ann: [1], 'ICU-01': [2, 3] });
    const next = parseRegistry(confirmed(minute(150)));
    h.registry.replace(next, await h.store.rebind(next.bindings(), clock.now()));
    await send(h, clock, 4, 110);
    assert.deepEqual(await held(h, ['ann'], ['ICU-01']), { ann: [1, 4], 'ICU-01': [2, 3] });
    await tell(h, 7, 151, 'A01', { who: 'cay', bed: 'ICU-02' });
    assert.deepEqual(await held(h, ['ann'], ['ICU-01']), { ann: [1, 2, 3, 4] }, 'what is there follows with the next movement');
  });
});

test('what was said by hand of the time that a store lost is told to be gone, once in the log, until it is confirmed', async () => {
  verifies('HAND-LOST-SAID');
  await putBack(FOLLOWING_REGISTRY, async ({ h, clock }) => {
    const warned: unknown[] = [];
    const warn = lostLog({ warn: (...args: unknown[]) => warned.push(args) }, 'PATIENT-HAND-LOST', () => h.whereabouts.lostMovements());
    warn();
    warn();
    assert.equal(warned.length, 1);
    assert.match(JSON.stringify(warned), /PATIENT-HAND-LOST/);
    const lost = { tenant: 'clinic', from: minute(60), found: minute(150) };
    assert.deepEqual(h.whereabouts.lostMovements(), [{ ...lost, toldAgainUntil: minute(60) }]);
    assert.equal(h.whereabouts.overdueSince('clinic'), minute(60), 'movements are said to be missing');
    await left(h);
    assert.deepEqual(h.whereabouts.lostMovements(), [{ ...lost, toldAgainUntil: minute(130) }]);
    await tell(h, 4, 160, 'A08', { who: 'cay', bed: 'ICU-02' });
    assert.deepEqual(h.whereabouts.lostMovements(), [{ ...lost, toldAgainUntil: null }], 'by hand nobody says it again');
    assert.equal(h.whereabouts.overdueSince('clinic'), undefined);
    const confirmed = `confirmed: '${new Date(minute(150)).toISOString()}'`;
    const icu = FOLLOWING_REGISTRY.replace('ICU-03: followed } }', `ICU-03: followed }, ${confirmed} }`);
    h.registry.replace(parseRegistry(icu), await h.store.rebind(parseRegistry(icu).bindings(), clock.now()));
    assert.equal(h.whereabouts.lostMovements().length, 1, 'of one bed another gateway speaks, too');
    const next = parseRegistry(icu.replace('OR-1: pat-or-0001 } }', `OR-1: pat-or-0001 }, ${confirmed} }`));
    h.registry.replace(next, await h.store.rebind(next.bindings(), clock.now()));
    assert.deepEqual(h.whereabouts.lostMovements(), []);
  });
});

test('what was measured in a followed bed before a new store began is whoever’s the movements say', async () => {
  verifies('PUT-BACK-FOLLOWED');
  const clock = new TestClock(minute(60));
  await using h = testHub({ clock, registry: FOLLOWING_REGISTRY });
  await bind(h, clock);
  await tell(h, 1, 0, 'A01', { who: 'ann', bed: 'ICU-01', visit: 'v' });
  await send(h, clock, 1, 10);
  assert.deepEqual(await held(h, ['ann'], ['ICU-01']), { ann: [1] });
});
