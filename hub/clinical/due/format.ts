import { counted } from '../../../shared/counted.ts';
import type { DueRow, DueView } from './due.ts';
import { DUE_STATES } from './state.ts';
import type { WorklistShown } from './worklist.ts';

/** What is expected of a patient, for people at a terminal. */
export function formatDue({ patient, asOf, version, unplaced, expected, sources, notice }: DueView): string {
  return [
    `Patient ${patient}, as of ${asOf}, by version ${version} of the site's file`,
    ...(unplaced ? ['Lies in no bed for sure: what is measured there is under nobody.'] : []),
    ...(expected.length === 0 ? ['Nothing is expected of this patient.'] : expected.map((row) => `  ${rowWords(row)}`)),
    ...sources.map(({ kind, id, state, since }) => `  ${kind} ${id ?? ''}: ${state}${since === null ? '' : ` since ${since}`}`),
    notice,
  ].join('\n');
}

/** What is open of a ward or panel, for people at a terminal. */
export function formatWorklist({
  group,
  placeNotKnown = 0,
  asOf,
  version,
  patients,
  nothingExpected,
  counts,
  withheld,
  rows,
  omitted,
  notice,
}: WorklistShown): string {
  const whose = 'panel' in group ? `Panel ${group.panel}` : `Ward ${group.ward}`;
  return [
    `${whose}, as of ${asOf}, by version ${version} of the site's file: ${counted(patients, 'patient')}, nothing expected of ${nothingExpected}`,
    ...(placeNotKnown > 0 ? [`${placeNotKnown} more may lie here, place not known: ask at the bed.`] : []),
    DUE_STATES.map((state) => `${counts[state]} ${state}`).join(', '),
    ...(withheld > 0 ? [`Of ${counted(withheld, 'patient')} something is withheld from you.`] : []),
    ...rows.map(
      ({ patient, bed, unplaced, ...row }) =>
        `  ${patient}${bed === null ? '' : ` (${bed})`}${unplaced ? ' (in no bed for sure)' : ''}: ${rowWords(row)}`,
    ),
    ...(omitted > 0 ? [`${omitted} more.`] : []),
    notice,
  ].join('\n');
}

function rowWords({ vital, state, byClock, since, from, until, toleranceMinutes, done, silent, late }: DueRow): string {
  const window = `${vital}, ${from} to ${until}${toleranceMinutes > 0 ? ` ± ${toleranceMinutes} min` : ''}`;
  const whose = silent ? ` (${silent.id ?? 'all'}${silent.since === null ? '' : `, since ${silent.since}`}; ${byClock} by the clock)` : '';
  const how =
    state === 'done' && done
      ? `done at ${done.at} by ${done.device}`
      : `${state.toUpperCase()}${whose}${since === null ? '' : ` since ${since}`}`;
  return `${window}: ${how}${late ? `; measured at ${late.at} by ${late.device}, too late for it` : ''}`;
}
