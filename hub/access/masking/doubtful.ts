import type { DoubtfulReading } from '../doubtful-views.ts';
import { nameOf } from '../views.ts';
import { flagsOf, isVital, type MaskFrame, plausibleOf, shownOf, timeTextOf, unitOf, WITHHELD } from './frame.ts';

export function maskedDoubtful(frame: MaskFrame, row: DoubtfulReading): DoubtfulReading {
  const { patient } = row;
  const vital = isVital(row.vital) ? row.vital : WITHHELD;
  return shownOf<DoubtfulReading>({
    patient: frame.names.patient(patient),
    observation: frame.names.observation(row.observation),
    vital,
    name: vital === WITHHELD ? WITHHELD : nameOf(vital),
    value: vital === WITHHELD ? null : plausibleOf(vital, row.value),
    unit: vital === WITHHELD ? '' : unitOf(vital),
    components: row.components
      .filter((part) => isVital(part.vital))
      .map((part) => ({ vital: part.vital, value: plausibleOf(part.vital, part.value) })),
    flags: flagsOf(row.flags),
    device: frame.names.device(patient, row.device),
    test: row.test,
    at: timeTextOf(frame, row.at, patient),
    since: timeTextOf(frame, row.since, patient),
    masked: frame.profile,
  });
}
