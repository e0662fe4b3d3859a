import { countsOf, type GroupRow, groupLatest } from '../../../clinical/group-latest.ts';
import type { ChangeKind } from '../../follow.ts';
import { uriOf } from '../../uris.ts';
import { compactLatest, type LatestRow, MAX_ROWS } from '../../views.ts';
import type { ResourceRow } from '../contract.ts';
import { cursorOf, notShown } from '../pages-of-group.ts';
import { besideMembers } from '../place-not-known.ts';
import { wholeOf, zoneElsewhere } from '../shown.ts';
import { wardsLike } from './variables.ts';

/** Patients of one answer. */
const MOST_PATIENTS = 500;
const HEARS: readonly ChangeKind[] = ['stored', 'stale', 'patients', 'corrected', 'sources', 'erased'];

export const wardResource: ResourceRow<'ward'> = {
  name: 'ward-latest',
  title: 'Latest vital signs of a ward',
  description:
    'What is current of every patient of a ward whom this caller may see: the one row that answers for each measurand; worst data first, because missing data are not normal findings. Where there are more than fit, nextUri has those who were not shown yet.',
  mimeType: 'application/json',
  action: 'vitals.read',
  completes: { ward: wardsLike },
  // A later page is what was not shown of one answer: whoever follows the ward is told of all of it, under one name.
  follow: ({ ward, cursor }) => (cursor === undefined ? { of: 'group', group: { ward }, hears: HEARS } : { of: 'nothing' }),
  async read({ ward, cursor }, call) {
    const { door, caller, context } = call;
    const rows = await groupLatest(door, caller, { ward }, context, call);
    const named = rows.map((row) => ({ ...row, patient: row.latest.patient }));
    const left = notShown(named, cursor);
    const beside = besideMembers({ ward }, call, rows.length === 0);
    return call.fit(Math.min(MOST_PATIENTS, left.length), (most) => {
      const rest = left.slice(most);
      return compactWard(ward, rows, {
        ...beside,
        shown: left.slice(0, most),
        ...(rest.length > 0 && { nextCursor: cursorOf(named, rest) }),
      });
    });
  },
};

/** Compact form for a model. Pure. */
function compactWard(
  ward: string,
  rows: readonly GroupRow[],
  { shown, nextCursor, placeNotKnown, ofNobody }: { shown: readonly GroupRow[]; nextCursor?: string } & ReturnType<typeof besideMembers>,
) {
  const whole = wholeOf(
    rows.map(({ latest }) => latest),
    ofNobody,
  );
  return {
    ward,
    ...(placeNotKnown !== undefined && { placeNotKnown }),
    ...whole,
    patientsTotal: rows.length,
    counts: countsOf(rows),
    patients: shown.map((row) => ({ ...compactPatient(row), ...zoneElsewhere(row.latest, whole) })),
    truncated: nextCursor !== undefined,
    ...(nextCursor !== undefined && { nextCursor, nextUri: uriOf('ward', { ward, cursor: nextCursor }) }),
  };
}

function compactPatient({ quality, latest }: GroupRow) {
  const { patient, alsoKnownAs, bed, unplaced, discharged, leftBed, asOf, withheld, vitals, sources, demo, truncated } = compactLatest(
    latest,
    MAX_ROWS,
  );
  const notLive = sources.filter(({ state }) => state !== 'live' && state !== 'elsewhere');
  return {
    ...{ patient, bed, asOf, quality },
    ...(alsoKnownAs && { alsoKnownAs }),
    ...(unplaced && { unplaced }),
    ...(discharged !== undefined && { discharged }),
    ...(leftBed !== undefined && { leftBed }),
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
