import { z } from 'zod';
import type { VitalView } from '../../../access/door.ts';
import type { Group } from '../../../clinical/group.ts';
import { countsOf, DATA_QUALITIES, type GroupRow } from '../../../clinical/group-latest.ts';
import { inOrder } from '../../../clinical/overview/order.ts';
import { IS_DOUBT } from '../../../clinical/preferred.ts';
import { SOURCE_KINDS, SOURCE_STATES } from '../../../clinical/sources/source.ts';
import { BYTES_A_TOKEN } from '../../fitting.ts';
import { byHand, ownValue, zone } from '../../views.ts';
import { groupFields } from '../group-argument.ts';
import type { besideMembers } from '../place-not-known.ts';
import { shortBed } from '../short-bed.ts';
import { wholeFields, wholeOf, zoneElsewhere } from '../shown.ts';
import { memberText } from './get-group-overview-wording.ts';

/** What each patient costs a model at most, in words and data together. */
export const MEMBER_TOKENS = 150;

const row = z.object({
  vital: z.string(),
  value: z.number().nullable().optional(),
  parts: z.record(z.string(), z.number().nullable()).optional().describe('Of a panel, which has no value of its own.'),
  unit: z.string(),
  at: z.string().describe('When measured, ISO 8601 with offset.'),
  ageSeconds: z.number(),
  byHand,
  doubt: z.array(z.string()).optional().describe('Why it may be wrong.'),
});

const member = z.object({
  patient: z.string(),
  bed: z.string().nullable().describe('Bed; null at home. A longer name ends in ….'),
  zone: zone.describe('IANA zone of the patient, where it is another than that of the whole.'),
  quality: z.enum(DATA_QUALITIES).describe('Of the data, worst first; it does not say how the patient is.'),
  discharged: z.literal(true).optional(),
  test: z.literal(true).optional().describe('There is test data among it.'),
  notLive: z.array(z.string()).optional().describe('Kinds of sources of which nothing comes, or nobody knows, such as gateway-lost.'),
  current: z.array(row).describe('What is current, first what is asked for first.'),
  moreCurrent: z.number().optional().describe('Current rows that found no room: get_patient_overview shows them.'),
  notCurrent: z.number().optional().describe('How many measurands have no current value, which is not normal.'),
  missing: z.array(z.string()).optional().describe('Which of them, as far as there is room.'),
  withheld: z.literal(true).optional().describe('The access token keeps something back.'),
});

/** What `get_group_overview` gives. */
export const groupOverviewSchema = z.object({
  ...groupFields,
  ...wholeFields,
  total: z.number().describe('Patients of the group whom this caller may see.'),
  counts: z.partialRecord(z.enum(DATA_QUALITIES), z.number()).describe('All of them by quality of their data.'),
  patients: z.array(member).describe('Worst data first.'),
  truncated: z.boolean(),
  nextCursor: z.string().optional().describe('Pass it with the same group for those who were not shown yet, worst data first.'),
});

export type GroupOverview = z.infer<typeof groupOverviewSchema>;
export type Member = GroupOverview['patients'][number];

const NOT_LIVE = SOURCE_KINDS.flatMap((kind) =>
  SOURCE_STATES.filter((state) => state !== 'live' && state !== 'elsewhere').map((state) => ({ kind, state })),
);
/** More rows, or names, than the ceiling has room for. */
const MOST_EACH = 10;

/** Of all members, some in full; the cursor is there where some are left. */
export function compactGroup(
  group: Group,
  all: readonly GroupRow[],
  { shown, nextCursor, placeNotKnown, ofNobody }: { shown: readonly Member[]; nextCursor?: string } & ReturnType<typeof besideMembers>,
): GroupOverview {
  return {
    ...group,
    ...(placeNotKnown !== undefined && { placeNotKnown }),
    ...wholeOf(
      all.map(({ latest }) => latest),
      ofNobody,
    ),
    total: all.length,
    counts: countsOf(all),
    patients: [...shown],
    truncated: nextCursor !== undefined,
    ...(nextCursor !== undefined && { nextCursor }),
  };
}

/** One patient with as many current rows, and then as many names of what is missing, as the ceiling has room for; how many there are stands there in any case. */
export function compactMember(one: GroupRow, whole: Pick<GroupOverview, 'zone'>): Member {
  const elsewhere = zoneElsewhere(one.latest, whole);
  const rows = inOrder(one.latest.vitals);
  const current = rows.filter(hasValue);
  const missing = rows.filter((row) => !hasValue(row));
  const most = Math.min(current.length, MOST_EACH);
  for (let steps = most + Math.min(missing.length, MOST_EACH); steps > 0; steps -= 1) {
    const names = Math.max(0, steps - most);
    const made = { ...memberOf(one, { current, missing }, { rows: steps - names, names }), ...elsewhere };
    if (costOf(made) <= MEMBER_TOKENS * BYTES_A_TOKEN) return made;
  }
  return { ...memberOf(one, { current, missing }, { rows: 0, names: 0 }), ...elsewhere };
}

/** Bytes of one member as they stand in the answer, in data and words. */
export function costOf(made: Member): number {
  return Buffer.byteLength(JSON.stringify(made)) + Buffer.byteLength(JSON.stringify(memberText(made))) + 2;
}

function memberOf(
  { quality, latest: { patient, bed, discharged, sources, vitals, withheld } }: GroupRow,
  { current, missing }: { current: readonly VitalView[]; missing: readonly VitalView[] },
  { rows, names }: { rows: number; names: number },
): Member {
  const notLive = NOT_LIVE.filter(({ kind, state }) => sources.some((one) => one.kind === kind && one.state === state));
  return {
    ...{ patient, bed: bed === null ? null : shortBed(bed), quality },
    ...(discharged !== undefined && { discharged: true as const }),
    ...(vitals.some(({ test }) => test) && { test: true as const }),
    ...(notLive.length > 0 && { notLive: notLive.map(({ kind, state }) => `${kind}-${state}`) }),
    current: current.slice(0, rows).map(compactRow),
    ...(current.length > rows && { moreCurrent: current.length - rows }),
    ...(missing.length > 0 && { notCurrent: missing.length }),
    ...(names > 0 && { missing: missing.slice(0, names).map(({ vital }) => vital) }),
    ...(withheld && withheld.length > 0 && { withheld: true as const }),
  };
}

function compactRow({
  vital,
  value,
  components,
  unit,
  at,
  ageSeconds,
  byHand: decided,
  flags,
  doubtful,
  disagreement,
}: VitalView): Member['current'][number] {
  const doubt = [
    ...flags.filter((flag) => IS_DOUBT[flag]),
    ...(disagreement ? ['disagrees'] : []),
    ...(doubtful ? ['newer-may-be-of-another'] : []),
  ];
  return {
    ...{ vital, ...ownValue(value, components.length) },
    ...(components.length > 0 && { parts: Object.fromEntries(components.map((part) => [part.vital, part.value])) }),
    ...{ unit, at, ageSeconds },
    ...(decided && { byHand: decided }),
    ...(doubt.length > 0 && { doubt }),
  };
}

function hasValue({ stale, value, components }: VitalView): boolean {
  return !stale && (value !== null || components.some((part) => part.value !== null));
}
