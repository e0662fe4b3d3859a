import { z } from 'zod';
import { ALERT_FACETS } from '../../../../shared/alert.ts';
import type { VitalView } from '../../../access/door.ts';
import { ALERT_STANDINGS } from '../../../clinical/alerts/fold.ts';
import { DUE_STATES } from '../../../clinical/due/state.ts';
import type { OverviewRow, OverviewView } from '../../../clinical/overview/overview.ts';
import type { Shape } from '../../../clinical/overview/shape.ts';
import { MEDIAN_OF } from '../../../clinical/support/baseline.ts';
import { deviceName } from '../../untrusted.ts';
import { byHand, ownValue, source, withheld } from '../../views.ts';
import { whoseFields, whoseIn } from '../shown.ts';

const parts = z
  .record(z.string(), z.number().nullable())
  .optional()
  .describe('Of a panel, by keys such as nibp_s; it has no value of its own.');
const number = z.number().nullable();

const day = z.object({
  vital: z.string().optional().describe('The part of a panel.'),
  n: z.number().describe('Values that count.'),
  excluded: z.number().optional().describe('Readings that do not: without a value, doubtful, taken back or undated.'),
  min: number,
  median: number,
  medianOf: z.enum(MEDIAN_OF).exclude(['means']).optional().describe('There where it is of readings; else of the means of quarter hours.'),
  max: number,
  last: number,
  coverage: z.number().describe('Share, 0 to 1, of the 24 h with a current value.'),
  quarters: z.array(number).describe('Mean of each 6 h, the oldest first; null where there was none.'),
  flags: z.array(z.string()).optional(),
});

const known = z.object({ value: number.optional(), parts, at: z.string() });

const row = z.object({
  vital: z.string(),
  value: number.optional().describe('Current, or null; null never means normal. Left out of a panel.'),
  parts,
  unit: z.string().describe('UCUM.'),
  absent: z.string().optional(),
  at: z.string().describe('When measured, ISO 8601 with offset.'),
  ageSeconds: z.number(),
  stale: z.literal(true).optional().describe('Too old to be current: only lastKnown holds numbers.'),
  lastKnown: known.optional(),
  formerStay: z.literal(true).optional(),
  byHand,
  flags: z.array(z.string()).optional().describe('What makes it doubtful or special.'),
  doubtful: known.optional().describe('A newer reading that may be somebody else’s.'),
  disagrees: z.number().optional().describe('By so much with another current value; which is right is not known.'),
  others: z.number().optional().describe('Other rows of the same measurand: get_latest_vitals shows them.'),
  device: z.string().nullable(),
  test: z.literal(true).optional(),
  demo: z.literal(true).optional(),
  day: z.array(day).optional().describe('The last 24 h of this device.'),
});

const alert = z.object({
  state: z.enum(ALERT_STANDINGS).exclude(['ended']),
  priority: z.enum(ALERT_FACETS.priority.values),
  type: z.enum(ALERT_FACETS.type.values),
  vital: z.string().optional(),
  since: z.string(),
  device: z.string().nullable(),
  test: z.literal(true).optional(),
});

const due = z.object({
  vital: z.string(),
  state: z.enum(DUE_STATES),
  since: z.string().nullable(),
  from: z.string(),
  until: z.string(),
});

const OMITTED = ['vitals', 'days', 'baseline', 'alerts', 'due', 'sources', 'association'] as const;

/** What `get_patient_overview` gives. */
export const overviewSchema = z.object({
  ...whoseFields,
  withheld,
  vitals: z.array(row).describe('Of each measurand the row that answers for it.'),
  baseline: z
    .array(
      z.object({
        vital: z.string(),
        device: z.string().nullable(),
        median: number,
        min: number,
        max: number,
        n: z.number(),
        coverage: z.number(),
      }),
    )
    .optional()
    .describe('The person’s own usual, where the site has it on.'),
  baselineVersion: z.string().optional(),
  alerts: z.object({
    active: z.number(),
    unknown: z.number().describe('Open ones of which it cannot be told whether they still stand.'),
    ended: z.number().describe('Within 24 h.'),
    atLeast: z.literal(true).optional().describe('There when there are more than were counted.'),
    open: z.array(alert),
    lookedBackTo: z.string(),
    devices: z
      .object({ tell: z.number(), cannot: z.number(), unknown: z.number() })
      .describe('Devices that can tell of alarms and are heard; that cannot; and of which it is not known, or that are not heard.'),
  }),
  due: z
    .object({ counts: z.partialRecord(z.enum(DUE_STATES), z.number()), open: z.array(due), version: z.string().optional() })
    .describe('Readings expected by the site.'),
  association: z
    .array(z.object({ by: z.enum(['gateway', 'bed', 'device', 'movements']), of: z.string().nullable(), since: z.string().nullable() }))
    .optional()
    .describe(
      'How it came that readings are this patient’s: a home’s gateway, a bed or device by the registry, or movements that were told.',
    ),
  notLive: z.array(source).describe('Sources of which nothing comes, or nobody knows; none of it says how the patient is.'),
  omitted: z.partialRecord(z.enum(OMITTED), z.number()).optional().describe('How many more there are than shown.'),
  truncated: z.boolean(),
});

export type Overview = z.infer<typeof overviewSchema>;

/** So many vital signs before the day of any, their days before any further vital sign, and so many in all. */
const FIRST_ROWS = 12;
const ALL_ROWS = 24;
/** Most of each part beside the vital signs. */
const MOST_BESIDE = 8;
/** How much there may be in steps, each of which adds something. */
export const MOST_STEPS = FIRST_ROWS + ALL_ROWS;

/** Compact form for a model, of so many steps; what does not apply is left out. */
export function compactOverview({ latest, rows: all, baseline, alerts, due, association }: OverviewView, steps: number): Overview {
  const rows = Math.min(steps, FIRST_ROWS) + Math.max(0, steps - 2 * FIRST_ROWS);
  const days = Math.min(Math.max(0, steps - FIRST_ROWS), FIRST_ROWS);
  const few = Math.min(steps, MOST_BESIDE);
  const open = alerts.alerts.filter(({ state }) => state !== 'ended');
  const expected = due.expected.filter(({ state }) => state !== 'done' && state !== 'not-yet-due');
  const notLive = latest.sources.filter(({ state }) => state !== 'live');
  const usual = baseline?.rows ?? [];
  const cut = {
    vitals: all.length - rows,
    days: all.slice(0, rows).filter(({ day: shapes }, i) => shapes === null || i >= days).length,
    baseline: usual.length - few,
    alerts: open.length - few,
    due: expected.length - few,
    sources: notLive.length - few,
    association: (association ?? []).length - few,
  };
  const omitted = Object.fromEntries(Object.entries(cut).filter(([, count]) => count > 0));
  const truncated = Object.keys(omitted).length > 0;
  return {
    ...whoseIn(latest),
    ...(latest.withheld && { withheld: [...latest.withheld] }),
    vitals: all.slice(0, rows).map((one, i) => compactRow(one, i < days)),
    ...(baseline && {
      baseline: usual
        .slice(0, few)
        .map(({ vital, device, median, min, max, n, coverage }) => ({ vital, device: deviceName(device), median, min, max, n, coverage })),
      ...(baseline.version !== null && { baselineVersion: baseline.version }),
    }),
    alerts: {
      ...countsOf(alerts.alerts),
      ...(alerts.truncated && { atLeast: true as const }),
      open: open.slice(0, few).flatMap(({ state, priority, type, about, since, device, test }) =>
        state === 'ended'
          ? []
          : [
              {
                ...{ state, priority, type },
                ...(about?.vital && { vital: about.vital }),
                ...{ since, device: deviceName(device) },
                ...(test && { test: true as const }),
              },
            ],
      ),
      lookedBackTo: alerts.lookedBackTo,
      devices: tellingOf(alerts.sources),
    },
    due: {
      counts: Object.fromEntries(
        DUE_STATES.map((state) => [state, due.expected.filter((one) => one.state === state).length] as const).filter(
          ([, count]) => count > 0,
        ),
      ),
      open: expected.slice(0, few).map(({ vital, state, since, from, until }) => ({ vital, state, since, from, until })),
      ...(due.version !== null && { version: due.version }),
    },
    ...(association && {
      association: association.slice(0, few).map(({ by, of, since }) => ({ by, of: by === 'device' ? deviceName(of) : of, since })),
    }),
    notLive: notLive.slice(0, few).map(({ id, ...of }) => ({ ...of, id: of.kind === 'device' ? deviceName(id) : id })),
    ...(truncated && { omitted }),
    truncated,
  };
}

function countsOf(alerts: OverviewView['alerts']['alerts']): Pick<Overview['alerts'], 'active' | 'unknown' | 'ended'> {
  const count = (wanted: string): number => alerts.filter(({ state }) => state === wanted).length;
  return { active: count('active'), unknown: count('unknown'), ended: count('ended') };
}

/** Of devices that are not heard nothing can be told, whatever they could. */
function tellingOf(sources: OverviewView['alerts']['sources']): Overview['alerts']['devices'] {
  const devices = sources.filter(({ kind, state }) => kind === 'device' && state !== 'elsewhere');
  const cannot = devices.filter(({ reports }) => reports === 'none').length;
  const tell = devices.filter(({ reports, state }) => reports === 'alarms' && state === 'live').length;
  return { tell, cannot, unknown: devices.length - tell - cannot };
}

function compactRow({ row, day: shapes, others }: OverviewRow, withDay: boolean): Overview['vitals'][number] {
  const {
    vital,
    value,
    unit,
    absent,
    components,
    at,
    ageSeconds,
    stale,
    lastKnown,
    formerStay,
    byHand,
    flags,
    doubtful,
    disagreement,
    device,
    test,
    demo,
  } = row;
  return {
    vital,
    // The door nulls what is stale; here it is made sure that no number leaves as current all the same.
    ...ownValue(stale ? null : value, components.length),
    ...(components.length > 0 && { parts: partsOf(components.map((part) => ({ ...part, value: stale ? null : part.value }))) }),
    unit,
    ...(absent !== null && { absent }),
    ...{ at, ageSeconds },
    ...(stale && { stale: true as const }),
    ...(lastKnown && { lastKnown: compactKnown(lastKnown) }),
    ...(formerStay && { formerStay }),
    ...(byHand && { byHand }),
    ...(flags.length > 0 && { flags: [...flags] }),
    ...(doubtful && { doubtful: compactKnown(doubtful) }),
    ...(disagreement && { disagrees: disagreement.by }),
    ...(others > 0 && { others }),
    device: deviceName(device),
    ...(test && { test: true as const }),
    ...(demo && { demo: true as const }),
    ...(shapes && withDay && { day: shapes.map((shape) => compactDay(shape, vital)) }),
  };
}

function compactKnown({
  value,
  components,
  at,
}: Pick<NonNullable<VitalView['lastKnown']>, 'value' | 'components' | 'at'>): z.infer<typeof known> {
  return { ...ownValue(value, components.length), ...(components.length > 0 && { parts: partsOf(components) }), at };
}

function partsOf(components: readonly { vital: string; value: number | null }[]): Record<string, number | null> {
  return Object.fromEntries(components.map(({ vital, value }) => [vital, value]));
}

function compactDay(
  { vital, n, excluded, min, median, medianOf, max, last, coverage, quarters, flags }: Shape,
  of: string,
): z.infer<typeof day> {
  return {
    ...(vital !== of && { vital }),
    n,
    ...(excluded > 0 && { excluded }),
    ...{ min, median },
    ...(n > 0 && medianOf === 'readings' && { medianOf }),
    ...{ max, last, coverage, quarters: [...quarters] },
    ...(flags.length > 0 && { flags: [...flags] }),
  };
}
