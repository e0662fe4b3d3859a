import type { Instant } from '../../shared/clock.ts';
import type { KeptAmendment, Selection } from '../store/amend/amend.ts';

/** When what is asked about was measured; from up to and without to. */
export interface Measured {
  from: Instant;
  to: Instant;
}

const ANY_TIME: Measured = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

/**
 * Public ids of everybody whose readings may have become one of these people's because somebody gave them away (`readings reassign`): however often they were given on, and whether or not a row
 * of it is there yet, because what comes late goes the same way. What was given on before the first giving was undone stayed. `sameAs`: all public ids of one person. Pure.
 */
export function givenBy(
  people: Iterable<string>,
  amendments: readonly KeptAmendment[],
  sameAs: (patient: string) => readonly string[],
  measured: Measured = ANY_TIME,
): Set<string> {
  const found = new Set<string>();
  const given = amendments.filter((one) => one.kind === 'reassign' && overlaps(one, measured));
  /** Of each whose givers were looked for: up to when they gave. */
  const looked = new Map<string, Instant>();
  const look = (patient: string, before: Instant): void => {
    if ((looked.get(patient) ?? Number.NEGATIVE_INFINITY) >= before) return;
    looked.set(patient, before);
    for (const { to, patient: from, at, undoneAt } of given) {
      if (to !== patient || from === null || at > before || (undoneAt ?? Number.POSITIVE_INFINITY) < before) continue;
      for (const one of sameAs(from)) {
        found.add(one);
        look(one, at);
      }
    }
  };
  for (const patient of people) look(patient, Number.POSITIVE_INFINITY);
  return found;
}

/** When what a selection is of was measured, as far as it says so. */
export function measuredOf(selection: Selection): Measured {
  return 'patient' in selection ? { from: selection.from, to: selection.to } : ANY_TIME;
}

/** Of single readings only the first time is known. */
function overlaps({ measuredFrom, stretch }: KeptAmendment, { from, to }: Measured): boolean {
  return measuredFrom < to && from < (stretch?.to ?? Number.POSITIVE_INFINITY);
}
