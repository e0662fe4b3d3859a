import { formatInstant } from '../../shared/clock.ts';
import type { AuditFault } from './chain.ts';
import type { EvidenceRecord } from './evidence.ts';
import type { EvidenceVerdict } from './notes.ts';
import type { AccessReport, AccessSummary } from './report.ts';

/** An entry for people, on one line. */
export function formatRecord({ seq, event, erased }: EvidenceRecord): string {
  const { at, principal, role, action, outcome, reason, count, detail } = event;
  const { client, model } = detail?.claimed ?? {};
  const claims = [client, model].filter((name) => name !== undefined).join(', ');
  const whose = erased ? 'erased' : (event.patient ?? '-');
  const what = outcome === 'allowed' ? `${count} rows` : `${outcome}: ${reason}`;
  return `${seq}  ${formatInstant(at)}  ${principal} (${role}${claims ? `, claims to be ${claims}` : ''})  ${action}  ${whose}  ${what}`;
}

/** An entry with everything in it. */
export function formatWhole(record: EvidenceRecord): string {
  return `${formatRecord(record)}\n${JSON.stringify(record, null, 2)}`;
}

export function formatReport({ patient, accesses, general }: AccessReport): string {
  const own = accesses.length === 0 ? ['Nobody, as far as the evidence goes.'] : accesses.map(formatSummary);
  const others =
    general.length === 0
      ? []
      : ['Lists and exports of many patients, this one among them if it was within reach:', ...general.map(formatSummary)];
  return [`Who saw ${patient}:`, ...own, ...others].join('\n');
}

function formatSummary({ principal, role, action, outcome, claimed, times, rows, first, last }: AccessSummary): string {
  const claims = claimed.length > 0 ? `, claims to be ${claimed.join(', ')}` : '';
  return `  ${principal} (${role}${claims})  ${action} ${outcome}, ${times} times, ${rows} rows, ${formatInstant(first)} to ${formatInstant(last)}`;
}

const FAULTS: Readonly<Record<AuditFault, string>> = {
  altered: 'this entry, or its hash, is not as it was written',
  missing: 'this entry is missing or stands elsewhere',
  cut: 'the chain ends before this entry, of which somebody has a note',
  rewritten: 'the chain up to here was written anew: it differs from a note that was signed',
  forged: 'the note that is kept of this entry was not signed by the hub',
  unsigned: 'nothing of the chain is signed with a key that is known here',
};

export function formatVerdict({ storeId, entries, fault, seq, signedUpTo, checkpoints, witnesses, unknownKeys }: EvidenceVerdict): string {
  const unknown = unknownKeys.length === 0 ? [] : [`Some notes are signed with keys that are not known here: ${unknownKeys.join(', ')}.`];
  const held = `${checkpoints} notes of the hub and ${witnesses} of gateways`;
  if (fault !== null) return [`Store ${storeId}: the evidence does not hold. Entry ${seq}: ${FAULTS[fault]}.`, ...unknown].join('\n');
  return [`Store ${storeId}: ${entries} entries are intact, held against ${held}; signed up to entry ${signedUpTo}.`, ...unknown].join(
    '\n',
  );
}
