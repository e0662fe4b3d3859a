import { formatInstant } from '../../shared/clock.ts';
import { meaningOf } from '../../shared/errors.ts';
import type { EvidenceVerdict } from './notes.ts';
import type { EvidenceRetentionStatus, KeptEvidence } from './retention-run.ts';

const WAITS: Readonly<Record<NonNullable<EvidenceRetentionStatus['waitsFor']>, string>> = {
  time: 'nothing is removed, because the network has not told the time',
  evidence: 'nothing is removed, because something stands against the evidence',
};

/** What the retention left, for whoever verifies it. */
export function formatRemoved({
  removedUpTo,
  emptied,
  olderWitnesses,
}: Pick<EvidenceVerdict, 'removedUpTo' | 'emptied' | 'olderWitnesses'>): string[] {
  const whole = `The retention removed the entries up to ${removedUpTo}: the hub signed that, and what follows goes on from there.`;
  const content = `Of ${emptied} entries it removed the content, as the hub signed; their place, time, tenant, class and digest are there.`;
  const older = `${olderWitnesses} notes of gateways are older than what is kept: nothing is left that they could be held against.`;
  return [...(removedUpTo > 0 ? [whole] : []), ...(emptied > 0 ? [content] : []), ...(olderWitnesses > 0 ? [older] : [])];
}

/** How far back the evidence goes, as rows of the status: classes that are alike on one. */
export function formatKept({ kept, waitsFor, alarms }: EvidenceRetentionStatus): [string, string][] {
  const alike = new Map<string, KeptEvidence[]>();
  for (const one of kept) {
    const said = `${one.oldest === null ? 'none yet' : `since ${formatInstant(one.oldest)}`}, for ${one.keepDays === null ? 'ever' : `${one.keepDays} days`}`;
    alike.set(said, [...(alike.get(said) ?? []), one]);
  }
  const rows = [...alike].map(([said, ones]): [string, string] => {
    const names = ones.length === kept.length ? 'all of it' : ones.map((one) => one.class).join(', ');
    return ['Evidence kept', `${names} ${said}`];
  });
  const waits = waitsFor === null ? [] : [['Evidence kept', WAITS[waitsFor]] satisfies [string, string]];
  return [...rows, ...waits, ...alarms.map((code): [string, string] => ['Evidence', meaningOf(code)])];
}
