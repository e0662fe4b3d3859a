import type { Instant } from '../../shared/clock.ts';
import type { Action, AuditEvent } from '../access/access.ts';
import type { EvidenceRecord } from './evidence.ts';

/** What one principal did with the data of a patient, of one kind. */
export interface AccessSummary {
  principal: string;
  role: string;
  action: Action;
  outcome: AuditEvent['outcome'];
  /** What its clients claimed to be, each once. */
  claimed: readonly string[];
  times: number;
  /** Rows shown or written in all. */
  rows: number;
  /** UTC ms. */
  first: Instant;
  last: Instant;
}

/** Who saw one patient. */
export interface AccessReport {
  patient: string;
  /** What was about this patient, alone or among others; of lists and exports of many each counts as one row. */
  accesses: readonly AccessSummary[];
  /** Lists and exports of many patients whose evidence does not say whom they showed: this one, if it was within reach then. */
  general: readonly AccessSummary[];
  /** Entries that could not be opened, damaged or of patients without a key: each may have been about this one. */
  unopened: number;
  /** Numbers of what stands in the chain and is no entry of a form that is known: anything may have been done there. */
  unread: readonly number[];
}

/** What shows many patients at once. */
const GENERAL: readonly Action[] = ['patients.list', 'observations.export'];

/**
 * Sums up who saw a patient, those who did most first: by what the entries themselves say, for the index of patients can be changed without its being seen.
 * An export of everybody says at its end whom it showed; one that has no end may have shown anybody.
 */
export async function reportOf(
  patient: string,
  records: AsyncIterable<EvidenceRecord>,
  unread: readonly number[] = [],
): Promise<AccessReport> {
  const own: Sums = new Map();
  const general: Sums = new Map();
  const open = new Map<string, AuditEvent[]>();
  let unopened = 0;
  for await (const { event, erased, damaged } of records) {
    const { patient: about, patients, action, count } = event;
    if (erased || damaged) unopened += 1;
    else if (about === patient) add(own, event);
    else if (patients !== undefined) {
      if (action === 'observations.export') close(open, event);
      if (patients.includes(patient)) add(own, { ...event, count: 1 });
    } else if (about === null && GENERAL.includes(action)) {
      if (isOpening(event)) open.set(callOf(event), [...(open.get(callOf(event)) ?? []), event]);
      else if (count > 0) add(general, event);
    }
  }
  for (const event of [...open.values()].flat()) if (event.count > 0) add(general, event);
  return { patient, accesses: inOrder(own), general: inOrder(general), unopened, unread };
}

function isOpening({ action, reason }: AuditEvent): boolean {
  return action === 'observations.export' && reason === 'granted';
}

/** What the entries of one call have in common: all of them bear the time at which it came. */
function callOf({ principal, role, channel, at }: AuditEvent): string {
  return JSON.stringify([principal, role, channel, at]);
}

/**
 * Ends the export that an entry is the end of. Of calls of the same millisecond an end that showed nobody is that of one which had nothing to show, so that
 * it ends no other; an export that was made patient by patient has said of each, and its beginning says nobody.
 */
function close(open: Map<string, AuditEvent[]>, end: AuditEvent): void {
  const begun = open.get(callOf(end)) ?? [];
  const empty = begun.findIndex(({ count }) => count === 0);
  const full = begun.findIndex(({ count }) => count > 0);
  const showedNobody = end.patients?.length === 0;
  const ended = showedNobody && (empty >= 0 || end.count > 0) ? empty : full;
  if (ended < 0) return;
  const left = begun.filter((_, i) => i !== ended);
  if (left.length > 0) open.set(callOf(end), left);
  else open.delete(callOf(end));
}

type Sums = Map<string, AccessSummary & { claimed: string[] }>;

function add(sums: Sums, { principal, role, action, outcome, count, at, detail }: AuditEvent): void {
  const key = JSON.stringify([principal, role, action, outcome]);
  const sum = sums.get(key) ?? { principal, role, action, outcome, claimed: [], times: 0, rows: 0, first: at, last: at };
  sums.set(key, { ...sum, times: sum.times + 1, rows: sum.rows + count, first: Math.min(sum.first, at), last: Math.max(sum.last, at) });
  const { client, model } = detail?.claimed ?? {};
  for (const name of [client, model])
    if (name !== undefined && !sum.claimed.includes(name) && sum.claimed.length < 16) sum.claimed.push(name);
}

function inOrder(sums: Sums): AccessSummary[] {
  return [...sums.values()].sort((a, b) => b.times - a.times || (a.principal < b.principal ? -1 : 1));
}
