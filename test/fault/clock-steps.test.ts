import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_AHEAD_MS } from '../../hub/clinical/sort-time.ts';
import type { Store } from '../../hub/store/store.ts';
import { event } from '../contract/store.ts';
import { verifies } from '../requirements.ts';
import { WallClock } from '../support/wall-clock.ts';
import { MonitoredSite, type Program } from './monitored-site.ts';

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
/** Messages that are acknowledged between two steps. */
const MESSAGES = 30;

/** How many of all that is stored are ordered by another time than the device's; those are the ones whose time the rule does not believe. */
async function setAside(store: Store): Promise<number> {
  let marked = 0;
  for await (const { effective, receivedAt, storedAt, sortTime, flags } of await store.observations('clinic', {}, (rows) => event(rows))) {
    const byGateway = effective > receivedAt + MAX_AHEAD_MS ? receivedAt : effective;
    const isAhead = byGateway > storedAt + MAX_AHEAD_MS;
    const isMarked = flags.includes('clock');
    assert.equal(isMarked, isAhead || byGateway !== effective, `${[effective, receivedAt, storedAt, sortTime]}`);
    assert.ok(isAhead ? sortTime <= storedAt : sortTime === byGateway, `${[effective, receivedAt, storedAt, sortTime]}`);
    marked += Number(isMarked);
  }
  return marked;
}

for (const [program, other] of [
  ['agent', 'hub'],
  ['hub', 'agent'],
] satisfies [Program, Program][]) {
  test(`the clock of the ${program} goes back an hour, ahead a year, and back: nothing is lost or stored twice, and the order is by the rule`, async (context) => {
    verifies('EXACTLY-ONCE', 'ACK-AFTER-COMMIT', 'CLOCK-STEPS');
    let clock: WallClock | undefined;
    const around = <T>(which: Program, folder: string, start: () => T): T => {
      if (which === other) return start();
      clock ??= new WallClock(folder, which);
      return clock.governs(start);
    };
    await using site = await MonitoredSite.start({ around });
    for (const aheadMs of [0, -HOUR_MS, 0, YEAR_MS, 0, -HOUR_MS]) {
      await clock?.set(aheadMs, site[program]);
      await site.acknowledgedMore(MESSAGES);
      // Something of each clock is in the store, however slow the way there is.
      const stored = (await site.hub.until(() => true)).counts.observations;
      await site.hub.until(({ counts }) => counts.observations > stored);
      // A start in between knows nothing of what the clock was before.
      if (aheadMs === -HOUR_MS) await site.restart(program, 'SIGTERM');
      await site.acknowledgedMore(MESSAGES);
    }
    const { acknowledged, held } = await site.settled();
    await using store = site.openStore();
    const marked = await setAside(store);
    assert.ok(marked > 2 * MESSAGES && marked < acknowledged);
    context.diagnostic(`${acknowledged} acknowledged, ${held} held, ${marked} with their time set aside: none missing, none twice`);
  });
}
