import { z } from 'zod';
import { type Instant, parseInstant } from '../../../../shared/clock.ts';
import { VitalmeshError } from '../../../../shared/errors.ts';
import { panel, vital as rowOf } from '../../../../shared/vitals.ts';
import { latestUri } from '../../uris.ts';
import { type Call, tool } from '../contract.ts';
import { nowOf, patientArgument } from '../shown.ts';
import { COMPARISONS, compared, earlier } from '../trend/comparison.ts';
import { compactTrend, trendSchema } from '../trend/view.ts';
import { trendText } from '../trend/words.ts';

const HOUR_MS = 3_600_000;
const MOST_HOURS = 366 * 24;
const MOST_POINTS = 96;
const MOST_BUCKETS = 4096;

const input = z.object({
  patient: patientArgument,
  vital: z.string().min(1).max(64).describe('Key of a vital sign or panel, such as hr, spo2 or nibp; describe_vital finds it.'),
  hours: z.number().positive().max(MOST_HOURS).optional().describe('How many hours until `to`, 24 unless given; not together with `from`.'),
  from: z.string().max(64).optional().describe('Begin, ISO 8601 with offset.'),
  to: z.string().max(64).optional().describe('End, ISO 8601 with offset; now unless given.'),
  points: z
    .number()
    .int()
    .min(1)
    .max(MOST_POINTS)
    .default(24)
    .describe('Most buckets; they begin where clock and calendar of the place do.'),
  device: z.string().min(1).max(256).optional().describe('Of this device alone.'),
  compare: z.enum(COMPARISONS).optional().describe('With the period before it, or the same one a day or a week earlier.'),
});

export const getVitalsTrend = tool({
  name: 'get_vitals_trend',
  title: 'Trend of a vital sign',
  description:
    "Gets one vital sign of a patient over time, by device: buckets with n, min, max, mean and coverage, what was not counted and why, stretches without data, data that were lost, changes of device, and the patient's stays; compared with an earlier period if wanted. Stretches without data are unknown, never normal.",
  action: 'vitals.read',
  input,
  output: trendSchema,
  async call(asked, call) {
    const { door, caller, context, fit } = call;
    const { patient, vital, points, device, compare } = asked;
    const period = await periodOf(asked, call);
    const query = { vital, points, ...(device !== undefined && { device }) };
    const view = await door.trend(caller, patient, { ...query, ...period }, context);
    // A key that is none would else look like a patient of whom nothing was measured.
    if (view.series.length === 0 && !rowOf(vital) && !panel(vital)) throw new VitalmeshError('MCP-VITAL');
    // Part of the same call: it takes no further one out of the caller's day.
    const before =
      compare && (await door.trend(caller, patient, { ...query, ...earlier(compare, period) }, { ...context, followed: true }));
    return fit(MOST_BUCKETS, (rows) => {
      const trend = compactTrend(view, rows);
      const data = before && compare ? { ...trend, comparison: compared(compare, trend, before) } : trend;
      const links = [{ uri: latestUri(trend.patient), name: `latest-${trend.patient}`, description: 'What is current of this patient.' }];
      return { text: trendText(data), data, links };
    });
  },
});

type Asked = z.infer<typeof input>;

/** From when to when, in the times of the reader. Throws MCP-PERIOD, and what `Door.latest` does. */
async function periodOf(asked: Pick<Asked, 'patient' | 'hours' | 'from' | 'to'>, call: Call): Promise<{ from: Instant; to: Instant }> {
  const { hours, from, to } = asked;
  if (from !== undefined && hours !== undefined) throw new VitalmeshError('MCP-PERIOD', { detail: 'hours or from, not both' });
  const end = to === undefined ? await nowOf(asked.patient, call) : timeOf(to);
  const begin = from === undefined ? end - (hours ?? 24) * HOUR_MS : timeOf(from);
  if (!(begin < end)) throw new VitalmeshError('MCP-PERIOD', { detail: 'from must be before to' });
  if (end - begin > MOST_HOURS * HOUR_MS) throw new VitalmeshError('MCP-PERIOD', { detail: 'at most 366 days' });
  return { from: begin, to: end };
}

function timeOf(text: string): Instant {
  const parsed = parseInstant(text);
  if (!parsed) throw new VitalmeshError('MCP-PERIOD', { detail: 'a time is ISO 8601 with an offset, such as 2026-11-21T10:00:00+01:00' });
  return parsed.at;
}
