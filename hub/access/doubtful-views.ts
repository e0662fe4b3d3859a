import { formatInstant } from '../../shared/clock.ts';
import type { Flag } from '../../shared/reading.ts';
import type { StoredReading } from '../store/store.ts';
import type { Masked } from './masking/contract.ts';
import { nameOf } from './views.ts';

/** A reading of a personal device that may be somebody else's, as whoever decides about it gets it. */
export interface DoubtfulReading {
  /** Whose device it is. */
  patient: string;
  observation: string;
  vital: string;
  name: string;
  value: number | null;
  unit: string;
  components: readonly { vital: string; value: number | null }[];
  flags: readonly Flag[];
  device: string;
  test: boolean;
  /** When it was measured, and since when the hub has it; ISO 8601. */
  at: string;
  since: string;
  masked?: Masked;
}

/** A page of them. `before`: by which the next is asked for, ISO 8601; null at the end. */
export interface DoubtfulListView {
  readings: readonly DoubtfulReading[];
  before: string | null;
}

export function doubtfulReading(row: StoredReading): DoubtfulReading {
  const { patient, id: observation, vital, value, unit, components, flags, device, test, offsetMin } = row;
  return {
    ...{ patient, observation, vital, name: nameOf(vital), value, unit },
    components: components.map((part) => ({ vital: part.vital, value: part.value })),
    ...{ flags, device, test },
    at: formatInstant(row.sortTime, offsetMin),
    since: formatInstant(row.storedAt, offsetMin),
  };
}
