import { isDeepStrictEqual } from 'node:util';
import { type ShownPatient, shownValue } from './shown-patient.ts';
import type { ViewerClient } from './viewer.ts';

/** What the hub gave one caller of one patient. */
export interface Sight {
  patient: string;
  bed: string | null;
  vitals: readonly { name: string; value: string; at: string }[];
}

/** One vital sign of one patient as a caller got it. */
export interface Told {
  /** How many patients it was shown. */
  patients: number;
  patient: string;
  bed: string | null;
  vital: string;
  value: string;
  at: string;
}

/** What came of the three callers. */
export interface CallersTold {
  /** Null when it was shown nobody with a value. */
  nurse: Told | null;
  /** The same patient, found by what was measured; null when nobody of those it was shown has these values. */
  research: Told | null;
  /** The code with which the stranger was refused; null when it was not. */
  stranger: string | null;
}

const REFUSED = 'ACCESS-UNKNOWN-CALLER';

/** Reads everything that the hub shows this client. */
export async function sightsOf(client: ViewerClient): Promise<Sight[]> {
  const sights: Sight[] = [];
  for (const uri of await patientUris(client)) {
    const { patient, bed, vitals } = (await readJson(client, uri)) as ShownPatient;
    sights.push({ patient, bed, vitals: vitals.map((vital) => ({ name: vital.name, value: shownValue(vital), at: vital.at })) });
  }
  return sights;
}

/** The resources of everybody whom the client may see. */
export async function patientUris(client: ViewerClient): Promise<string[]> {
  const { patients } = (await readJson(client, 'vitals://patients')) as { patients: { uri: string }[] };
  return patients.map(({ uri }) => uri);
}

/**
 * Holds beside each other what was shown of one patient, in bed if there is one. Pseudonyms do not tell whose they are, so the researcher's
 * row is found by its values, which nothing changes once the devices have stopped.
 */
export function compare(nurse: readonly Sight[], research: readonly Sight[], stranger: string | null): CallersTold {
  const measured = nurse.filter(({ vitals }) => vitals.length > 0);
  // Always the same bed, whoever got a public id that comes first.
  const one = measured.filter(({ bed }) => bed !== null).sort((a, b) => ((a.bed ?? '') < (b.bed ?? '') ? -1 : 1))[0] ?? measured[0];
  const same = one && research.find((other) => isDeepStrictEqual(valuesOf(other), valuesOf(one)));
  return { nurse: one ? toldOf(one, nurse.length) : null, research: same ? toldOf(same, research.length) : null, stranger };
}

/** What is wrong with it, in words. */
export function callerFaults({ nurse, research, stranger }: CallersTold): string[] {
  const found: string[] = [];
  if (stranger !== REFUSED) found.push(stranger === null ? 'the stranger was let in' : `the stranger was refused with ${stranger}`);
  if (nurse === null) return [...found, "the nurse's agent was shown nobody"];
  if (research === null) return [...found, "the research agent was not shown the patient that the nurse's agent was shown"];
  if (research.patients !== nurse.patients) found.push(`the research agent was shown ${research.patients} of ${nurse.patients} patients`);
  if (research.patient === nurse.patient) found.push('the research agent was told a patient id');
  if (research.bed !== null) found.push('the research agent was told a bed');
  if (research.at.slice(0, 4) === nurse.at.slice(0, 4)) found.push('the research agent was told a real time');
  return found;
}

/** A line a caller, of about 110 columns. */
export function formatCallers({ nurse, research, stranger }: CallersTold): string {
  const line = (who: string, told: Told | null): string => {
    if (told === null) return `${who.padEnd(15)} was not shown it`;
    const { patient, bed, vital, value, at } = told;
    return `${who.padEnd(15)} ${patient.padEnd(27)} ${(bed ?? '-').padEnd(5)}  ${at.slice(0, 19).replace('T', ' ')}  ${vital} ${value}`;
  };
  return [
    'One patient, as three callers get it:',
    line("nurse's agent", nurse),
    line('research agent', research),
    `${'stranger'.padEnd(15)} ${stranger === null ? 'was let in' : `refused (${stranger})`}`,
  ].join('\n');
}

function valuesOf({ vitals }: Sight): string[] {
  return vitals.map(({ name, value }) => `${name} ${value}`).sort();
}

function toldOf({ patient, bed, vitals }: Sight, patients: number): Told {
  const [first] = vitals.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const { name: vital = '', value = '', at = '' } = first ?? {};
  return { patients, patient, bed, vital, value, at };
}

async function readJson(client: ViewerClient, uri: string): Promise<unknown> {
  const [content] = (await client.readResource({ uri })).contents as readonly { text?: string }[];
  return JSON.parse(content?.text ?? '{}');
}
