import { formatInstant } from '../../shared/clock.ts';
import type { AuditFault } from './chain.ts';
import type { EvidenceRecord } from './evidence.ts';
import type { EvidenceVerdict } from './notes.ts';
import type { Rebuilt, ReplayStep } from './replay.ts';
import type { AccessReport, AccessSummary } from './report.ts';

/** An entry for people, on one line. */
export function formatRecord({ seq, event, erased, damaged }: EvidenceRecord): string {
  const { at, principal, role, action, outcome, reason, count, detail } = event;
  const { client, model } = detail?.claimed ?? {};
  const claims = [client, model].filter((name) => name !== undefined).join(', ');
  const whose = damaged ? 'DAMAGED' : erased ? 'erased' : (event.patient ?? '-');
  const what = outcome === 'allowed' ? `${count} rows` : `${outcome}: ${reason}`;
  return `${seq}  ${formatInstant(at)}  ${principal} (${role}${claims ? `, claims to be ${claims}` : ''})  ${action}  ${whose}  ${what}`;
}

/** An entry with everything in it. */
export function formatWhole(record: EvidenceRecord): string {
  return `${formatRecord(record)}\n${JSON.stringify(record, null, 2)}`;
}

const REBUILT: Readonly<Record<Rebuilt, string | null>> = {
  same: 'made again from what is kept: exactly this was shown',
  none: null,
  brief: 'which observations it was is not kept, by the policy',
  kind: 'not made again: lists, trends, histories and exports are not; its hash is kept',
  erased: 'the patient was erased',
  masked: 'not made again: it was masked',
  withheld: 'the values may not be read by whoever asks',
  gone: 'not made again: not all of it is kept any more',
  differs: 'not proven: what is kept makes another view, for instance if the patient is in another bed now',
};

/** A step of a replay for people: what was asked, then a line for each observation that was shown. */
export function formatStep({ seq, at, action, patient, outcome, reason, count, args, shown, rebuilt }: ReplayStep): string {
  const what = outcome === 'allowed' ? `${count} rows` : `${outcome}: ${reason}`;
  const asked = args === null ? '' : `  ${JSON.stringify(args)}`;
  const rows = shown.map(({ observation, storedAt, kept }) => {
    const value = kept && (kept.value === null ? (kept.absent ?? 'parts') : `${kept.value} ${kept.unit}`);
    return `    ${observation}  stored ${formatInstant(storedAt)}  ${kept ? `${kept.vital} ${value} of ${formatInstant(kept.sortTime)}` : '-'}`;
  });
  const proof = REBUILT[rebuilt];
  const lines = [`${seq}  ${formatInstant(at)}  ${action}  ${patient ?? '-'}  ${what}${asked}`, ...rows];
  return [...lines, ...(proof === null ? [] : [`    ${proof}`])].join('\n');
}

export function formatReport({ patient, accesses, general, unopened }: AccessReport): string {
  const own = accesses.length === 0 ? ['Nobody, as far as the evidence goes.'] : accesses.map(formatSummary);
  const others =
    general.length === 0
      ? []
      : ['Lists and exports of many patients, this one among them if it was within reach:', ...general.map(formatSummary)];
  const closed =
    unopened === 0 ? [] : [`${unopened} entries cannot be opened, of erased patients or damaged: each may have been about this one.`];
  return [`Who saw ${patient}:`, ...own, ...others, ...closed].join('\n');
}

function formatSummary({ principal, role, action, outcome, claimed, times, rows, first, last }: AccessSummary): string {
  const claims = claimed.length > 0 ? `, claims to be ${claimed.join(', ')}` : '';
  return `  ${principal} (${role}${claims})  ${action} ${outcome}, ${times} times, ${rows} rows, ${formatInstant(first)} to ${formatInstant(last)}`;
}

const FAULTS: Readonly<Record<AuditFault, string>> = {
  'unknown-key':
    'a note in the file of a gateway is signed with a key that is not known here: it is not of this hub, or the list of keys was exchanged',
  altered: 'this entry, or its hash, is not as it was written',
  missing: 'this entry is missing or stands elsewhere',
  cut: 'the chain ends before this entry, of which somebody has a note',
  rewritten: 'the chain up to here was written anew: it differs from a note that was signed',
  forged: 'the note that is kept of this entry was not signed by the hub',
  unsigned: 'from here on nothing is signed with a key that is known here',
  misfiled: 'the index of patients, or the key of this patient, does not agree with it: reports and lists by patient may lack it',
};

export function formatVerdict(
  { storeId, entries, fault, seq, signedUpTo, checkpoints, witnesses, unknownKeys, witnessKeys }: EvidenceVerdict,
  file: string,
): string {
  const unknown = unknownKeys.length === 0 ? [] : [`Some notes are signed with keys that are not known here: ${unknownKeys.join(', ')}.`];
  for (const { gateway, key, known } of witnessKeys)
    unknown.push(`${file}: notes kept by ${gateway}, signed with ${known ? 'the known key' : 'a key that is not known'} ${key}`);
  const held = `${checkpoints} notes of the hub and ${witnesses} of gateways`;
  if (fault !== null) return [`Store ${storeId}: the evidence does not hold. Entry ${seq}: ${FAULTS[fault]}.`, ...unknown].join('\n');
  return [`Store ${storeId}: ${entries} entries are intact, held against ${held}; signed up to entry ${signedUpTo}.`, ...unknown].join(
    '\n',
  );
}
