import { type FeedStatus, feedRows, receiverRow } from './behind.ts';
import type { KnownReceiver } from './place.ts';
import type { FeedReceiver } from './receiver.ts';

/** To whom the evidence is fed, and how far each receiver is that the store knows. */
export interface FeedStanding {
  /** The last entry of the evidence. */
  newest: number;
  /** Whom hub.yaml names; null for nobody. */
  named: FeedReceiver | null;
  /** How it goes now; null where no hub runs. */
  now: FeedStatus | null;
  receivers: readonly KnownReceiver[];
}

/** The same for people. */
export function formatStanding({ newest, named, now, receivers }: FeedStanding): string {
  if (now !== null) return feedRows(now).map(shown).join('\n');
  const rows = receivers.map((known) => [known.id === named?.id ? 'Feed to SIEM' : '', receiverRow(known, newest)] as const);
  const isNew = named !== null && !receivers.some(({ id }) => id === named.id);
  const begin = named?.begin === 'now' ? 'what comes once the hub runs' : 'the first entry that is kept';
  const first = isNew ? [['Feed to SIEM', `${named.kind} ${named.to}: never fed; it begins with ${begin}`] as const] : [];
  const nobody = named === null ? [['Feed to SIEM', 'audit.feed of hub.yaml names no receiver'] as const] : [];
  return [...nobody, ...first, ...rows].map(shown).join('\n');
}

function shown([name, value]: readonly [string, string]): string {
  return `${name.padEnd(14)} ${value}`;
}
