import { z } from 'zod';
import { panel, type Vital, vital } from '../../../shared/vitals.ts';
import { isMistyped } from '../../patients/public-id.ts';
import { isDoubtable } from '../doubt/jumps.ts';
import { classOf } from '../staleness.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const UNITS_MS: Readonly<Record<string, number>> = { s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS };

/**
 * Within which a site may set how long a value is current. Below, a usual pause would be a silence; above, a continuous value would be one of another moment, and a spot
 * value one of another week: people at home are weighed or measured once a week at least.
 */
export const LIMIT_BOUNDS: Readonly<Record<Vital['class'], { least: number; most: number }>> = {
  continuous: { least: 10 * SECOND_MS, most: 10 * MINUTE_MS },
  setting: { least: 10 * SECOND_MS, most: 10 * MINUTE_MS },
  waveform: { least: 10 * SECOND_MS, most: 10 * MINUTE_MS },
  spot: { least: 10 * MINUTE_MS, most: 8 * DAY_MS },
};

/** `90s`, `15m`, `12h`, `8d`, within the bounds; milliseconds. */
const between = (least: number, most: number) =>
  z.string().transform((text, context) => {
    const [, count, unit = ''] = /^([1-9]\d{0,5})([smhd])$/.exec(text) ?? [];
    const ms = count === undefined ? Number.NaN : Number(count) * (UNITS_MS[unit] ?? Number.NaN);
    if (ms >= least && ms <= most) return ms;
    context.addIssue({ code: 'custom', message: `expected a whole number and s, m, h or d, from ${shown(least)} to ${shown(most)}` });
    return z.NEVER;
  });

function shown(ms: number): string {
  for (const unit of ['d', 'h', 'm']) if (ms % (UNITS_MS[unit] ?? 1) === 0) return `${ms / (UNITS_MS[unit] ?? 1)}${unit}`;
  return `${ms / SECOND_MS}s`;
}

const limitOf = (kind: Vital['class']) => between(LIMIT_BOUNDS[kind].least, LIMIT_BOUNDS[kind].most);
const isKnown = (key: string): boolean => (vital(key) ?? panel(key)) !== undefined;

/** By class, or by vital sign or panel, which counts more. */
const limits = z
  .strictObject({
    classes: z
      .strictObject({
        continuous: limitOf('continuous'),
        spot: limitOf('spot'),
        setting: limitOf('setting'),
        waveform: limitOf('waveform'),
      })
      .partial()
      .default({})
      .describe('Of all vital signs of a class.'),
    vitals: z
      .record(z.string().refine(isKnown, 'expected a key of the parameter table or of a panel'), z.string())
      .default({})
      .transform((given, context) => {
        const checked: Record<string, number> = {};
        for (const [key, text] of Object.entries(given)) {
          const parsed = limitOf(classOf(key)).safeParse(text);
          if (parsed.success) checked[key] = parsed.data;
          else context.addIssue({ code: 'custom', path: [key], message: parsed.error.issues[0]?.message ?? 'expected a duration' });
        }
        return checked;
      })
      .describe('Of one vital sign or panel.'),
  })
  .refine(({ classes, vitals }) => Object.keys(classes).length + Object.keys(vitals).length > 0, 'expected a limit');

/** A site's own range of a vital sign, in the unit of the parameter table: shown beside alerts, and applied to nobody. */
const range = z
  .strictObject({ low: z.number().optional(), high: z.number().optional() })
  .refine(({ low, high }) => (low ?? high) !== undefined, 'expected low or high')
  .refine(({ low, high }) => low === undefined || high === undefined || low < high, 'expected low below high');
const ranges = z.record(
  z.string().refine((key) => vital(key) !== undefined, 'expected a key of the parameter table'),
  range,
);

/** By which those who answer for a site file know one version of it. */
export const versionName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/, 'expected a name: 1 to 40 of A-Z, a-z, 0-9, ., _ and -')
  .describe('By which those who answer for it know this version; stands in answers.');
/** A ward or panel as registry.yaml names it. */
export const groupName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/, 'expected a ward or panel of registry.yaml');
/** An opaque patient id. */
export const patientId = z
  .string()
  .regex(/^[a-z0-9-]{8,40}$/, 'expected an opaque patient id')
  .refine((id) => !isMistyped(id), 'expected an id as `vitalmesh-hub patients id` made it; a character of this one is wrong');

/** Those of a patient count before those of the panels, of which the shortest counts, and these before those of the ward. */
const places = <T extends z.ZodType>(of: T) => ({
  wards: z.record(groupName, of).default({}),
  panels: z.record(groupName, of).default({}),
  patients: z.record(patientId, of).default({}),
});

/** The schema of the site's file of limits (`clinical.limits` of hub.yaml). */
export const limitsSchema = z.strictObject({
  version: versionName,
  stale: z.strictObject(places(limits)).prefault({}).describe('How long after its time a value is still the current one.'),
  sources: z
    .strictObject({
      gateway: between(10 * SECOND_MS, HOUR_MS)
        .optional()
        .describe('How long a gateway may be away before it is lost; 60s unless given.'),
    })
    .prefault({}),
  doubt: z
    .record(z.string().refine(isDoubtable, 'expected weight, nibp or cuff'), z.literal('off'))
    .default({})
    .describe('Of which vital signs at home nobody is to ask whose they are; what comes from then on is taken as the patient’s.'),
  ranges: z
    .strictObject(places(ranges))
    .prefault({})
    .describe("The site's own ranges: shown with alerts as the site's, never applied; no alert is ever raised by them."),
});

export type LimitsFile = z.output<typeof limitsSchema>;

export const NO_LIMITS: LimitsFile = limitsSchema.parse({ version: 'built-in' });
