import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { formatInstant } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Observation, StretchObservation } from '../../shared/fhir.ts';
import { EXTENSIONS } from '../../shared/observation.ts';
import type { Flag } from '../../shared/reading.ts';
import { formatObservationId } from '../../shared/uplink/key.ts';
import type { Place } from '../clinical/staleness.ts';
import { PATIENT_SYSTEM } from '../patients/subject.ts';
import { isVoid } from './amend/amended.ts';
import { DOUBT } from './identity/judged.ts';
import type { StoredComponent, StoredObservation, StoredReading } from './store.ts';

/** A row of the observation table with what its patient and batch add. */
export interface ObservationRow {
  patientId: string;
  tenant: string;
  gateway: string;
  storedAt: number;
  vital: string;
  device: string;
  value: number | null;
  unit: string;
  absent: string | null;
  components: string | null;
  flags: string | null;
  effective: number;
  offsetMin: number;
  receivedAt: number;
  sortTime: number;
  freshAt: number;
  place: string;
  test: number;
  key: number;
  batch: number;
  /** What people decided about it (`amended.ts`). */
  amended: number;
  /** Key of the first observation of its batch. */
  firstKey: number;
  agent: string;
  epoch: string;
  seq: number;
  part: number;
}

/** What of an observation is read without its resource. */
export type ReadingRow = Omit<ObservationRow, 'key' | 'batch' | 'firstKey' | 'amended'>;

/** Whose it is and who wrote it: of many rows the same. */
export type Origin = Pick<ReadingRow, 'tenant' | 'patientId' | 'agent' | 'epoch'>;

export function readingOf(row: Omit<ReadingRow, keyof Origin | 'gateway'>, origin: Origin, gateway: string): StoredReading {
  return {
    id: formatObservationId({ agent: origin.agent, epoch: origin.epoch, seq: row.seq, index: row.part }),
    tenant: origin.tenant,
    gateway,
    patient: origin.patientId,
    vital: row.vital,
    device: row.device,
    value: row.value,
    unit: row.unit,
    absent: row.absent as StoredReading['absent'],
    components: row.components === null ? [] : (JSON.parse(row.components) as StoredComponent[]),
    flags: row.flags === null ? [] : (row.flags.split(' ') as Flag[]),
    effective: row.effective,
    offsetMin: row.offsetMin,
    receivedAt: row.receivedAt,
    storedAt: row.storedAt,
    sortTime: row.sortTime,
    freshAt: row.freshAt,
    place: row.place as Place,
    test: row.test === 1,
  };
}

/** The resources of a batch as one column. */
export function packReceived(texts: readonly string[]): Buffer {
  return zstdCompressSync(texts.join('\n'), { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
}

/** What `packReceived` was given. Throws STORAGE-DAMAGED. */
export function unpackReceived(packed: Uint8Array): string[] {
  try {
    return zstdDecompressSync(packed).toString('utf8').split('\n');
  } catch (cause) {
    throw new VitalmeshError('STORAGE-DAMAGED', { cause, detail: 'the resources of a batch' });
  }
}

/** A row with its resource, out of the unpacked column of its batch. */
export function observationOf(row: ObservationRow, received: readonly string[]): StoredObservation {
  const text = received[row.key - row.firstKey];
  if (text === undefined) throw new VitalmeshError('STORAGE-DAMAGED', { detail: 'a batch without one of its resources' });
  const kept = JSON.parse(text) as Observation | Omit<Observation, 'issued'>;
  // What the hub itself received is kept without the time of that.
  const resource = 'issued' in kept ? kept : { ...kept, issued: formatInstant(row.receivedAt, row.offsetMin) };
  const standing: Observation = isVoid(row.amended) ? { ...resource, status: 'entered-in-error' } : resource;
  return { ...readingOf(row, row, row.gateway), resource: givenOut(withDoubt(standing, row.flags), row.patientId) };
}

/** With the flag that the hub set, or has not: what its sender says of that counts for nothing. */
function withDoubt(observation: Observation, flags: string | null): Observation {
  const { extension = [], ...rest } = observation;
  const isDoubtful = flags?.includes(DOUBT) ?? false;
  const others = extension.filter(({ url, valueCode }) => url !== EXTENSIONS.flag || valueCode !== DOUBT);
  if (!isDoubtful && others.length === extension.length) return observation;
  const all = isDoubtful ? [...others, { url: EXTENSIONS.flag, valueCode: DOUBT }] : others;
  return { ...rest, ...(all.length > 0 && { extension: all }) };
}

/** Extension of what is kept of a FHIR client's resource: valueString, the digest of it as it was sent. Never given out, for it could be used to guess what was left out. */
export const SENT_DIGEST = 'urn:vitalmesh:sent-digest';

const KEPT_BACK: ReadonlySet<string> = new Set([EXTENSIONS.bed, EXTENSIONS.visit, SENT_DIGEST]);

/** The Observation as it leaves the hub: of the hub's patient, and without what the message said about who that may be. */
export function givenOut(observation: Observation, patient: string): Observation;
export function givenOut(observation: Observation | StretchObservation, patient: string): Observation | StretchObservation;
export function givenOut({ resourceType, id, extension, ...received }: Observation | StretchObservation, patient: string): unknown {
  const subject = { identifier: { system: PATIENT_SYSTEM, value: patient } };
  const kept = extension?.filter(({ url }) => !KEPT_BACK.has(url)) ?? [];
  return { resourceType, id, ...received, subject, ...(kept.length > 0 && { extension: kept }) };
}
