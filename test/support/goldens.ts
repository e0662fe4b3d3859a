import { readdirSync, readFileSync } from 'node:fs';
import type { Observation } from '../../shared/fhir.ts';
import type { ReadingRecord } from '../../shared/reading.ts';
import type { RowKey } from '../../shared/uplink/key.ts';

/** A record and the Observations that it must become, checked by hand against devices.md §5. */
export interface ObservationGolden {
  name: string;
  record: ReadingRecord;
  key: RowKey & { agent: string };
  zone?: string;
  observations: Observation[];
}

const FOLDER = new URL('../golden/observations/', import.meta.url);

export function observationGoldens(): ObservationGolden[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  return names.map((name) => ({ name, ...(JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as Omit<ObservationGolden, 'name'>) }));
}
