import type { Instant } from '../../../shared/clock.ts';
import { JUMPS } from '../../clinical/doubt/jumps.ts';
import { anchorBefore, type Kept, readFrom } from '../../clinical/doubt/whose.ts';
import { CONFIRMED } from '../amend/amended.ts';
import { type ConfirmedVersion, confirmingOf } from '../amend/confirm.ts';
import { flagsAs, isDoubtful, isUsualBehind, JUDGED_A_PAGE, type JudgedRow, judgedAgain, judgedFirst, OWN } from '../identity/judged.ts';
import type { Arrival } from '../store.ts';
import { AMEND_PG } from './amend-statements.ts';
import type { Commit } from './commits.ts';
import { IDENTITY_PG } from './identity-statements.ts';

/** As `JudgedSeries`. */
interface Series {
  patient: number;
  vital: string;
  test: boolean;
}

/** An arrival of a personal device that was stored; `values`: what is compared of it, `isAlone`: it took the place of no other. */
export interface Came {
  key: number;
  arrival: Arrival;
  values: Kept['values'] | undefined;
  isAlone: boolean;
}

type Compared = Came & { values: Kept['values'] };
type Columns = Pick<JudgedRow, 'key' | 'sortTime' | 'flags'> & { judged: number };

/** As `judgeAgain` of an SQLite store, within a commit of the tenant. */
export async function judgeAgain(commit: Commit, { patient, vital, test }: Series, since: Instant): Promise<JudgedRow[]> {
  const jump = JUMPS[vital];
  if (jump === undefined) return [];
  const which = [patient, vital, test];
  const [anchor] = await commit.query<{ at: Instant | null }>(IDENTITY_PG.anchor, [...which, anchorBefore(since, jump)]);
  const rows: JudgedRow[] = [];
  for (let behind = [readFrom(anchor?.at ?? null, jump), 0]; ; ) {
    const found = await commit.query<JudgedRow>(IDENTITY_PG.page, [...which, ...behind]);
    for (const row of found) rows.push(row);
    const last = found.at(-1);
    if (last === undefined || found.length < JUDGED_A_PAGE) break;
    behind = [last.sortTime, last.key];
  }
  const changed = judgedAgain(vital, rows, since);
  await setJudged(
    commit,
    changed.map(({ row: { key, sortTime }, judged, flags }) => ({ key, sortTime, judged, flags })),
  );
  return changed.map(({ row }) => row);
}

/** As `isUsualNow` of an SQLite store. */
export async function isUsualNow(
  commit: Commit,
  { patient, vital, test }: Series,
  came: ReadonlySet<number>,
  since: Instant,
): Promise<boolean> {
  const which = [patient, vital, test];
  const last = await commit.query<JudgedRow>(IDENTITY_PG.lastOwn, [...which, since]);
  const [own] = last;
  if (own === undefined) return false;
  if ((await commit.query(IDENTITY_PG.hasOther, [...which, own.sortTime, since])).length > 0) return false;
  const later = await commit.query<JudgedRow>(IDENTITY_PG.page, [...which, since, 0]);
  if (later.length === JUDGED_A_PAGE || !later.every(({ key, judged }) => judged === OWN && came.has(key))) return false;
  return isUsualBehind(vital, last, later);
}

/** Keeps arrivals as they are before anything is decided of their series; gives how each is, and whether it was confirmed with another version. */
export async function keepFirst(
  commit: Commit,
  { tenant, patient }: { tenant: string; patient: number },
  all: readonly Came[],
): Promise<(Came & { judged: number | undefined; isConfirmed: boolean })[]> {
  const compared = all.filter((one): one is Compared => one.values !== undefined);
  const confirmed = compared.length === 0 ? new Set<number>() : await confirmedWith(commit, { tenant, patient }, compared);
  const kept = all.map((one) => {
    const isConfirmed = confirmed.has(one.key);
    return { ...one, judged: one.values && judgedFirst(one.arrival.flags, isConfirmed), isConfirmed };
  });
  await setJudged(
    commit,
    kept.flatMap(({ key, arrival: { sortTime, flags }, judged }) =>
      judged === undefined
        ? []
        : [{ key, sortTime, judged, flags: flagsAs(isDoubtful(judged), flags.length === 0 ? null : flags.join(' ')) }],
    ),
  );
  return kept;
}

/** As `confirmedWith` of an SQLite store, of many at once: the keys of those that are. */
async function confirmedWith(
  commit: Commit,
  { tenant, patient }: { tenant: string; patient: number },
  all: readonly Compared[],
): Promise<Set<number>> {
  const versions = await commit.query<ConfirmedVersion & { i: number }>(IDENTITY_PG.confirmed, [
    patient,
    all.map((_, i) => i),
    all.map(({ arrival }) => arrival.vital),
    all.map(({ arrival }) => arrival.device),
    all.map(({ arrival }) => arrival.test),
    all.map(({ arrival }) => arrival.effective),
  ]);
  const byArrival = Map.groupBy(versions, ({ i }) => i);
  const found = all.flatMap((one, i) => {
    const by = confirmingOf(one.arrival.vital, one, byArrival.get(i) ?? []);
    return by.map((amendment) => ({ amendment, key: one.key, sortTime: one.arrival.sortTime }));
  });
  if (found.length === 0) return new Set();
  const keys = [found.map(({ key }) => key), found.map(({ sortTime }) => sortTime)];
  const nobody = found.map(() => null);
  await commit.query(AMEND_PG.addRows, [tenant, found.map(({ amendment }) => amendment), ...keys, nobody, nobody]);
  await commit.query(AMEND_PG.addBit, [CONFIRMED, ...keys]);
  return new Set(found.map(({ key }) => key));
}

async function setJudged(commit: Commit, rows: readonly Columns[]): Promise<void> {
  if (rows.length === 0) return;
  await commit.query(IDENTITY_PG.setJudged, [
    rows.map(({ key }) => key),
    rows.map(({ sortTime }) => sortTime),
    rows.map(({ judged }) => judged),
    rows.map(({ flags }) => flags),
  ]);
}
