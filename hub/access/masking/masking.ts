import { maskedAlerts } from './alerts.ts';
import type { Masking, Maskings, MaskProfile } from './contract.ts';
import { maskedDoubtful } from './doubtful.ts';
import { timeOf } from './frame.ts';
import { maskedGaps } from './gaps.ts';
import { Pseudonyms } from './pseudonyms.ts';
import { maskedEvent, maskedObservation } from './resources.ts';
import { maskedLatest, maskedSummary, maskedTrend, maskedVersions } from './views.ts';

/** How many principals' names are remembered; those of others are made again. */
const MOST_PRINCIPALS = 256;

/** Shows everything as it is. */
const UNMASKED: Masking = {
  profile: 'none',
  patient: (patient) => patient,
  patientOf: (shown, among) => {
    for (const patient of among) if (patient === shown) return patient;
    return undefined;
  },
  device: (_patient, device) => device,
  summary: (row) => row,
  latest: (view) => view,
  alerts: (view) => view,
  gaps: (view) => view,
  trend: (view) => view,
  doubtful: (view) => view,
  versions: (rows) => rows,
  observation: (row) => row,
  event: (row) => row,
  observationName: (id) => id,
  observationNamed: (shown) => shown,
  at: (at) => at,
  instantOf: (shown) => shown,
};

/** The maskings of a hub. `secret`: 32 bytes; whoever has it, and the pseudonyms, can find out whom they stand for among the patients that he knows. */
export function createMaskings(secret: Uint8Array): Maskings {
  const made = new Map<string, Masking>();
  return {
    of({ tenant, id }, profile) {
      if (profile === 'none') return UNMASKED;
      const key = JSON.stringify([tenant, id, profile]);
      const masking = made.get(key) ?? masked(secret, [tenant, id, profile], profile);
      // Put behind the others, so that the first is the one that nobody used for longest.
      made.delete(key);
      made.set(key, masking);
      const [oldest] = made.keys();
      if (made.size > MOST_PRINCIPALS && oldest !== undefined) made.delete(oldest);
      return masking;
    },
  };
}

function masked(secret: Uint8Array, whose: readonly string[], profile: Exclude<MaskProfile, 'none'>): Masking {
  const names = new Pseudonyms(secret, whose);
  const frame = { profile, names };
  return {
    profile,
    patient: (patient) => names.patient(patient),
    patientOf: (shown, among) => names.patientOf(shown, among),
    device: (patient, device) => names.device(patient, device),
    summary: (row, now) => maskedSummary(frame, row, now),
    latest: (view) => maskedLatest(frame, view),
    alerts: (view) => maskedAlerts(frame, view),
    gaps: (view) => maskedGaps(frame, view),
    trend: (view) => maskedTrend(frame, view),
    doubtful: (view) => maskedDoubtful(frame, view),
    versions: (rows, patient) => maskedVersions(frame, rows, patient),
    observation: (row) => maskedObservation(frame, row),
    event: (row) => maskedEvent(frame, row),
    observationName: (id) => names.observation(id),
    observationNamed: (shown) => names.observationNamed(shown),
    at: (at, patient) => timeOf(frame, at, patient),
    instantOf: (shown, patient) => (profile === 'deidentified' ? shown - names.shiftMs(patient) : shown),
  };
}
