import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openClinical } from '../../../hub/clinical/open-clinical.ts';
import { type Change, Feed } from '../../../hub/feed.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import type { Currency } from '../../../hub/store/store.ts';
import { silentLogger } from '../../../shared/log.ts';
import { verifies } from '../../requirements.ts';
import { boundSinceEver, TEST_NOW } from '../../support/hub.ts';
import { TestTimer, WallClock } from './wall-clock.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DEVICES_A_HOME = 4;

/** Homes with a gateway and four devices each that all spoke just now, and a ward of three beds that follow movements. */
async function site(homes: number) {
  const clock = new WallClock();
  const timer = new TestTimer(clock);
  const feed = new Feed();
  const told: Change[] = [];
  feed.subscribe((change) => told.push(change));
  const ids = Array.from({ length: homes }, (_, i) => `home-${i}`);
  const beds = ['A', 'B', 'C'];
  const rows = ids.map((id) => `  - { identity: gw-${id}, tenant: clinic, patient: pat-${id} }`);
  const icu = `  - { identity: gw-icu, tenant: clinic, movements: true, beds: { ${beds.map((bed) => `${bed}: followed`).join(', ')} } }`;
  const lying = beds.map((bed) => ({ patient: `pat-bed-${bed}`, bed }));
  const presence = {
    patients: () => lying,
    patient: (_: string, id: string) => lying.find(({ patient }) => patient === id),
    isPatient: (id: string) => lying.some(({ patient }) => patient === id),
    inBed: (_: string, of: string) => lying.find(({ bed }) => bed === of)?.patient,
    onChange: () => ({ [Symbol.dispose]: () => undefined }),
  };
  const registry = boundSinceEver(parseRegistry(['gateways:', ...rows, icu].join('\n')), presence);
  const state = { isBound: true, overdue: undefined as number | undefined };
  const { staleness, sources } = openClinical(
    {},
    {
      ...{ store: { currencies: () => [], distrust: async () => undefined }, registry, feed, clock, timer, zone: 'UTC', log: silentLogger },
      ...{ record: async () => undefined, isAlone: true, isBound: () => state.isBound, overdueSince: () => state.overdue },
    },
  );
  await staleness.start(new AbortController().signal);
  const speak = (at = clock.now()): void =>
    staleness.changed(
      ids.flatMap((id) =>
        Array.from(
          { length: DEVICES_A_HOME },
          (_, i): Currency => ({
            ...{ tenant: 'clinic', patient: `pat-${id}`, vital: 'hr', device: `${id}-${i}`, place: 'home' },
            ...{ freshAt: at, storedAt: at },
          }),
        ),
      ),
    );
  const lines = (connected: boolean): void => {
    for (const id of [...ids, 'icu']) sources.presence(`gw-${id}`, connected, clock.now());
  };
  lines(true);
  speak();
  timer.pass(1);
  told.length = 0;
  return {
    ...{ clock, timer, state, speak, lines, homes: ids.map((id) => `pat-${id}`), lying: lying.map(({ patient }) => patient) },
    /** Since it was last asked: of each kind to whom it was told, and that nobody was told twice and each within a second of the limit. */
    take: (since: number, limitMs: number): Partial<Record<Change['kind'], string[]>> => {
      const all = told.splice(0);
      const byKind = Map.groupBy(all, ({ kind }) => kind);
      for (const [kind, changes] of byKind) {
        assert.equal(new Set(changes.map(({ patient }) => patient)).size, changes.length, `${kind} twice`);
        for (const { at } of changes) assert.ok(at >= since + limitMs && at <= since + limitMs + 1000, `${kind} at ${at - since} ms`);
      }
      return Object.fromEntries([...byKind].map(([kind, changes]) => [kind, changes.map(({ patient }) => patient)]));
    },
    [Symbol.asyncDispose]: () => staleness[Symbol.asyncDispose](),
  };
}

type Site = Awaited<ReturnType<typeof site>>;

/** What falls silent, after how long it is told, of whom and how; then an hour without a word, and what its coming back tells. */
const SILENCES: Readonly<
  Record<
    string,
    {
      fall: (s: Site) => void;
      limitMs: number;
      kinds: readonly Change['kind'][];
      back: (s: Site) => void;
      of: (s: Site) => readonly string[];
    }
  >
> = {
  'rows and devices': {
    fall: (s) => s.speak(),
    limitMs: MINUTE_MS,
    kinds: ['stale', 'sources'],
    back: (s) => s.speak(),
    of: (s) => s.homes,
  },
  gateways: {
    fall: (s) => s.lines(false),
    limitMs: MINUTE_MS,
    kinds: ['sources'],
    back: (s) => s.lines(true),
    of: (s) => [...s.homes, ...s.lying],
  },
  'the line of the hub': {
    fall: (s) => {
      s.state.isBound = false;
      s.lines(false);
    },
    limitMs: MINUTE_MS,
    kinds: ['sources'],
    back: (s) => {
      s.state.isBound = true;
      s.timer.pass(1000);
      s.lines(true);
    },
    of: (s) => [...s.homes, ...s.lying],
  },
  movements: {
    fall: (s) => {
      s.state.overdue = s.clock.now() - HOUR_MS;
    },
    limitMs: 0,
    kinds: ['sources'],
    back: (s) => {
      s.state.overdue = undefined;
    },
    of: (s) => s.lying,
  },
};

for (const [what, { fall, limitMs, kinds, back, of }] of Object.entries(SILENCES)) {
  for (const homes of [1, 2500]) {
    test(`${what} of ${homes} homes that fall silent are one change each, at the limit, and one when they are back`, async () => {
      verifies('SILENCE-ONCE', 'SOURCES-TOLD', 'STALE-IS-NULL');
      await using s = await site(homes);
      if (what !== 'rows and devices') await quiet(s);
      const wanted = of(s).toSorted();
      const since = s.clock.now();
      fall(s);
      s.timer.pass(limitMs + 1000);
      const silent = s.take(since, limitMs);
      assert.deepEqual(Object.keys(silent).sort(), kinds.toSorted());
      for (const kind of kinds) assert.deepEqual(silent[kind]?.toSorted(), wanted, kind);
      s.timer.pass(HOUR_MS);
      assert.deepEqual(s.take(0, 0), {}, 'not a word more');
      const now = s.clock.now();
      back(s);
      s.timer.pass(1000);
      const again = s.take(now, what === 'the line of the hub' ? 1000 : 0);
      assert.deepEqual(Object.keys(again), ['sources']);
      assert.deepEqual(again.sources?.toSorted(), wanted);
    });
  }

  for (const setBy of [HOUR_MS, -HOUR_MS]) {
    test(`${what}: a wall clock that is set by ${setBy / HOUR_MS} h on the way makes it neither two changes nor none`, async () => {
      verifies('SILENCE-ONCE');
      await using s = await site(3);
      if (what !== 'rows and devices') await quiet(s);
      const wanted = of(s).toSorted();
      s.clock.setWall(setBy);
      // Before the hub noticed that it was set.
      fall(s);
      const since = s.clock.now();
      s.timer.pass(limitMs + 1000);
      const silent = s.take(since, limitMs);
      for (const kind of kinds) assert.deepEqual(silent[kind]?.toSorted(), wanted, kind);
      s.timer.pass(HOUR_MS);
      s.clock.setWall(-setBy);
      s.timer.pass(HOUR_MS);
      assert.deepEqual(s.take(0, 0), {}, 'nor does putting it right');
    });
  }
}

/** Lets what spoke at the beginning fall silent. */
async function quiet(s: Site): Promise<void> {
  const since = s.clock.now() - 1;
  s.timer.pass(2 * MINUTE_MS);
  assert.equal(since, TEST_NOW);
  s.take(since, MINUTE_MS);
}
