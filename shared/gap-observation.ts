import { z } from 'zod';
import { formatInstant, type Instant, parseInstant } from './clock.ts';
import type { CheckedEvent, EventCheck } from './event.ts';
import { type EventFrame, eventFacts, eventFrame, eventShape, hasCategory, timeText } from './event-observation.ts';
import { type CodeableConcept, type Coding, SYSTEMS as FHIR, type ObservationComponent, type StretchObservation } from './fhir.ts';
import { GAP_REASONS, type Gap, type GapReason, type LostClass, MAX_GAP_COUNT, MAX_GAP_VITALS } from './gap.ts';
import { absentConcept } from './observation-code.ts';
import { ROW_CLASSES } from './reading.ts';
import { vital } from './vitals.ts';

const OURS = 'https://vitalmesh.org/fhir/CodeSystem/';

const CATEGORY: Coding = { system: `${OURS}observation-category`, code: 'gap', display: 'Missing data' };
const CODE = { system: `${OURS}resource`, code: 'gap' } as const;
const TEXT = 'Data that will never arrive';

/** Code systems of the parts of a gap, and of what is said there. */
const SYSTEMS = { part: `${OURS}gap-part`, reason: `${OURS}gap-reason`, lost: `${OURS}row-class`, vital: `${OURS}vital` } as const;
type Part = 'reason' | 'lost' | 'rows' | 'values' | 'vital';

const REASONS = Object.keys(GAP_REASONS) as GapReason[];
const LOST = ROW_CLASSES.filter((name): name is LostClass => name !== 'gap');

/**
 * A gap as an Observation of FHIR R4 without a value, over the stretch of time that is missing. The reason for the absence is FHIR's `error`
 * ("some system or workflow process error"); what happened, and to what, stands in components, each vital sign in one of its own.
 */
export function gapObservation(gap: Gap, frame: EventFrame): StretchObservation {
  const { reason, lost, from, to, rows, values, vitals } = gap;
  const { effectiveDateTime: _, ...made } = eventFrame({}, frame, CATEGORY, { coding: [{ ...CODE }], text: TEXT }, []);
  const said = (part: Exclude<Part, 'rows' | 'values'>, code: string): ObservationComponent => ({
    code: partCode(part),
    valueCodeableConcept: { coding: [{ system: SYSTEMS[part], code }] },
  });
  return {
    ...made,
    effectivePeriod: periodOf(from, to, frame.offsetMin),
    dataAbsentReason: absentConcept('error') ?? {},
    component: [
      said('reason', reason),
      said('lost', lost),
      { code: partCode('rows'), valueInteger: rows },
      { code: partCode('values'), valueInteger: values },
      ...vitals.map((key) => said('vital', key)),
    ],
  };
}

function periodOf(from: Instant, to: Instant, offsetMin: number): StretchObservation['effectivePeriod'] {
  return { start: formatInstant(from, offsetMin), end: formatInstant(to, offsetMin) };
}

function partCode(part: Part): CodeableConcept {
  return { coding: [{ system: SYSTEMS.part, code: part }] };
}

const partShape = (part: Part) =>
  z.strictObject({ coding: z.tuple([z.strictObject({ system: z.literal(SYSTEMS.part), code: z.literal(part) })]) });
const saidShape = <T extends z.ZodType>(part: 'reason' | 'lost' | 'vital', code: T) =>
  z.strictObject({
    code: partShape(part),
    valueCodeableConcept: z.strictObject({ coding: z.tuple([z.strictObject({ system: z.literal(SYSTEMS[part]), code })]) }),
  });
const countShape = (part: 'rows' | 'values') => z.strictObject({ code: partShape(part), valueInteger: z.int().min(0).max(MAX_GAP_COUNT) });

const resource = eventShape(CATEGORY, {})
  .omit({ effectiveDateTime: true })
  .extend({
    code: z.strictObject({
      coding: z.tuple([z.strictObject({ system: z.literal(CODE.system), code: z.literal(CODE.code) })]),
      text: z.literal(TEXT),
    }),
    effectivePeriod: z.strictObject({ start: timeText, end: timeText }),
    dataAbsentReason: z.strictObject({
      coding: z.tuple([z.strictObject({ system: z.literal(FHIR.absent), code: z.literal('error'), display: z.literal('Error') })]),
    }),
    component: z
      .tuple([saidShape('reason', z.enum(REASONS)), saidShape('lost', z.enum(LOST)), countShape('rows'), countShape('values')])
      .rest(
        saidShape(
          'vital',
          z.string().refine((key) => vital(key) !== undefined),
        ),
      )
      .refine((parts) => parts.length <= 4 + MAX_GAP_VITALS),
  });

/** How the hub knows and checks a gap. */
export const GAP_CHECK: EventCheck = {
  kind: 'gap',
  fits: ({ resourceType, category }) => resourceType === 'Observation' && hasCategory(category, CATEGORY),
  check(value): CheckedEvent {
    const parsed = resource.safeParse(value);
    if (!parsed.success) return { ok: false, rule: `${parsed.error.issues[0]?.path.join('.') || 'Observation'}: not as a gap has it` };
    const gap = gapOf(parsed.data);
    if (!gap) return { ok: false, rule: 'effectivePeriod: its end is before its start' };
    if (new Set(gap.vitals).size !== gap.vitals.length) return { ok: false, rule: 'component: the same vital sign twice' };
    const checked = eventFacts('gap', { ...parsed.data, effectiveDateTime: parsed.data.effectivePeriod.start }, value);
    return checked.ok ? { ...checked, facts: { ...checked.facts, gap: { until: gap.to, lost: gap.lost } } } : checked;
  },
};

function gapOf({ effectivePeriod, component }: z.infer<typeof resource>): Gap | undefined {
  const [reason, lost, rows, values, ...vitals] = component;
  const [from, to] = [parseInstant(effectivePeriod.start)?.at, parseInstant(effectivePeriod.end)?.at];
  if (from === undefined || to === undefined || to < from) return undefined;
  return {
    reason: reason.valueCodeableConcept.coding[0].code,
    lost: lost.valueCodeableConcept.coding[0].code,
    from,
    to,
    rows: rows.valueInteger,
    values: values.valueInteger,
    vitals: vitals.map(({ valueCodeableConcept }) => valueCodeableConcept.coding[0].code),
  };
}

/** A gap as it is read back out of an Observation of `gapObservation` that `GAP_CHECK` passed; undefined for anything else. */
export function readGap(value: unknown): Gap | undefined {
  const parsed = resource.safeParse(value);
  return parsed.success ? gapOf(parsed.data) : undefined;
}

/** What is left of a gap in the part that `gapFrom` gives. */
const remainder = resource.extend({ component: z.tuple([saidShape('reason', z.enum(REASONS)), saidShape('lost', z.enum(LOST))]) });

/** Why there is a gap, and in what, of a whole one or of the part of one that `gapFrom` gives; undefined for anything else. */
export function readGapPart(value: unknown): Pick<Gap, 'reason' | 'lost' | 'from' | 'to'> | undefined {
  const parsed = remainder.safeParse(value);
  if (!parsed.success) return readGap(value);
  const { effectivePeriod, component } = parsed.data;
  const [reason, lost] = component;
  const [from, to] = [parseInstant(effectivePeriod.start)?.at, parseInstant(effectivePeriod.end)?.at];
  if (from === undefined || to === undefined || to < from) return undefined;
  return { reason: reason.valueCodeableConcept.coding[0].code, lost: lost.valueCodeableConcept.coding[0].code, from, to };
}

/**
 * The part of a gap from `from` on, for whom the rest does not concern: only that something is missing there, and why. How much, and of which
 * vital signs, is known of the whole alone.
 */
export function gapFrom(observation: StretchObservation, from: Instant, offsetMin: number): StretchObservation {
  const { effectivePeriod, component, ...rest } = observation;
  return {
    ...rest,
    effectivePeriod: { ...effectivePeriod, start: formatInstant(from, offsetMin) },
    component: component.filter(({ valueCodeableConcept }) =>
      valueCodeableConcept?.coding?.some(({ system }) => system === SYSTEMS.reason || system === SYSTEMS.lost),
    ),
  };
}
