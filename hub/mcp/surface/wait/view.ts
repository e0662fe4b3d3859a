import { z } from 'zod';
import { deviceName } from '../../untrusted.ts';
import { masked, zone } from '../../views.ts';
import { MASKED_WORDS } from '../../wording.ts';
import { currentIn, hasChanged, type PatientChanges, type Snapshot } from './changes.ts';

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
  device: z.string().nullable(),
});

const patient = z.object({
  patient: z.string(),
  status: z
    .enum(['changed', 'unchanged', 'no_data'])
    .describe('no_data: there is no current value at all, so nothing could have been seen to change. It is not unchanged, and not calm.'),
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
    .describe('changed: something of somebody; no_data: nobody watched has a current value; unchanged: neither.'),
  waitedSeconds: z.number(),
  patients: z.array(patient),
  since: z.string().describe('Pass it to the next call, with the same patients and vitals, so that nothing between both is missed.'),
  wentOn: z
    .boolean()
    .describe('False when this call began from what is current now, because no since was given or it is not known any more.'),
  askAgainSeconds: z.number().describe('When it makes sense to ask again.'),
  masked,
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
  { waitedMs, ...rest }: Pick<Waited, 'since' | 'wentOn' | 'notice'> & { waitedMs: number; masked?: Waited['masked'] },
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
    notice: rest.notice,
    truncated: total > rows,
  };
}

function rowOf({ patient: id, asOf, zone: own, now, changes }: Outcome, room: number): PatientRow {
  const current = currentIn(now);
  const isChanged = hasChanged(changes);
  const without = [...now.seen.values()]
    .filter(({ values }) => [...values.values()].every((value) => value === null))
    .map(({ vital }) => vital);
  const shown = changes.vitals.slice(0, room);
  return {
    patient: id,
    status: isChanged ? 'changed' : current === 0 ? 'no_data' : 'unchanged',
    current,
    ...(without.length > 0 && { without: [...new Set(without)] }),
    ...(shown.length > 0 && {
      changes: shown.map(({ vital, name, part, what, from, to, unit, at, device }) => ({
        ...{ vital, name, ...(part !== vital && { part }), what, from, to, unit, at, device: deviceName(device) },
      })),
    }),
    ...(changes.moved && { moved: true as const }),
    ...(changes.sources && { sources: true as const }),
    ...(changes.alerts && { alerts: true as const }),
    asOf,
    ...(own !== undefined && { zone: own }),
  };
}

/** The same in plain English. */
export function waitedText(waited: Waited): string {
  const { status, waitedSeconds, patients, since, wentOn, askAgainSeconds, notice } = waited;
  const heads: Readonly<Record<Waited['status'], string>> = {
    changed: `Something changed, after ${waitedSeconds} s.`,
    unchanged: `Nothing changed in ${waitedSeconds} s by as much as was asked for.`,
    no_data: `NO DATA: nobody watched has a current value, so nothing could have been seen to change in ${waitedSeconds} s. This is not calm.`,
  };
  return [
    heads[status],
    ...(waited.masked ? [MASKED_WORDS[waited.masked]] : []),
    ...patients.map(patientLine),
    ...(waited.truncated ? ['More changed than is shown: read those patients.'] : []),
    ...(wentOn ? [] : ['This call began from what is current now: what changed before it is not in it.']),
    `Ask again ${askAgainSeconds === 0 ? 'at once' : `in ${askAgainSeconds} s`} with since ${since}.`,
    notice,
  ].join('\n');
}

function patientLine({ patient: id, status, current, without, changes = [], moved, sources, alerts, asOf }: PatientRow): string {
  const said = [
    ...changes.map(({ vital, part, what, from, to, unit }) =>
      what === 'lost' || what === 'gone'
        ? `${part ?? vital} HAS NO CURRENT VALUE ANY MORE (was ${from} ${unit})`
        : `${part ?? vital} ${from === null ? 'none' : from} -> ${to} ${unit}`,
    ),
    ...(moved ? ['moved, left or came back'] : []),
    ...(sources ? ['a source fell silent or came back'] : []),
    ...(alerts ? ['a device told of an alert: call get_alerts'] : []),
  ];
  const rest = status === 'no_data' ? ['NO CURRENT VALUE: unknown, not normal'] : [`${current} current`];
  return `- ${id}, as of ${asOf}: ${[...said, ...rest, ...(without ? [`without a current value: ${without.join(', ')}`] : [])].join('; ')}`;
}
