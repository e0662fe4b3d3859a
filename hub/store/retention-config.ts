import { z } from 'zod';
import { RETAINED, type RetentionPolicy } from './retention.ts';

const DAY_MS = 24 * 3_600_000;
/** Whoever wants less than a day wants no store. */
const days = z.union([z.number().min(1).max(36_500), z.literal('forever')]);

/** `store.retention` of hub.yaml: how many days each is kept after it was stored. */
export const retentionConfig = z
  .strictObject({
    spot: days.default('forever').describe('Measurements now and then, in days or `forever`; a minute each remains.'),
    continuous: days.default(400).describe('Measurements of monitors; a minute each remains.'),
    minute: days.default(3650).describe('The minutes that remain of measurements; an hour each remains.'),
    hour: days.default('forever').describe('The hours that remain of minutes.'),
    alert: days.default('forever'),
    wave: days.default(400),
    movement: days.default('forever').describe('Who was admitted, transferred, discharged; `forever` wherever beds follow movements.'),
    gap: days.default('forever').describe('That data are missing.'),
    device: days.default('forever').describe('What a device is made of; what it is made of now is kept in any case.'),
    quarantine: days.default(400).describe('What was refused.'),
  })
  .optional();

/** What the configuration says, or the defaults where it says nothing. */
export function retentionPolicy(config: z.infer<typeof retentionConfig>): RetentionPolicy {
  const told = config ?? retentionConfig.unwrap().parse({});
  const kept = RETAINED.map((name) => [name, told[name] === 'forever' ? null : told[name] * DAY_MS]);
  return Object.fromEntries(kept) as RetentionPolicy;
}
