import { formatInstant } from '../../shared/clock.ts';
import type { AuditFault } from './chain.ts';
import { formatUnread } from './format.ts';
import { formatRemoved } from './format-kept.ts';
import type { EvidenceVerdict } from './notes.ts';

const FAULTS: Readonly<Record<AuditFault, string>> = {
  'unknown-key':
    'a note in the file of a gateway is signed with a key that is not known here: it is not of this hub, or the list of keys was exchanged',
  disputed:
    'notes in the file of a gateway do not agree with the chain from here on, and are signed with a key that is not known here. Either the file is not of this hub, or the evidence was written anew and the list of keys exchanged: verify with --keys and your own copy of the list',
  restored: 'the evidence was put back by hand',
  doubted: 'what the hub signs says since here that its note outside of the store was lost, and nobody has answered for that',
  altered: 'this entry, or its hash, is not as it was written',
  missing: 'this entry is missing or stands elsewhere',
  cut: 'the chain ends before this entry, of which somebody has a note',
  rewritten: 'the chain up to here was written anew: it differs from a note that was signed',
  forged: 'the note that is kept of this entry was not signed by the hub',
  unsigned: 'from here on nothing is signed with a key that is known here',
  removed: 'the content of this entry is gone, and nothing that the hub signed lets the retention remove it',
  'false-anchor': 'what says that the retention removed the evidence up to here was not signed by this hub',
  misfiled: 'the index of patients, or the key of this patient, does not agree with it: reports and lists by patient may lack it',
};

/** A verdict for people; `file`: of the gateway whose notes were given, if any. */
export function formatVerdict(verdict: EvidenceVerdict, file: string): string {
  const { storeId, entries, fault, seq, signedUpTo, checkpoints, witnesses } = verdict;
  const held = `${checkpoints} notes of the hub and ${witnesses} of gateways`;
  const first =
    fault === null
      ? `Store ${storeId}: ${entries - verdict.removedUpTo} entries are intact, held against ${held}; signed up to entry ${signedUpTo}.`
      : `Store ${storeId}: the evidence does not hold. Entry ${seq}: ${FAULTS[fault]}.`;
  return [first, ...beside(verdict, file)].join('\n');
}

/** What is to be known beside the verdict itself. */
function beside(verdict: EvidenceVerdict, file: string): string[] {
  const { unknownKeys, witnessKeys, unread = [], unsigned, strangers, restores, acknowledged, doubts, fault, indexCompared } = verdict;
  const since = unsigned.since === null ? '' : ` since ${formatInstant(unsigned.since)}`;
  return [
    ...(fault !== null || indexCompared
      ? []
      : ['Neither the index of patients nor what is sealed was looked at: verify without --quick does that.']),
    ...formatRemoved(verdict),
    ...(unsigned.entries === 0
      ? []
      : [`Nothing signed covers the last ${unsigned.entries} entries yet${since}: of them only the chain itself speaks.`]),
    ...doubts.map(
      (doubt) => `Stands until it is acknowledged (vitalmesh-hub audit acknowledge): ${doubt.code}, since entry ${doubt.since}.`,
    ),
    ...acknowledged.map((one) => `${one.alarm} was acknowledged by ${one.by} at ${formatInstant(one.at)} (entry ${one.seq}).`),
    ...restores.map((one) => formatRestore(one, verdict)),
    ...(unread.length === 0
      ? []
      : ['In the chain, and no entries that this version can read:', ...unread.map((one) => `  ${formatUnread({ seq: one })}`)]),
    ...(unknownKeys.length === 0 ? [] : [`Some notes are signed with keys that are not known here: ${unknownKeys.join(', ')}.`]),
    ...witnessKeys.map(
      ({ gateway, key, known }) =>
        `${file}: notes kept by ${gateway}, signed with ${known ? 'the known key' : 'a key that is not known'} ${key}`,
    ),
    ...(strangers.agree + strangers.differ === 0
      ? []
      : [`Of the notes of keys that are not known ${strangers.agree} agree with the chain, and ${strangers.differ} do not.`]),
  ];
}

/** What a restore left behind, and how much of that is proven. */
function formatRestore({ seq, at, by, position, madeAt, signed }: EvidenceVerdict['restores'][number], { lost }: EvidenceVerdict): string {
  const made = madeAt === null ? '' : `, made at ${formatInstant(madeAt)}`;
  const lines = [
    `Put back by hand at ${formatInstant(at)}, as entry ${seq} says, by ${by}: from a backup that ended at entry ${position}${made}.`,
    signed
      ? '  Proven: the chain up to there is what was put back, and the hub has signed that entry since.'
      : '  The chain up to there is what was put back. The hub has NOT signed that entry: whoever had the key of the store can have written it.',
  ];
  if (lost?.restore === seq) lines.push(...formatLost(lost));
  return lines.join('\n');
}

function formatLost({ from, to, notes, restore, known }: NonNullable<EvidenceVerdict['lost']>): string[] {
  const which = `  Entries ${from + 1} to ${to} at least, as they were before, are not in this store`;
  if (notes === 0) return [`${which}: so far the hub had signed, as the operator knew who answered for it.`];
  const whose = `${which}; only those have them who took the ${notes} notes of them.`;
  return known
    ? [whose, '  You know of this restore, so these notes count as accounted for.']
    : [
        whose,
        `  Not proven: that it was an honest restore and no cut. Where you know of it, add --known-restore ${restore}; where nobody does, entries were taken away.`,
      ];
}
