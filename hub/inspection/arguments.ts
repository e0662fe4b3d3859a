import { z } from 'zod';
import { VitalmeshError } from '../../shared/errors.ts';
import { MAX_TREND_BUCKETS } from '../clinical/bucket-edges.ts';

const text = z.string().min(1).max(256);

/** What `trend` takes at the operator's socket; times are UTC ms. Strict: what was misspelt must not be left out. */
export const trendArgs = z
  .strictObject({
    tenant: text.optional(),
    patient: text,
    vital: text,
    device: text.optional(),
    from: z.int(),
    to: z.int(),
    points: z.int().min(1).max(MAX_TREND_BUCKETS).default(60),
  })
  .refine(({ from, to }) => from < to);
export type TrendArgs = z.infer<typeof trendArgs>;

/** What `history` takes. */
export const historyArgs = z.strictObject({
  tenant: text.optional(),
  patient: text,
  vital: text,
  device: z.string().max(256),
  effective: z.int(),
});
export type HistoryArgs = z.infer<typeof historyArgs>;

/** Throws USAGE, which names what is allowed and nothing of what was given: that may be a patient's id in the wrong place. */
export function parsed<T>(schema: z.ZodType<T>, args: unknown, allowed: string): T {
  const { success, data } = schema.safeParse(args);
  if (!success) throw new VitalmeshError('USAGE', { detail: allowed });
  return data;
}
