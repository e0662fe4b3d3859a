import type { Database } from '../../shared/storage/database.ts';
import type { Migration } from '../../shared/storage/migrations.ts';
import { SQL } from './statements.ts';

export const QUARANTINE_STEP: Migration = `
-- What one gateway has in quarantine is counted, and its oldest found, without reading any of it.
ALTER TABLE quarantine ADD COLUMN bytes INTEGER GENERATED ALWAYS AS (octet_length(received)) VIRTUAL;
CREATE INDEX quarantineByGateway ON quarantine (tenant, gateway, key, bytes);
`;

/** What is kept of one gateway in quarantine. */
export interface QuarantineRoom {
  rows: number;
  bytes: number;
}

/** Lets the oldest of a gateway go until the rest fits, but no more than 2000 at a time; gives how many went. */
export function trimQuarantine(database: Pick<Database, 'prepare'>, tenant: string, gateway: string, room: QuarantineRoom): number {
  const held = database.prepare<[string, string], QuarantineRoom>(SQL.quarantineOf).get(tenant, gateway) ?? { rows: 0, bytes: 0 };
  let { rows, bytes } = held;
  if (rows <= room.rows && bytes <= room.bytes) return 0;
  const drop = database.prepare<[number]>(SQL.dropQuarantine);
  for (const oldest of database.prepare<[string, string], { key: number; bytes: number }>(SQL.oldestQuarantine).all(tenant, gateway)) {
    if (rows <= room.rows && bytes <= room.bytes) break;
    drop.run(oldest.key);
    rows -= 1;
    bytes -= oldest.bytes;
  }
  return held.rows - rows;
}
