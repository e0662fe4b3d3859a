import type { Instant } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { PatientSummary } from './door.ts';
import type { Masking } from './masking/contract.ts';

/** Since when, by the hub's clock. Throws USAGE where the time is of nobody: whoever is deidentified has a time of its own for each patient. */
export function sinceOf(masking: Masking, since: Instant | undefined, patient: string | undefined): Instant | undefined {
  if (since === undefined || masking.profile !== 'deidentified') return since;
  if (patient === undefined) throw new VitalmeshError('USAGE', { detail: 'a time can be given together with a patient alone' });
  return masking.instantOf(since, patient);
}

/** What is shown of each row, and nothing of those that are not shown at all. */
export async function* maskedWalk<T>(rows: AsyncIterable<T>, shown: (row: T) => T | undefined): AsyncGenerator<T> {
  for await (const row of rows) {
    const masked = shown(row);
    if (masked !== undefined) yield masked;
  }
}

/**
 * Reads one patient after the other, in the order of the names under which they are shown. In order of storing, rows of two patients beside each
 * other were stored at about the same time, and would tell how far the times of one are shifted against those of the other.
 */
export async function* patientByPatient<T>(
  patients: readonly string[],
  masking: Pick<Masking, 'patient'>,
  read: (patient: string) => Promise<AsyncIterable<T>>,
): AsyncGenerator<T> {
  const named = patients.map((patient) => ({ patient, name: masking.patient(patient) }));
  for (const { patient } of named.toSorted((a, b) => (a.name < b.name ? -1 : 1))) yield* await read(patient);
}

/** The registry's order is that of ids; whoever gets pseudonyms gets them in an order of their own. */
export function inOrderOfName(rows: readonly PatientSummary[]): readonly PatientSummary[] {
  return rows.some(({ masked }) => masked) ? rows.toSorted((a, b) => (a.patient < b.patient ? -1 : 1)) : rows;
}
