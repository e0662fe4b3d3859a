import type { Database } from '../../shared/storage/database.ts';
import type { AuditEvent } from '../access/access.ts';
import { type ChainedEntry, canonicalEvent, chainHash, genesisHash } from './chain.ts';

/**
 * Table of the evidence. Only the next entry may be added: the insert trigger also stops REPLACE, which deletes without asking the
 * delete trigger (sqlite.org/lang_conflict.html).
 */
export const AUDIT_SCHEMA = `
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  entry TEXT NOT NULL,
  hash BLOB NOT NULL
) STRICT;
CREATE TRIGGER audit_only_next BEFORE INSERT ON audit
  WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit)
  BEGIN SELECT RAISE(ABORT, 'the evidence is append-only'); END;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the evidence is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the evidence is append-only'); END;
`;

const HEAD = 'SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1';
const APPEND = 'INSERT INTO audit (seq, entry, hash) VALUES (?, ?, ?)';
const PAGE = 'SELECT seq, entry, hash FROM audit WHERE seq > ? ORDER BY seq LIMIT 1000';

/** Adds events to the chain, within the transaction of the effect they are evidence of. The head is read anew each time, because a transaction may be undone. */
export function appendAudit(database: Database, storeId: string, events: readonly AuditEvent[]): void {
  if (events.length === 0) return;
  const head = database.prepare<[], Pick<ChainedEntry, 'seq' | 'hash'>>(HEAD).get();
  const append = database.prepare<[number, string, Uint8Array]>(APPEND);
  let seq = head?.seq ?? 0;
  let hash: Uint8Array = head?.hash ?? genesisHash(storeId);
  for (const event of events) {
    const entry = canonicalEvent(event);
    seq += 1;
    hash = chainHash(hash, entry);
    append.run(seq, entry, hash);
  }
}

/** The chain from its beginning, read in parts so that no statement stays open while it is walked. */
export function* readAudit(database: Database): Generator<ChainedEntry> {
  for (let after = 0; ; ) {
    const page = database.read(() => database.prepare<[number], ChainedEntry>(PAGE).all(after));
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.seq;
  }
}
