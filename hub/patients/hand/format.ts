import { formatInstant, type Instant } from '../../../shared/clock.ts';
import type { PatientPlace } from '../../registry/registry.ts';
import type { Done, Imported } from './by-hand.ts';
import { CENSUS_FAULTS, type CensusFile } from './census.ts';
import type { Correction } from './corrected.ts';
import type { ShownStay } from './shown.ts';

/** What a statement came to, for people. */
export function formatDone({ statement, at, patients }: Done): string {
  return [`Said as of ${formatInstant(at)}; \`patients undo ${statement}\` takes it back.`, ...patients.map(formatPlace)].join('\n');
}

function formatPlace({ patient, bed, discharged, mergedFrom }: PatientPlace): string {
  if (mergedFrom !== undefined) return `${mergedFrom}  is ${patient}`;
  if (bed !== null) return `${patient}  lies in ${bed}`;
  return `${patient}  ${discharged === undefined ? 'lies in no bed for sure' : `was discharged at ${formatInstant(discharged)}`}`;
}

export function formatImport({
  admitted,
  notFollowed,
  faults,
  trial,
}: Omit<Imported, 'at'> & Pick<CensusFile, 'faults'> & { trial: boolean }): string {
  const head = `${admitted} ${trial ? 'could be admitted; nothing was kept' : 'admitted'}${faults.length === 0 ? '.' : `, ${faults.length} left out:`}`;
  const left = faults.map(({ line, fault }) => `line ${line}: ${CENSUS_FAULTS[fault]}`);
  const unfollowed =
    notFollowed.length === 0
      ? []
      : [`Beds that follow no movements here, so that nobody's readings follow from them: line ${notFollowed.join(', ')}.`];
  return [head, ...left, ...unfollowed].join('\n');
}

/** A line a stay. */
export function formatStay({ bed, state, patients, from, to }: ShownStay): string {
  const whom = patients.map(({ patient, authority, number }) =>
    number === undefined ? patient : `${patient} (${authority === '' ? number : `${authority}|${number}`})`,
  );
  return `${bed}  ${state.padEnd(11)}  ${whom.join(' or ')}  ${stretch(from, to)}`;
}

/** What moved, and who had read it. */
export function formatCorrection({ at, bed, device, from, to, was, is, rows, readBy }: Correction): string {
  const whose = `${was ?? 'nobody'} to ${is ?? 'nobody'}`;
  const head = `${formatInstant(at)}  ${rows} rows of bed ${bed}${device === null ? '' : `, device ${device}`}, ${stretch(from, to)}: from ${whose}`;
  const seen = readBy.map((entry) => `  shown before, entry ${entry.seq}, ${formatInstant(entry.at)}: ${entry.principal}, ${entry.action}`);
  return [head, ...(was === null ? [] : seen.length > 0 ? seen : ['  nobody had been shown any of it'])].join('\n');
}

function stretch(from: Instant, to: Instant | null): string {
  return `since ${formatInstant(from)}${to === null ? '' : ` until ${formatInstant(to)}`}`;
}
