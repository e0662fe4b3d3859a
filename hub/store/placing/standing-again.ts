import { mayBeCurrent } from '../../clinical/sort-time.ts';
import { isVoid } from '../amend/amended.ts';
import { flagsOf } from '../cell.ts';

/** One version of a measurement: of one patient, vital sign, device, time of the device, and real or test alike. */
export interface KeptVersion {
  /** In order of storing. */
  key: number;
  writer: number;
  seq: number;
  part: number;
  standing: number;
  revises: number;
  preliminary: number;
  flags: string | null;
  /** What people decided about it (`amended.ts`). */
  amended: number;
}

/** What each version of one measurement would stand as, had they all come for the same patient in the order of their keys; by key. As `StandingVersions` decides. Pure. */
export function standingsOf(versions: readonly KeptVersion[]): Map<number, number> {
  const standings = new Map<number, number>();
  const before: KeptVersion[] = [];
  const setAside = (which: (other: KeptVersion) => boolean): void => {
    for (const other of before) if (standings.get(other.key) === 1 && which(other)) standings.set(other.key, 0);
  };
  for (const version of versions.toSorted((a, b) => a.key - b.key)) {
    const isWithdrawal = version.standing === -1;
    const isRevised = before.some((other) => other.revises === 1 && isOfSame(other, version) && isBehind(other, version));
    const mayStand =
      !isWithdrawal &&
      mayBeCurrent(version.flags === null ? [] : flagsOf(version.flags), 'final') &&
      !isRevised &&
      !isSettled(version, before, standings);
    if (isWithdrawal) setAside(() => true);
    else if (version.revises === 1 && !isRevised) setAside((other) => !(isOfSame(other, version) && isBehind(other, version)));
    if (mayStand && version.preliminary === 0) setAside((other) => other.preliminary === 1 && !isSameRow(other, version));
    standings.set(version.key, isWithdrawal ? -1 : Number(mayStand));
    before.push(version);
  }
  // What is void keeps out what it had taken the place of: that was known to be wrong before.
  for (const { key, amended } of before) if (isVoid(amended) && standings.get(key) === 1) standings.set(key, 0);
  return standings;
}

/** Whether a preliminary value that comes behind these is kept out by a final one that is void: that it had replaced the preliminary one holds all the same. Pure. */
export function isKeptOut(kept: readonly KeptVersion[], { writer, seq, part }: Pick<KeptVersion, 'writer' | 'seq' | 'part'>): boolean {
  if (!kept.some(({ amended }) => isVoid(amended))) return false;
  const key = Number.MAX_SAFE_INTEGER;
  const next = { key, writer, seq, part, standing: 1, revises: 0, preliminary: 1, flags: null, amended: 0 };
  return standingsOf([...kept, next]).get(key) !== 1;
}

/** Whether a preliminary value came behind its final one. */
function isSettled(version: KeptVersion, before: readonly KeptVersion[], standings: ReadonlyMap<number, number>): boolean {
  if (version.preliminary === 0) return false;
  return before.some((other) => standings.get(other.key) === 1 && other.preliminary === 0 && !isSameRow(other, version));
}

function isOfSame(a: KeptVersion, b: KeptVersion): boolean {
  return a.writer === b.writer;
}

/** Whether one was sent behind the other; of the same writer. */
function isBehind(a: KeptVersion, b: KeptVersion): boolean {
  return a.seq > b.seq || (a.seq === b.seq && a.part > b.part);
}

/** What one row of a sender holds are different measurements. */
function isSameRow(a: KeptVersion, b: KeptVersion): boolean {
  return isOfSame(a, b) && a.seq === b.seq;
}
