import { formatInstant, type Instant } from '../../../shared/clock.ts';
import type { AuditEvent } from '../../access/access.ts';
import { SHOWING } from '../../audit/saw.ts';
import type { KeptAmendment } from '../../store/amend/amend.ts';
import type { Store } from '../../store/store.ts';

/** An entry of the evidence by which somebody was shown a reading while it stood under the wrong patient, or before it was void. */
export interface WrongRead {
  seq: number;
  /** UTC ms. */
  at: Instant;
  principal: string;
  action: string;
  /** Under whom. */
  patient: string;
  /** It does not say what it showed, as exports and trends do not, or not all is known that was wrong. Else it surely showed something of it. */
  maybe?: true;
}

/** What was wrong of somebody, and when. */
export interface Wrong {
  /** Under whom it stood. */
  patient: string;
  /** UTC ms of the first wrong measurement. */
  measuredFrom: Instant;
  /** Since when it stood there; since it was measured unless given. */
  from?: Instant;
  /** Until when. */
  to: Instant;
  /** The entry that says that it stands there no more; within `LONGEST_CARRY_MS` behind `to`. */
  isEnd?(event: AuditEvent): boolean;
  /** Which observations it was; asked once, where an entry says what it showed. */
  observations(): Promise<WrongObservations>;
}

export interface WrongObservations {
  wrong: ReadonlySet<string>;
  /** What is known to have been right there. */
  right: ReadonlySet<string>;
  /** Whether `wrong` is all of it. */
  whole: boolean;
  /** Whose `wrong` is now, where an entry may have shown it as theirs. */
  owners: readonly string[];
}

type Evidence = Pick<Store, 'evidence'>;
type Places = Evidence & { amend: Pick<Store['amend'], 'changed' | 'idsOf'> };

/** A device's clock may be ahead by so much, so that a row was shown before it was measured. */
const AHEAD_MS = 2 * 60_000;

/** Rows follow a decision by small steps; where that takes longer, the hub did not run meanwhile. */
const LONGEST_CARRY_MS = 3_600_000;

/** Ids that are compared of one correction; what is wrong beyond them may have been shown by any read in between. */
const MOST_COMPARED = 20_000;

/** How long before the first wrong measurement something may have been measured that is still shown beside it. */
const BEFORE_MS = 2 * 24 * 3_600_000;

/** Who was, and who may have been, shown what was wrong of somebody, in order. Throws STORAGE-*. */
export async function wrongReads(
  store: Evidence,
  tenant: string,
  { patient, measuredFrom, from, to, isEnd, observations }: Wrong,
): Promise<WrongRead[]> {
  const reads: WrongRead[] = [];
  const first = measuredFrom - AHEAD_MS;
  let known: WrongObservations | undefined;
  let isEnded = isEnd === undefined;
  const until = isEnd === undefined ? to : to + LONGEST_CARRY_MS;
  for await (const { seq, event } of store.evidence(tenant, { patient, from: from ?? first, to: until + 1 })) {
    if (isEnd?.(event)) {
      isEnded = true;
      break;
    }
    const { at, principal, action, outcome, count, detail } = event;
    if (outcome !== 'allowed' || count === 0 || !SHOWING.includes(action)) continue;
    const entry = { seq, at, principal, action, patient };
    if (detail?.shown === undefined) {
      reads.push({ ...entry, maybe: true });
      continue;
    }
    // What was stored before the first that is wrong was measured is none of it.
    if (detail.shown.every(([, storedAt]) => storedAt < first)) continue;
    known ??= await observations();
    const showing = showingOf(event, detail.shown, known);
    if (showing !== 'not') reads.push({ ...entry, ...(showing === 'maybe' && { maybe: true as const }) });
  }
  return isEnded ? reads : reads.filter(({ at }) => at <= to);
}

function showingOf(
  { patients = [] }: AuditEvent,
  shown: readonly (readonly [string, Instant])[],
  { wrong, right, whole, owners }: WrongObservations,
): 'shown' | 'maybe' | 'not' {
  if (shown.some(([id]) => wrong.has(id))) return owners.some((one) => patients.includes(one)) ? 'maybe' : 'shown';
  return whole || shown.every(([id]) => right.has(id)) ? 'not' : 'maybe';
}

/**
 * Who was shown readings about which somebody decided: `before` that, and `between` it and its undoing those who were shown as another patient's, or as not doubtful, what is not.
 * `goesBy`: by whose number one who was merged goes.
 */
export async function readsOfAmendment(
  store: Places,
  tenant: string,
  { id, kind, patient, to, at, measuredFrom, undoneAt }: KeptAmendment,
  goesBy: (patient: string) => string,
): Promise<{ before: WrongRead[]; between: WrongRead[] }> {
  let known: Promise<WrongObservations> | undefined;
  const observations = () => {
    known ??= changedBy(store, tenant, { id, measuredFrom });
    return known;
  };
  const isCarriedOut =
    (undone: boolean) =>
    ({ action, detail }: AuditEvent): boolean =>
      action === 'readings.amend' && detail?.args?.done === id && detail.args.undone === undone;
  const of = { measuredFrom, observations };
  const before =
    patient === null
      ? []
      : await wrongReads(store, tenant, { ...of, patient, to: at, ...(kind === 'reassign' && { isEnd: isCarriedOut(false) }) });
  const between: WrongRead[] = [];
  const whose = kind === 'reassign' ? to : kind === 'confirm' ? (patient ?? undefined) : undefined;
  if (whose !== undefined && undoneAt !== null)
    for (const one of new Set([whose, goesBy(whose)]))
      between.push(...(await wrongReads(store, tenant, { ...of, patient: one, from: at, to: undoneAt, isEnd: isCarriedOut(true) })));
  return { before, between };
}

async function changedBy(
  store: Places,
  tenant: string,
  { id, measuredFrom }: Pick<KeptAmendment, 'id' | 'measuredFrom'>,
): Promise<WrongObservations> {
  const { rows, observations, removedUpTo } = await store.amend.changed(tenant, id, MOST_COMPARED);
  const whole = rows === observations.length && removedUpTo < measuredFrom - AHEAD_MS;
  return { wrong: new Set(observations), right: new Set(), whole, owners: [] };
}

/** What movements moved from one to another: surely what is one of the `owners`' by now, and surely not what is still theirs whose it was. */
export async function movedFrom(
  store: Places,
  tenant: string,
  { was, owners, device, from, to }: { was: string; owners: readonly string[]; device: string | null; from: Instant; to: Instant | null },
): Promise<WrongObservations> {
  const wrong = new Set<string>();
  for (const patient of owners)
    for (const id of await store.amend.idsOf(tenant, { patient, device, from, to }, MOST_COMPARED)) wrong.add(id);
  const right = await store.amend.idsOf(tenant, { patient: was, device: null, from: from - BEFORE_MS, to: null }, MOST_COMPARED);
  return { wrong, right: new Set(right), whole: false, owners };
}

/** A line for an operator, in the same words wherever somebody is named who saw what was wrong. */
export function formatWrongRead({ seq, at, principal, action, patient, maybe }: WrongRead): string {
  return `  ${principal} ${maybe ? 'may have been shown' : 'was shown'} it under ${patient}: entry ${seq}, ${formatInstant(at)}, ${action}`;
}
