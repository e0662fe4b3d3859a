import type { Correction } from '../../hub/patients/hand/corrected.ts';
import type { Instant } from '../../shared/clock.ts';
import { pause } from '../../shared/lifecycle.ts';
import { askOperator, callOperator } from '../../shared/operator/client.ts';
import { MOVED } from './site.ts';

/** When the patient is moved and when that is told, after the devices began. */
const MOVED_AFTER_MS = 3000;
const TOLD_AFTER_MS = 3000;
const CORRECTED_LIMIT_MS = 10_000;

/** What came of the move that was told late. */
export interface Transfer {
  patient: string;
  movedAt: Instant;
  /** When the hub put right whose the values are. */
  correctedAt: Instant;
  /** Values that became this patient's, and values that are nobody's any more. */
  gained: number;
  lost: number;
  /** How many readers had been shown what was wrong by then. */
  readers: number;
}

/** What the story needs of the fleet. */
export interface Ward {
  /** Operator's socket of the hub. */
  operator: string;
  /** Puts a monitor to a bed, which says by which number its patient goes; resolves when it speaks. */
  startMonitor(bed: string): Promise<void>;
  /** The patient administration tells of the move; resolves when it was taken. */
  tell(movedAt: Instant): Promise<void>;
}

/** The hospital says who lies in the bed from which somebody will be moved, as of a minute ago: movements tell of changes alone. */
export async function takeCensus(operator: string): Promise<void> {
  const { from: bed, authority, number: value, visit } = MOVED;
  const rows = [{ line: 1, bed, authority, value, visit, since: Date.now() - 60_000 }];
  await askOperator(operator, 'patients-import', { trial: false, rows });
}

/** Somebody is moved, and it is told some seconds later. Resolves with what came of it, or undefined where the demo ends before. */
export async function transfer({ operator, startMonitor, tell }: Ward, signal: AbortSignal): Promise<Transfer | undefined> {
  const began = Date.now();
  await pause(MOVED_AFTER_MS, signal);
  if (signal.aborted) return undefined;
  await startMonitor(MOVED.to);
  // Movements are told by the second.
  const movedAt = Math.floor(Date.now() / 1000) * 1000;
  await pause(TOLD_AFTER_MS, signal);
  if (signal.aborted) return undefined;
  await tell(movedAt);
  const late = AbortSignal.timeout(CORRECTED_LIMIT_MS);
  while (!late.aborted) {
    const found = came(await correctionsSince(operator, began), movedAt);
    if (found) return found;
    await pause(100, late);
  }
  return undefined;
}

/** For people. */
export function transferText({ patient, movedAt, correctedAt, gained, lost, readers }: Transfer): string {
  const { from, to } = MOVED;
  const late = Math.max(0, Math.round((correctedAt - movedAt) / 1000));
  return (
    `${patient} went from ${from} to ${to} at ${new Date(movedAt).toISOString().slice(11, 19)}, which was told ${late} s late. ` +
    `Corrected: ${gained} values of ${to} became theirs, ${lost} of ${from} are nobody's; shown before to ${readers} reader${readers === 1 ? '' : 's'}`
  );
}

/** Pure; undefined as long as not both beds were put right. */
export function came(corrections: readonly Correction[], movedAt: Instant): Transfer | undefined {
  const gained = corrections.filter(({ bed, is }) => bed === MOVED.to && is !== null);
  const patient = gained[0]?.is;
  const lost = corrections.filter(({ bed, was }) => bed === MOVED.from && was === patient);
  const [first] = lost;
  if (patient == null || first === undefined) return undefined;
  return {
    ...{ patient, movedAt },
    correctedAt: Math.max(...[...gained, ...lost].map(({ at }) => at)),
    gained: gained.reduce((sum, { rows }) => sum + rows, 0),
    lost: lost.reduce((sum, { rows }) => sum + rows, 0),
    readers: new Set(lost.flatMap(({ readBy }) => readBy.map(({ principal }) => principal))).size,
  };
}

async function correctionsSince(operator: string, since: Instant): Promise<Correction[]> {
  const found: Correction[] = [];
  for await (const correction of callOperator(operator, 'patients-corrections', { since })) found.push(correction as Correction);
  return found;
}
