import { formatInstant } from '../../../shared/clock.ts';
import { visible } from '../../audit/feed/visible.ts';
import { formatHistory } from '../../inspection/format.ts';
import type { KeptAmendment } from '../../store/amend/amend.ts';
import type { Amended, ShownAmendment, ShownReading } from './amending.ts';

const DONE = { void: 'entered in error', reassign: 'another patient’s', confirm: 'confirmed' } as const;

/** What was decided, or would be, for an operator. */
export function formatAmended({ patients, rolledUp, amendments, held }: Amended, kind: KeptAmendment['kind']): string {
  const lines = patients.map(({ patient, rows, vitals }) => `${patient}  ${rows} ${rows === 1 ? 'row' : 'rows'} (${vitals.join(', ')})`);
  if (lines.length === 0) lines.push('No row that is kept is of it.');
  if (rolledUp > 0)
    lines.push(`${rolledUp} older readings are kept as rollups alone: these stay where they are, and are flagged as doubtful.`);
  if (held.length > 0) lines.push('Under legal hold: nothing of it is removed, and its history stays.');
  const isTrial = amendments.length === 0;
  lines.push(isTrial ? 'Nothing was changed (--dry-run).' : `Now ${DONE[kind]}; what comes late of it too.`);
  for (const { id } of amendments) lines.push(`amendment ${id}  undone by: vitalmesh-hub readings undo ${id}`);
  return lines.join('\n');
}

export function formatAmendment({
  id,
  at,
  kind,
  reason,
  patient,
  to,
  stretch,
  by,
  note,
  undoneAt,
  undoneBy,
  readBy,
}: ShownAmendment): string {
  const of = stretch ? `${formatInstant(stretch.from)} to ${formatInstant(stretch.to)}` : 'single readings';
  const which = [stretch?.device, stretch?.vital].filter((one) => one).join(' ');
  const whom = `${patient ?? '(erased)'}${to === undefined ? '' : ` to ${to}`}`;
  const lines = [
    `${id}  ${formatInstant(at)}  ${kind} (${reason})  ${whom}  ${of}${which === '' ? '' : `  ${which}`}  by ${by ?? '(evidence gone)'}`,
  ];
  if (note !== null) lines.push(`  note: ${visible(note)}`);
  if (undoneAt !== null) lines.push(`  undone ${formatInstant(undoneAt)} by ${undoneBy ?? '(evidence gone)'}`);
  for (const { seq, at: when, principal, action } of readBy)
    lines.push(`  shown before: entry ${seq}  ${formatInstant(when)}  ${principal}  ${action}`);
  return lines.join('\n');
}

export function formatReading({ patient, vital, device, versions, amendments }: ShownReading): string {
  const decided = amendments.length === 0 ? ['Nobody decided anything about it.'] : amendments.map(formatAmendment);
  return [`${patient}  ${vital}  ${device}`, formatHistory(versions), ...decided].join('\n');
}
