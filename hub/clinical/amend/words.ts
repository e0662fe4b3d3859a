import { formatInstant } from '../../../shared/clock.ts';
import type { DoubtfulListView } from '../../access/doubtful-views.ts';
import { visible } from '../../audit/feed/visible.ts';
import { formatHistory } from '../../inspection/format.ts';
import { formatWrongRead } from '../../patients/hand/wrong-reads.ts';
import type { KeptAmendment } from '../../store/amend/amend.ts';
import type { Amended, ShownAmendment, ShownReading, Undone } from './amending.ts';

/** Decisions that still hold, as many as are named. */
const MOST_HOLDING = 10;

/** What was decided, or would be, for an operator. */
export function formatAmended({ patients, rolledUp, to, amendments, held }: Amended, kind: KeptAmendment['kind']): string {
  const lines = patients.map(({ patient, rows, vitals }) => `${patient}  ${rows} ${rows === 1 ? 'row' : 'rows'} (${vitals.join(', ')})`);
  const before = amendments.filter(({ already }) => already);
  const isNew = before.length < amendments.length;
  if (lines.length === 0 && before.length === 0 && rolledUp === 0) lines.push('Nothing of it has come yet.');
  const was = kind === 'void' ? 'Entered in error' : 'Confirmed';
  for (const { id, at, already } of before)
    lines.push(`${was} already, ${formatInstant(at)} by ${already?.by ?? '(evidence gone)'}, amendment ${id}: nothing of it was changed.`);
  if (rolledUp > 0)
    lines.push(`${rolledUp} older readings are kept as rollups alone: these stay where they are, and are flagged as doubtful.`);
  if (held.length > 0) lines.push('Under legal hold: nothing of it is removed, and its history stays.');
  const isTrial = amendments.length === 0;
  const done = kind === 'reassign' ? `${to}’s` : kind === 'void' ? 'entered in error' : 'confirmed';
  if (isTrial) lines.push(`Nothing was changed (--dry-run); it would be ${done}.`);
  else if (isNew) {
    const isOvertaken = patients.some(({ rows }) => rows === 0);
    if (isOvertaken) lines.push('Of what has 0 rows somebody else decided first: `vitalmesh-hub readings show` says what.');
    if (!isOvertaken || patients.some(({ rows }) => rows > 0)) lines.push(`Now ${done}; what comes late of it too.`);
  }
  for (const { id } of amendments) lines.push(`amendment ${id}  undone by: vitalmesh-hub readings undo ${id}`);
  return lines.join('\n');
}

/** What is doubtful, a line each, and what can be decided about it. */
export function formatDoubtful({ readings, before }: DoubtfulListView): string {
  if (readings.length === 0) return 'No reading is doubtful.';
  const lines = readings.map(({ patient, name, value, unit, components, device, test, at, since, observation, flags }) => {
    const parts = components.length > 0 ? components.map((part) => part.value ?? '–').join('/') : (value ?? '–');
    const marks = [...flags.filter((flag) => flag !== 'identity-doubtful'), ...(test ? ['test'] : [])];
    const marked = marks.length === 0 ? '' : `  (${marks.join(', ')})`;
    return `${patient}  ${at}  ${name} ${parts} ${unit}${marked}  device ${visible(device)}  here since ${since}  ${observation}`;
  });
  lines.push(
    'None of them is current. It is this patient’s: `vitalmesh-hub readings confirm --observation ID`. It is somebody else’s:',
    '`vitalmesh-hub readings reassign --observation ID --to-patient P2 --reason wrong-patient`. It is nobody’s:',
    '`vitalmesh-hub readings void --observation ID --reason artefact`. What is repeated becomes the patient’s by itself.',
  );
  if (before !== null) lines.push(`More were measured before these: --before ${before}`);
  return lines.join('\n');
}

/** That it was taken back, and where to look who was shown it meanwhile. */
export function formatUndone({ kind, to, holding }: Undone): string {
  const seen =
    kind === 'reassign' && to !== undefined ? ` \`vitalmesh-hub readings list --patient ${to}\` says who was shown them as ${to}’s.` : '';
  if (holding.length === 0) return `Undone; what movements say of those readings holds again.${seen}`;
  const named = holding.slice(0, MOST_HOLDING).map((one) => {
    const whom = one.to === undefined ? '' : ` to ${one.to}`;
    return `  ${one.id}  ${formatInstant(one.at)}  ${one.kind} (${one.reason})${whom}  undone by: vitalmesh-hub readings undo ${one.id}`;
  });
  if (holding.length > MOST_HOLDING) named.push(`  and ${holding.length - MOST_HOLDING} more: \`vitalmesh-hub readings list\``);
  return [`Undone; but of some or all of those readings something else that was decided still holds:${seen}`, ...named].join('\n');
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
  lines.push(...readBy.map(formatWrongRead));
  return lines.join('\n');
}

export function formatReading({ patient, vital, device, versions, amendments }: ShownReading): string {
  const decided = amendments.length === 0 ? ['Nobody decided anything about it.'] : amendments.map(formatAmendment);
  return [`${patient}  ${vital}  ${device}`, formatHistory(versions), ...decided].join('\n');
}
