import { type GroupRow, groupLatest } from '../../../clinical/group-latest.ts';
import type { ChangeKind } from '../../follow.ts';
import { compactLatest, type LatestRow, MAX_ROWS } from '../../views.ts';
import type { ResourceRow } from '../contract.ts';
import { wardsLike } from './variables.ts';

/** Patients of one answer. */
const MOST_PATIENTS = 500;
const HEARS: readonly ChangeKind[] = ['stored', 'stale', 'patients', 'corrected', 'sources', 'erased'];

export const wardResource: ResourceRow<'ward'> = {
  name: 'ward-latest',
  title: 'Latest vital signs of a ward',
  description:
    'What is current of every patient of a ward whom this caller may see: the one row that answers for each measurand; worst data first, because missing data are not normal findings.',
  mimeType: 'application/json',
  action: 'vitals.read',
  completes: { ward: wardsLike },
  follow: ({ ward }) => ({ of: 'group', group: { ward }, hears: HEARS }),
  async read({ ward }, call) {
    const { door, caller, context } = call;
    const rows = await groupLatest(door, caller, { ward }, context, call);
    return call.fit(MOST_PATIENTS, (most) => compactWard(ward, rows, most));
  },
};

/** Compact form for a model. Pure. */
function compactWard(ward: string, rows: readonly GroupRow[], most: number) {
  const shown = rows.slice(0, most);
  const notice = rows[0]?.latest.notice;
  const asOf = rows.map(({ latest }) => latest.asOf).reduce((last, at) => (at > last ? at : last), '');
  return {
    ...{ ward, asOf, notice },
    patientsTotal: rows.length,
    patients: shown.map(compactPatient),
    truncated: shown.length < rows.length,
  };
}

function compactPatient({ quality, latest }: GroupRow) {
  const { patient, bed, unplaced, asOf, withheld, vitals, sources, demo, truncated } = compactLatest(latest, MAX_ROWS);
  const notLive = sources.filter(({ state }) => state !== 'live');
  return {
    ...{ patient, bed, asOf, quality },
    ...(unplaced && { unplaced }),
    ...(withheld && { withheld }),
    vitals: vitals.map(compactRow),
    ...(notLive.length > 0 && { notLive }),
    ...(demo && { demo }),
    ...(truncated && { truncated }),
  };
}

/** Without what is the same for everybody, and can be read of the patient. */
function compactRow({ name: _, staleAfter: __, preferred: ___, preferredBecause: ____, flags, ...row }: LatestRow) {
  return { ...row, ...(flags.length > 0 && { flags }) };
}
