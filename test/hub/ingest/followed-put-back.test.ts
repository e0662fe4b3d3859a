import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { StorePosition } from '../../../shared/uplink/lineage.ts';
import { verifies } from '../../requirements.ts';
import { FOLLOWING_REGISTRY, held, minute, readingBundle, tell } from '../../support/following.ts';
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

test('a store that was put back gives nobody what was measured in a followed bed since; the movements of that time move what is there', async () => {
  verifies('PUT-BACK-FOLLOWED');
  await putBack(FOLLOWING_REGISTRY, async ({ h, clock }) => {
    await send(h, clock, 2, 135);
    await send(h, clock, 3, 40);
    assert.deepEqual(await held(h, ['ann', 'bob'], ['ICU-01']), { ann: [1, 3], 'ICU-01': [2] }, 'what is surely older is hers');
    await left(h);
    assert.deepEqual(await held(h, ['ann', 'bob'], ['ICU-01']), { ann: [1, 3], bob: [2] });
    await send(h, clock, 4, 140);
    assert.deepEqual(await held(h, ['ann', 'bob'], ['ICU-01']), { ann: [1, 3], bob: [2], 'ICU-01': [4] }, 'others may be missing still');
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
