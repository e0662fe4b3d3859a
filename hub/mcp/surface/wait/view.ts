import { z } from 'zod';
import { deviceName } from '../../untrusted.ts';
import { masked, withheld, zone } from '../../views.ts';
import { MASKED_WORDS, scopeText } from '../../wording.ts';
import { currentIn, hasChanged, type PatientChanges, type Snapshot, UNSEEN, type Unseen } from './changes.ts';

const change = z.object({
  vital: z.string(),
  name: z.string(),
  part: z.string().optional().describe('Of a panel.'),
  what: z
    .enum(['value', 'back', 'lost', 'gone'])
    .describe('lost: no current value any more; gone: not shown any more. Both are missing data, and say nothing about the patient.'),
  from: z.number().nullable(),
  to: z.number().nullable().describe('Null never means normal.'),
  unit: z.string(),
  at: z.string().describe('When it was measured, ISO 8601.'),
  device: z.string().nullable().describe('By which it was measured before and now.'),
  elsewhere: z.literal(true).optional().describe('Another device has a current value of it.'),
});

const patient = z.object({
  patient: z.string(),
  status: z
    .enum(['changed', 'unchanged', 'no_data'])
    .describe(
      'no_data: there is no current value at all, or nothing can come of this patient (unseen), so nothing could have been seen to change. It is not unchanged, and not calm.',
    ),
  unseen: z
    .array(z.enum(UNSEEN))
    .optional()
    .describe('Why what changes may not be seen: then that nothing changed says nothing about the patient.'),
  current: z.number().describe('How many of the vital signs watched have a current value.'),
  without: z.array(z.string()).optional().describe('Keys that have none.'),
  changes: z.array(change).optional(),
  moved: z.literal(true).optional().describe('Moved, left, came back, or not known for sure to be where they were.'),
  sources: z.literal(true).optional().describe('A device, gateway or the movements fell silent or came back: see get_device_status.'),
  alerts: z.literal(true).optional().describe('A device told of an alert: see get_alerts.'),
  asOf: z.string(),
  zone,
});

/** What `wait_for_change` gives. */
export const waitSchema = z.object({
  status: z
    .enum(['changed', 'unchanged', 'no_data'])
    .describe(
      'changed: something of somebody; no_data: nobody watched has a current value that could be seen to change; unchanged: neither.',
    ),
  waitedSeconds: z.number(),
  patients: z.array(patient),
  since: z.string().describe('Pass it to the next call, with the same patients and vitals, so that nothing between both is missed.'),
  wentOn: z
    .boolean()
    .describe('False when this call began from what is current now, because no since was given or it is not known any more.'),
  askAgainSeconds: z.number().describe('When it makes sense to ask again.'),
  masked,
  withheld,
  notice: z.string(),
  truncated: z.boolean().describe('True when changes were left out of the answer: read those patients.'),
});

export type Waited = z.infer<typeof waitSchema>;
type PatientRow = Waited['patients'][number];

/** One patient at the end of a wait. */
export interface Outcome {
  patient: string;
  asOf: string;
  zone?: string | undefined;
  now: Snapshot;
  changes: PatientChanges;
}

const ASK_AGAIN: Readonly<Record<Waited['status'], number>> = { changed: 2, unchanged: 0, no_data: 60 };

/** Of all patients; changed ones first. At most `rows` changes are shown. Pure. */
export function waitedView(
  outcomes: readonly Outcome[],
  rows: number,
  { waitedMs, ...rest }: Pick<Waited, 'since' | 'wentOn' | 'notice' | 'masked' | 'withheld'> & { waitedMs: number },
): Waited {
  let left = rows;
  const total = outcomes.reduce((sum, { changes }) => sum + changes.vitals.length, 0);
  const all = outcomes.map((outcome): PatientRow => {
    const shown = rowOf(outcome, Math.max(0, left));
    left -= outcome.changes.vitals.length;
    return shown;
  });
  const status = all.some((one) => one.status === 'changed')
    ? 'changed'
    : all.every((one) => one.status === 'no_data')
      ? 'no_data'
      : 'unchanged';
  return {
    status,
    waitedSeconds: Math.round(waitedMs / 100) / 10,
    patients: all.sort((a, b) => Number(b.status === 'changed') - Number(a.status === 'changed')),
    ...{ since: rest.since, wentOn: rest.wentOn },
    askAgainSeconds: ASK_AGAIN[status],
    ...(rest.masked && { masked: rest.masked }),
    ...(rest.withheld && { withheld: rest.withheld }),
    notice: rest.notice,
    truncated: total > rows,
  };
}

function rowOf({ patient: id, asOf, zone: own, now, changes }: Outcome, room: number): PatientRow {
  const { current, without } = currentIn(now);
  const isChanged = hasChanged(changes);
  const shown = changes.vitals.slice(0, room);
  return {
    patient: id,
    status: isChanged ? 'changed' : current.size === 0 || now.isBlind ? 'no_data' : 'unchanged',
    ...(now.unseen.length > 0 && { unseen: [...now.unseen] }),
    current: current.size,
    ...(without.size > 0 && { without: [...without] }),
    ...(shown.length > 0 && {
      changes: shown.map(({ vital, name, part, what, from, to, unit, at, device, isElsewhere }) => ({
        ...{ vital, name, ...(part !== vital && { part }), what, from, to, unit, at, device: deviceName(device) },
        ...(isElsewhere && { elsewhere: true as const }),
      })),
    }),
    ...(changes.moved && { moved: true as const }),
    ...(changes.sources && { sources: true as const }),
    ...(changes.alerts && { alerts: true as const }),
    asOf,
    ...(own !== undefined && { zone: own }),
  };
}

const UNSEEN_WORDS: Readonly<Record<Unseen, string>> = {
  discharged: 'DISCHARGED',
  unplaced: 'PLACE NOT KNOWN',
  left_bed: 'LEFT THE BED',
  gateway_silent: 'GATEWAY SILENT',
  gateway_lost: 'GATEWAY LOST',
  gateway_unknown: 'STATE OF GATEWAY NOT KNOWN',
  movements_silent: 'MOVEMENTS SILENT',
  movements_lost: 'MOVEMENTS LOST',
  movements_unknown: 'STATE OF MOVEMENTS NOT KNOWN',
};
const NO_VALUE = 'NO CURRENT VALUE';

/** Patients named in the first line for one reason; the others are counted there, and have a line of their own. */
const MOST_NAMED = 8;

/** The same in plain English; first of whom nothing can be told, for silence must not read as calm. */
export function waitedText(waited: Waited): string {
  const { status, waitedSeconds, patients, since, wentOn, askAgainSeconds, notice } = waited;
  const heads: Readonly<Record<Waited['status'], string>> = {
    changed: `Something changed, after ${waitedSeconds} s.`,
    unchanged: `Nothing changed in ${waitedSeconds} s by as much as was asked for.`,
    no_data: `NO DATA: nobody watched has a current value that could be seen to change, so nothing could have been in ${waitedSeconds} s. This is not calm.`,
  };
  return [
    [...unseenText(patients, status), heads[status]].join(' '),
    ...(waited.masked ? [MASKED_WORDS[waited.masked]] : []),
    ...(waited.withheld ? [`${scopeText(waited.withheld)} Nothing of that was watched.`] : []),
    ...patients.map(patientLine),
    ...(waited.truncated ? ['More changed than is shown: read those patients.'] : []),
    ...(wentOn ? [] : ['It began from what is current now: no change of before is in it.']),
    `Ask again ${askAgainSeconds === 0 ? 'at once' : `in ${askAgainSeconds} s`} with since ${since}.`,
    notice,
  ].join('\n');
}

/** Of whom, and why, that nothing changed says nothing. */
function unseenText(patients: readonly PatientRow[], status: Waited['status']): string[] {
  const of = new Map<string, string[]>();
  const add = (why: string, id: string): void => {
    const named = of.get(why) ?? [];
    of.set(why, named);
    named.push(id);
  };
  for (const { patient: id, unseen = [], current } of patients) {
    for (const why of unseen) add(UNSEEN_WORDS[why], id);
    // Where nobody has one, the head says so.
    if (unseen.length === 0 && current === 0 && status !== 'no_data') add(NO_VALUE, id);
  }
  if (of.size === 0) return [];
  const said = [...of].map(([why, ids]) => {
    const more = ids.length - MOST_NAMED;
    return `${why}: ${ids.slice(0, MOST_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  });
  return [`${said.join('; ')} (not calm).`];
}

function patientLine({
  patient: id,
  status,
  unseen = [],
  current,
  without,
  changes = [],
  moved,
  sources,
  alerts,
  asOf,
}: PatientRow): string {
  const said = [
    ...unseen.map((why) => UNSEEN_WORDS[why]),
    ...changes.map(changeText),
    ...(moved ? ['moved, left or came back'] : []),
    ...(sources ? ['a source fell silent or came back'] : []),
    ...(alerts ? ['a device told of an alert: call get_alerts'] : []),
  ];
  const rest =
    current === 0 && status === 'no_data'
      ? [`${NO_VALUE}: unknown, not normal`]
      : [`${current} current${status === 'no_data' ? ', BUT NOTHING NEWER CAN COME: unknown, not unchanged' : ''}`];
  return `- ${id}, as of ${asOf}: ${[...said, ...rest, ...(without ? [`without a current value: ${without.join(', ')}`] : [])].join('; ')}`;
}

/** By which device stands beside each change: another one may give another value. */
function changeText({ vital, part, what, from, to, unit, device, elsewhere }: NonNullable<PatientRow['changes']>[number]): string {
  const key = part ?? vital;
  const by = device === null ? '' : ` [device ${device}]`;
  if (what === 'value' || what === 'back') return `${key} ${from === null ? 'none' : from} -> ${to} ${unit}${by}`;
  return elsewhere
    ? `${key} has no current value by this device any more (was ${from} ${unit})${by}, though another device has one`
    : `${key} HAS NO CURRENT VALUE ANY MORE (was ${from} ${unit})${by}`;
}
