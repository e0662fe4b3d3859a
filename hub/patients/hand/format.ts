import { formatInstant, type Instant } from '../../../shared/clock.ts';
import type { PatientPlace } from '../../registry/registry.ts';
import type { AssignedDevice } from './assigned-device.ts';
import type { Done, Imported } from './by-hand.ts';
import { CENSUS_FAULTS, codeOf } from './census.ts';
import { type Contradicted, isUnclear } from './contradicted.ts';
import type { Correction } from './corrected.ts';
import type { ShownStay } from './shown.ts';
import { formatWrongRead } from './wrong-reads.ts';

/** What a statement came to, for people. */
export function formatDone({ statement, at, patients, undoable, conflicts, takesBack, lay }: Done): string {
  const undo = undoable
    ? `\`vitalmesh-hub patients undo ${statement}\` takes it back`
    : '`vitalmesh-hub patients merge` makes them one again';
  const said = takesBack === undefined ? `Said as of ${formatInstant(at)}; ${undo}.` : formatTakenBack(at);
  const lain = lay ? [`${lay.patient}  lay in ${lay.bed} from ${formatInstant(lay.from)} to ${formatInstant(lay.to)}; as of now:`] : [];
  const loud = isUnclear(conflicts)
    ? ['CONFLICT: it is kept, and until what is wrong is taken back or mended, readings are nobody’s:']
    : [];
  return [said, ...lain, ...patients.map(formatPlace), ...loud, ...conflicts.map(formatContradicted)].join('\n');
}

function formatTakenBack(at: Instant): string {
  return `Taken back: what was said as of ${formatInstant(at)} holds no more. Where it is to hold after all, say it again.`;
}

/** Whom it contradicts, and what is to be done about it. */
function formatContradicted({ what, bed, patient }: Contradicted): string {
  if (what === 'elsewhere')
    return `${patient}  was known to lie in ${bed}, and left it by this: where this is no new stay, take it back and say \`vitalmesh-hub patients move\``;
  if (what === 'apart')
    return `${patient}  was said to lie in ${bed}: \`vitalmesh-hub patients move --patient ${patient} --bed BED\` says in which bed they lie, or take it back`;
  const done = `\`vitalmesh-hub patients discharge --patient ${patient}\` or \`vitalmesh-hub patients move\` says that they left, with --at when`;
  return `${patient}  is said to lie in ${bed} too, so its readings are nobody's: ${done}`;
}

/** Where a device stands. */
export function formatAssigned({ gateway, device, bed, at }: AssignedDevice): string {
  return `${device} of ${gateway} stands in ${bed ?? 'no bed'} since ${formatInstant(at)}; what it measured since is moved along.`;
}

function formatPlace({ patient, bed, discharged, leftBed, mergedFrom, alsoKnownAs }: PatientPlace): string {
  if (mergedFrom !== undefined) return `${mergedFrom}  is ${patient}`;
  if (alsoKnownAs) return `${patient}  is ${alsoKnownAs.patient} too, who lies in ${alsoKnownAs.bed ?? 'no bed for sure'}`;
  if (bed !== null) return `${patient}  lies in ${bed}`;
  if (leftBed !== undefined) return `${patient}  lies in no bed that is followed since ${formatInstant(leftBed)}`;
  return `${patient}  ${discharged === undefined ? 'lies in no bed for sure' : `was discharged at ${formatInstant(discharged)}`}`;
}

/** What was made of a census; `nothing`: because none of its lines counts where one is left out. */
export function formatImport({
  admitted,
  statements,
  faults,
  conflicts,
  trial,
  nothing,
}: Omit<Imported, 'at' | 'people'> & { trial: boolean; nothing: boolean }): string {
  const left = faults.length === 0 ? '.' : `, ${faults.length} ${trial ? 'would be left out' : 'left out'}:`;
  const head = `${admitted} ${trial ? 'could be admitted; nothing was kept' : 'admitted'}${left}`;
  return [
    ...(nothing ? [`Nothing was kept, because ${faults.length} lines cannot be taken (--all-or-nothing):`] : [head]),
    ...faults.map(({ line, fault }) => `line ${line}: ${codeOf(fault)}: ${CENSUS_FAULTS[fault]}`),
    ...conflicts.map(({ line, ...one }) => `line ${line}: ${formatContradicted(one)}`),
    ...statements.map(({ line, statement }) => `line ${line}: \`vitalmesh-hub patients undo ${statement}\` takes it back`),
  ].join('\n');
}

/** A line a stay. */
export function formatStay({ bed, state, patients, from, to, lastReading }: ShownStay): string {
  const whom = patients.map(({ patient, authority, number }) =>
    number === undefined ? patient : `${patient} (${authority === '' ? number : `${authority}|${number}`})`,
  );
  if (state === 'nobody') {
    const come = `; readings come, the newest of ${formatInstant(lastReading ?? 0)}: they are shown to no one`;
    return `${bed}  nobody is known to lie there${lastReading === undefined ? '' : come}`;
  }
  if (from === null) return `${bed ?? 'at home'}  ${whom.join(' or ') || 'nobody'}, as registry.yaml says; no movement tells of it`;
  return `${bed}  ${state.padEnd(11)}  ${whom.join(' or ')}  ${stretch(from, to)}`;
}

/** What moved, and who had read it. */
export function formatCorrection({ at, bed, device, from, to, was, is, rows, erased, amendment, undone, readBy }: Correction): string {
  const none = erased ? 'somebody who was erased since' : 'nobody';
  const whose = `${was ?? none} to ${is ?? none}`;
  // What people gave to a number is of no bed, and of any time.
  const isByMerge = bed === '' && device === null;
  const which = `of bed ${bed}${device === null ? '' : `, device ${device}`}, ${stretch(from, to)}`;
  const byHand = `${undone ? 'given back' : 'given'} by hand (amendment ${amendment})`;
  const what = amendment !== undefined ? byHand : isByMerge ? 'given by hand to a number that was merged, or is its own again' : which;
  const head = `${formatInstant(at)}  ${rows} ${rows === 1 ? 'row' : 'rows'} ${what}: from ${whose}`;
  const seen = readBy.map(formatWrongRead);
  return [head, ...(was === null ? [] : seen.length > 0 ? seen : [`  nobody was shown any of it under ${was}`])].join('\n');
}

function stretch(from: Instant, to: Instant | null): string {
  return `since ${formatInstant(from)}${to === null ? '' : ` until ${formatInstant(to)}`}`;
}
