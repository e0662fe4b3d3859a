import { formatInstant } from '../../shared/clock.ts';
import type { EvidenceRecord, UnreadEntry } from './evidence.ts';
import type { Rebuilt, ReplayStep } from './replay.ts';
import type { AccessReport, AccessSummary } from './report.ts';
import type { ListedRecord, NotStored, Unopened } from './saw.ts';

/** An entry for people, on one line. */
export function formatRecord({ seq, event, erased, damaged }: EvidenceRecord): string {
  const { at, principal, role, action, outcome, reason, count, detail } = event;
  const { client, model } = detail?.claimed ?? {};
  const claims = [client, model].filter((name) => name !== undefined).join(', ');
  const whose = damaged ? 'DAMAGED' : erased ? 'erased' : (event.patient ?? (event.patients ? `${event.patients.length} patients` : '-'));
  const what = outcome === 'allowed' ? `${count} rows` : `${outcome}: ${reason}`;
  return `${seq}  ${formatInstant(at)}  ${principal} (${role}${claims ? `, claims to be ${claims}` : ''})  ${action}  ${whose}  ${what}`;
}

/** What is no entry that can be read, on one line. */
export function formatUnread({ seq }: Pick<UnreadEntry, 'seq'>): string {
  return `${seq}  CANNOT BE READ: it is no entry of a form that this version knows; what was done there, and whose data it was, is not known`;
}

/** What a list has, on one line. */
export function formatListed(listed: ListedRecord | UnreadEntry | Unopened | NotStored): string {
  if ('notStored' in listed)
    return 'Nothing of this id is stored here: it was never taken, is of another hub or tenant, is nobody’s for sure, or the retention has rolled it up.';
  if ('unopened' in listed)
    return `${listed.unopened} entries cannot be opened, of erased patients or damaged: each may have shown this observation.`;
  if ('unread' in listed) return formatUnread(listed);
  return `${formatRecord(listed)}${listed.mayHaveShown ? '  it may have been shown' : ''}`;
}

/** An entry with everything in it. */
export function formatWhole(record: EvidenceRecord | UnreadEntry): string {
  return `${'unread' in record ? formatUnread(record) : formatRecord(record)}\n${JSON.stringify(record, null, 2)}`;
}

const REBUILT: Readonly<Record<Rebuilt, string | null>> = {
  same: 'made again from what is kept: exactly this was shown',
  none: null,
  brief: 'which observations it was is not kept, by the policy',
  kind: 'not made again: lists, trends, histories and exports are not; its hash is kept',
  erased: 'the patient was erased',
  masked: 'not made again: it was masked',
  withheld: 'the values may not be read by whoever asks',
  gone: 'not made again: not all of it is kept any more',
  newer: 'not made again: a later version of vitalmesh-hub showed it, whose answers this one does not know',
  limits: 'not proven: the limits of the site changed since; replay it with the file that was in force (`clinical.limits`)',
  differs: 'not proven: what is kept makes another view',
};

/** A step of a replay for people: what was asked, then a line for each observation that was shown. */
export function formatStep({ seq, at, action, patient, outcome, reason, count, args, shown, rebuilt }: ReplayStep): string {
  const what = outcome === 'allowed' ? `${count} rows` : `${outcome}: ${reason}`;
  const asked = args === null ? '' : `  ${JSON.stringify(args)}`;
  const rows = shown.map(({ observation, storedAt, kept }) => {
    const value = kept && (kept.value === null ? (kept.absent ?? 'parts') : `${kept.value} ${kept.unit}`);
    return `    ${observation}  stored ${formatInstant(storedAt)}  ${kept ? `${kept.vital} ${value} of ${formatInstant(kept.sortTime)}` : '-'}`;
  });
  const proof = REBUILT[rebuilt];
  const lines = [`${seq}  ${formatInstant(at)}  ${action}  ${patient ?? '-'}  ${what}${asked}`, ...rows];
  return [...lines, ...(proof === null ? [] : [`    ${proof}`])].join('\n');
}

export function formatReport({ patient, accesses, general, unopened, unread }: AccessReport): string {
  const own = accesses.length === 0 ? ['Nobody, as far as the evidence goes.'] : accesses.map(formatSummary);
  const others =
    general.length === 0
      ? []
      : [
          'Lists and exports of which it is not kept whom they showed, this one among them if it was within reach:',
          ...general.map(formatSummary),
        ];
  const closed =
    unopened === 0 ? [] : [`${unopened} entries cannot be opened, of erased patients or damaged: each may have been about this one.`];
  const strange =
    unread.length === 0
      ? []
      : ['What cannot be read, and may have been about this one:', ...unread.map((seq) => `  ${formatUnread({ seq })}`)];
  return [`Who saw ${patient}:`, ...own, ...others, ...closed, ...strange].join('\n');
}

function formatSummary({ principal, role, action, outcome, claimed, times, rows, first, last }: AccessSummary): string {
  const claims = claimed.length > 0 ? `, claims to be ${claimed.join(', ')}` : '';
  return `  ${principal} (${role}${claims})  ${action} ${outcome}, ${times} times, ${rows} rows, ${formatInstant(first)} to ${formatInstant(last)}`;
}
