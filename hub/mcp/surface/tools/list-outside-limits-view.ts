import { z } from 'zod';
import type { Group } from '../../../clinical/group.ts';
import type { EvaluatedPatient } from '../../../clinical/overview/list-outside.ts';
import { type Evaluated, LIMITS_OF, type LimitsOf, NOT_EVALUABLE } from '../../../clinical/overview/outside.ts';
import { deviceName } from '../../untrusted.ts';
import { byHand, masked, withheld, zone } from '../../views.ts';
import { groupFields } from '../group-argument.ts';
import type { besideMembers } from '../place-not-known.ts';
import { wholeFields, wholeOf, zoneElsewhere } from '../shown.ts';

const bound = z.number().nullable().describe('Null where there is none.');
const evaluated = z.object({
  vital: z.string(),
  value: z.number(),
  unit: z.string().describe('UCUM.'),
  low: bound,
  high: bound,
  at: z.string().describe('When measured, ISO 8601 with offset.'),
  ageSeconds: z.number(),
  device: z.string().nullable(),
  byHand,
});

const patient = z.object({
  patient: z.string(),
  bed: z.string().nullable(),
  zone: zone.describe('IANA zone of the patient, where it is another than that of the whole.'),
  outside: z.array(evaluated),
  inside: z.array(evaluated),
  notEvaluable: z.array(z.object({ vital: z.string(), device: z.string().nullable().optional(), reason: z.enum(NOT_EVALUABLE) })),
  more: z.number().optional().describe('Entries of this patient that found no room; they are counted.'),
});

/** What `list_outside_limits` gives. */
export const outsideSchema = z.object({
  limits: z.enum(LIMITS_OF),
  version: z.string().optional().describe("Of the site's file of limits."),
  ...groupFields,
  ...wholeFields,
  masked,
  withheld,
  counts: z
    .object({ patients: z.number(), notEvaluable: z.number(), outside: z.number(), inside: z.number() })
    .describe('Of everybody, shown or not. What is not evaluable may be outside.'),
  reasons: z.partialRecord(z.enum(NOT_EVALUABLE), z.number()).describe('Why it is not evaluable, by how many.'),
  patients: z.array(patient).describe('Most outside first.'),
  truncated: z.boolean(),
  nextCursor: z.string().optional().describe('Pass it with the same question for those who were not shown yet.'),
});

export type Outside = z.infer<typeof outsideSchema>;

/** Entries of one patient. */
const MOST_ENTRIES = 60;

export function compactOutside(
  { limits, group }: { limits: LimitsOf; group: Group | undefined },
  all: readonly EvaluatedPatient[],
  {
    shown,
    nextCursor,
    placeNotKnown,
    ofNobody,
  }: { shown: readonly EvaluatedPatient[]; nextCursor?: string } & ReturnType<typeof besideMembers>,
): Outside {
  const each = all.flatMap((one) => one.evaluated);
  const unknown = all.flatMap((one) => one.notEvaluable);
  const outside = each.filter(({ isOutside }) => isOutside).length;
  const [first] = all;
  const whole = wholeOf(
    all.map(({ latest }) => latest),
    ofNobody,
  );
  const patients = shown.map((one) => ({ ...compactPatient(one), ...zoneElsewhere(one.latest, whole) }));
  return {
    limits,
    ...(first?.version != null && { version: first.version }),
    ...group,
    ...(placeNotKnown !== undefined && { placeNotKnown }),
    ...whole,
    ...(first?.latest.masked && { masked: first.latest.masked }),
    ...(first?.latest.withheld && { withheld: [...first.latest.withheld] }),
    counts: { patients: all.length, notEvaluable: unknown.length, outside, inside: each.length - outside },
    reasons: Object.fromEntries(
      NOT_EVALUABLE.map((reason) => [reason, unknown.filter((one) => one.reason === reason).length] as const).filter(
        ([, count]) => count > 0,
      ),
    ),
    patients,
    truncated: nextCursor !== undefined || patients.some(({ more }) => more !== undefined),
    ...(nextCursor !== undefined && { nextCursor }),
  };
}

/** What is outside before what cannot be told, and that before what is inside. */
function compactPatient({ patient: id, latest: { bed }, evaluated: rows, notEvaluable }: EvaluatedPatient): Outside['patients'][number] {
  const outside = rows.filter(({ isOutside }) => isOutside).slice(0, MOST_ENTRIES);
  const unknown = notEvaluable.slice(0, MOST_ENTRIES - outside.length);
  const inside = rows.filter(({ isOutside }) => !isOutside).slice(0, MOST_ENTRIES - outside.length - unknown.length);
  const more = rows.length + notEvaluable.length - outside.length - unknown.length - inside.length;
  return {
    ...{ patient: id, bed },
    outside: outside.map(compactRow),
    inside: inside.map(compactRow),
    notEvaluable: unknown.map(({ vital, device, reason }) => ({ vital, ...(device !== null && { device: deviceName(device) }), reason })),
    ...(more > 0 && { more }),
  };
}

function compactRow({ isOutside: _, device, ...row }: Evaluated): Outside['patients'][number]['inside'][number] {
  return { ...row, device: deviceName(device) };
}
