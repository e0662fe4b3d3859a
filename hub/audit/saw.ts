import type { Action } from '../access/access.ts';
import type { EvidenceRecord } from './evidence.ts';

/** An entry as it is listed; `mayHaveShown`: it does not say which observations it showed, and the one that was asked for may be among them. */
export type ListedRecord = EvidenceRecord & { mayHaveShown?: true };

/** How many entries could not be opened, of erased patients or damaged, each of which may have shown the observation that was asked for. */
export interface Unopened {
  unopened: number;
}

/** That no observation of the id that was asked for is kept: it never was, was another hub's, is nobody's for sure, or the retention has rolled it up. */
export interface NotStored {
  notStored: true;
}

/** What shows observations. */
export const SHOWING: readonly Action[] = ['vitals.read', 'vitals.subscribe', 'observations.export', 'patient.export'];

/**
 * Whether an entry showed an observation. `maybe`: exports, and reads of which the policy keeps no ids, say how much they showed and not what. An export that
 * was made patient by patient has an entry for each of them, and an end that names nobody. Pure.
 */
export function showingOf({ event, erased, damaged }: EvidenceRecord, observation: string): 'shown' | 'maybe' | 'unopened' | 'not' {
  const { action, outcome, count, patients, detail } = event;
  const shows = outcome === 'allowed' && SHOWING.includes(action);
  if (erased || damaged) return shows ? 'unopened' : 'not';
  if (detail?.shown !== undefined) return detail.shown.some(([one]) => one === observation) ? 'shown' : 'not';
  return shows && count > 0 && patients?.length !== 0 ? 'maybe' : 'not';
}
