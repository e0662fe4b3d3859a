import type { Instant } from '../../../shared/clock.ts';
import type { Change } from '../../feed.ts';
import type { OthersStored } from '../open-store.ts';
import type { EventArrival } from '../store.ts';
import type { Commit } from './commits.ts';
import { OWN_TENANT, secured } from './own-tenant.ts';
import type { Stretch } from './placing-told.ts';
import { SOMEBODY } from './statements.ts';
import type { Transaction } from './transaction.ts';

/** Where the events of a commit stand that readers of patients hear of, so that other hubs can tell: by their keys, for whose they are may change, and they may go. */
export const EVENT_TOLD_STEP = `
CREATE TABLE event_told (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  hub text NOT NULL,
  first_event bigint NOT NULL,
  last_event bigint NOT NULL,
  at bigint NOT NULL
);
CREATE INDEX event_told_position ON event_told (tenant, position);
CREATE INDEX event_told_at ON event_told (tenant, at);
${secured(['event_told'], `CREATE POLICY own_tenant ON $ USING (${OWN_TENANT}) WITH CHECK (${OWN_TENANT});`)}
`;

/** What the hub's role may do with it; `role` is an identifier, quoted. */
export function eventToldGrantsTo(role: string): string {
  return `\nGRANT SELECT, INSERT, DELETE ON event_told TO ${role};`;
}

export const TOLD_PG = {
  add: 'INSERT INTO event_told (tenant, position, hub, first_event, last_event, at) VALUES ($1, $2, $3, $4, $5, $6)',
  // Whoever has not heard of it for so long begins anew.
  drop: 'DELETE FROM event_told WHERE tenant = $1 AND at < $2',
  of: `
    SELECT e.patient, e.kind, max(t.at) AS at
    FROM event_told t JOIN event e ON e.key BETWEEN t.first_event AND t.last_event
    WHERE t.tenant = $1 AND t.position > $2 AND t.position <= $3 AND t.hub <> $4
      AND e.tenant = $1 AND e.kind IN ('alert', 'gap') AND ${SOMEBODY('e.patient')}
    GROUP BY e.patient, e.kind ORDER BY e.patient, e.kind`,
} as const;

/** For how long other hubs can hear of it that were away. */
const TOLD_FOR_MS = 7 * 24 * 3_600_000;

/** Whether a reader of patients hears of an event. */
export function isTold({ kind, patient }: EventArrival): boolean {
  return (kind === 'alert' || kind === 'gap') && patient !== null;
}

/** Notes, once its position is known, that a commit holds such events under these keys. */
export async function noteTold(
  commit: Commit,
  { tenant, at, firstKey, lastKey }: { tenant: string; at: Instant; firstKey: number; lastKey: number },
): Promise<void> {
  await commit.query(TOLD_PG.drop, [tenant, at - TOLD_FOR_MS]);
  await commit.query(TOLD_PG.add, [tenant, commit.position.position, commit.hub, firstKey, lastKey, at]);
  commit.tells = true;
}

/** Of whom other hubs stored alerts or gaps; undefined where none did. Within a transaction of the tenant. */
export async function eventsIn(transaction: Transaction, { tenant, from, until, hub }: Stretch): Promise<OthersStored | undefined> {
  type Row = { patient: string; kind: Extract<Change['kind'], 'alert' | 'gap'>; at: number };
  const rows = await transaction.query<Row>(TOLD_PG.of, [tenant, from, until, hub]);
  if (rows.length === 0) return undefined;
  return { patients: rows.map(({ patient, kind, at }) => ({ tenant, patient, kind, vitals: [], at })), currencies: [] };
}
