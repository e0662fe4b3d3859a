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
  /** What was about this patient alone. */
  accesses: readonly AccessSummary[];
  /** Lists and exports of many patients at once, this one among them as far as it was within reach then. */
  general: readonly AccessSummary[];
}

/** What shows many patients at once. */
const GENERAL: readonly Action[] = ['patients.list', 'observations.export'];

/** Sums up who saw a patient, those who did most first. */
export async function reportOf(
  patient: string,
  own: AsyncIterable<EvidenceRecord>,
  all: AsyncIterable<EvidenceRecord>,
): Promise<AccessReport> {
  const isGeneral = ({ patient: about, action, count }: AuditEvent): boolean => about === null && count > 0 && GENERAL.includes(action);
  return { patient, accesses: await summed(own, () => true), general: await summed(all, isGeneral) };
}

async function summed(records: AsyncIterable<EvidenceRecord>, wanted: (event: AuditEvent) => boolean): Promise<AccessSummary[]> {
  const sums = new Map<string, AccessSummary & { claimed: string[] }>();
  for await (const { event } of records) {
    if (!wanted(event)) continue;
    const { principal, role, action, outcome, count, at, detail } = event;
    const key = JSON.stringify([principal, role, action, outcome]);
    const sum = sums.get(key) ?? { principal, role, action, outcome, claimed: [], times: 0, rows: 0, first: at, last: at };
    sums.set(key, { ...sum, times: sum.times + 1, rows: sum.rows + count, first: Math.min(sum.first, at), last: Math.max(sum.last, at) });
    const { client, model } = detail?.claimed ?? {};
    for (const name of [client, model])
      if (name !== undefined && !sum.claimed.includes(name) && sum.claimed.length < 16) sum.claimed.push(name);
  }
  return [...sums.values()].sort((a, b) => b.times - a.times || (a.principal < b.principal ? -1 : 1));
}
