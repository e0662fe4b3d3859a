import assert from 'node:assert/strict';
import { test } from 'node:test';
import { event } from '../contract/store.ts';
import { verifies } from '../requirements.ts';
import { WallClock } from '../support/wall-clock.ts';
import { type DeviceTime, digitsOf } from './keeping-device.ts';
import { MonitoredSite, type Program } from './monitored-site.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const ZONE = 'Europe/Berlin';
/** From an hour and a half before the change, one each two minutes, until two and a half after it. */
const MESSAGES_EACH = 120;
const BEFORE_MS = 1.5 * HOUR_MS;
/** Everything was measured by then. */
const AFTER_MS = 24 * HOUR_MS;

/** Europe's changes (Directive 2000/84/EC): the last Sundays of March and October, at 01:00 UTC. */
const CHANGES = [
  { name: 'begins', change: Date.UTC(2027, 2, 28, 1), offsets: [60, 120] },
  { name: 'ends', change: Date.UTC(2027, 9, 31, 1), offsets: [120, 60] },
] as const;

for (const { name, change, offsets } of CHANGES) {
  test(`summer time ${name} while devices show local time without an offset: each reading is stored once, in its hour, or marked`, async (context) => {
    verifies('EXACTLY-ONCE', 'CLOCK-STEPS');
    const [before, after] = offsets;
    const isEnd = after < before;
    const time: DeviceTime = (number) => {
      // A millisecond that no other one has, for an hour is shown twice.
      const measured = change - BEFORE_MS + number * 2 * MINUTE_MS + number;
      const isSecond = isEnd && measured >= change && measured < change + HOUR_MS;
      const shown = measured + (measured < change ? before : after) * MINUTE_MS;
      return { at: isSecond ? measured - HOUR_MS : measured, text: digitsOf(shown) };
    };
    const around = <T>(program: Program, folder: string, start: () => T): T => {
      const { TZ } = process.env;
      process.env.TZ = ZONE;
      try {
        return new WallClock(folder, program, change + AFTER_MS - Date.now()).governs(start);
      } finally {
        if (TZ === undefined) delete process.env.TZ;
        else process.env.TZ = TZ;
      }
    };
    await using site = await MonitoredSite.start({ time, zone: ZONE, around });
    await site.acknowledgedMore(4 * MESSAGES_EACH);
    const { acknowledged } = await site.settled();
    await using store = site.openStore();
    let doubtful = 0;
    for await (const { effective, sortTime, flags } of await store.observations('clinic', {}, (rows) => event(rows))) {
      const isEither = isEnd && effective >= change - HOUR_MS && effective < change;
      assert.deepEqual([sortTime, [...flags]], [effective, isEither ? ['dst-overlap'] : []]);
      doubtful += Number(isEither);
    }
    assert.equal(doubtful > 100, isEnd);
    context.diagnostic(`${acknowledged} acknowledged, ${doubtful} of an hour that was there twice: none missing, none twice`);
  });
}
