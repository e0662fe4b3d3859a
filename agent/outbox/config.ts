import { z } from 'zod';
import { DROPPABLE, type DroppableClass, LEAST_LIMIT_BYTES } from './room.ts';
import { DEFAULT_LIMITS } from './upkeep.ts';

const HOUR_MS = 3_600_000;

const hours = z.int().min(1).max(87_600);

/** What the outbox may take, and how long it keeps what. */
export const outboxLimitsConfig = z
  .strictObject({
    maxBytes: z
      .int()
      .min(LEAST_LIMIT_BYTES)
      .default(DEFAULT_LIMITS.maxBytes)
      .describe('Largest size of the file, its log of up to 16 MiB aside; less when the disk has less room. 2 GiB unless told.'),
    maxAgeHours: z
      .strictObject({ waveform: hours, continuous: hours, spot: hours })
      .partial()
      .prefault({})
      .describe('How long rows of a class may wait for the hospital before a gap takes their place; for ever unless told.'),
    keepDeliveredHours: z
      .int()
      .min(0)
      .max(8760)
      .default(168)
      .describe('How long delivered rows are kept for a hub that is restored from a backup, as far as there is room.'),
  })
  .prefault({});

/** The same as `openOutbox` takes it. */
export function outboxLimits({ maxBytes, maxAgeHours, keepDeliveredHours }: z.infer<typeof outboxLimitsConfig>) {
  const maxAgeMs: Partial<Record<DroppableClass, number>> = {};
  for (const name of DROPPABLE) {
    const age = maxAgeHours[name];
    if (age !== undefined) maxAgeMs[name] = age * HOUR_MS;
  }
  return { limits: { maxBytes, maxAgeMs }, keepDeliveredMs: keepDeliveredHours * HOUR_MS };
}
