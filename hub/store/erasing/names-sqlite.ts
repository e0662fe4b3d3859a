import type { Database } from '../../../shared/storage/database.ts';
import { unpackReceived } from '../observation-row.ts';
import { isNobody } from '../placing/placing.ts';
import { turn, type Walks } from '../walks.ts';
import { mayName, NameCounts, namesOfText } from './names.ts';
import { ERASING_SQL } from './statements.ts';

/** So many rows are looked up at once. */
const KEYS_AT_ONCE = 500;

/** As `ErasingStore.namesOf`. */
export async function namesOf(database: Database, walks: Walks, tenant: string, patient: string): Promise<ReadonlyMap<string, number>> {
  using _held = walks.hold();
  const found = new NameCounts();
  const keys: number[] = [];
  for await (const page of walks.keysOf(tenant, patient)) for (const { key } of page) keys.push(key);
  const inOrder = Float64Array.from(keys).sort();
  type Row = { key: number; batch: number; firstKey: number; received: Buffer };
  let batch: number | undefined;
  let lines: string[] = [];
  for (let from = 0; from < inOrder.length; from += KEYS_AT_ONCE) {
    const wanted = JSON.stringify([...inOrder.subarray(from, from + KEYS_AT_ONCE)]);
    for (const row of database.read(() => database.prepare<[string], Row>(ERASING_SQL.receivedOf).all(wanted))) {
      if (row.batch !== batch) lines = unpackReceived(row.received);
      batch = row.batch;
      found.add(namesOfText(lines[row.key - row.firstKey] ?? ''));
    }
    await turn();
  }
  for await (const row of events(database)) if (row.tenant === tenant && row.patient === patient) found.add(namesOfText(row.text));
  return found.rows;
}

/** As `ErasingStore.namesOfOthers`. */
export async function namesOfOthers(
  database: Database,
  walks: Walks,
  { tenant, patient, names }: { tenant: string; patient: string; names: ReadonlySet<string> },
): Promise<ReadonlySet<string>> {
  using _held = walks.hold();
  const found = new Set<string>();
  const isOther = (owner: string | null | undefined): boolean => owner != null && owner !== patient && !isNobody(owner);
  const isWanted = (name: string): boolean => names.has(name) && !found.has(name);
  const may = mayName(names);
  for await (const { firstKey, lines } of batches(database, tenant))
    for (const [i, line] of lines.entries()) {
      const named = may(line) ? namesOfText(line).filter(isWanted) : [];
      if (named.length > 0 && isOther(patientOf(database, firstKey + i))) for (const name of named) found.add(name);
    }
  for await (const row of events(database))
    if (row.tenant === tenant && isOther(row.patient) && may(row.text))
      for (const name of namesOfText(row.text).filter(isWanted)) found.add(name);
  return found;
}

function patientOf(database: Database, key: number): string | undefined {
  return database.read(() => database.prepare<[number], { id: string }>(ERASING_SQL.patientOf).get(key)?.id);
}

async function* batches(database: Database, tenant: string): AsyncGenerator<{ firstKey: number; lines: string[] }> {
  type Row = { key: number; tenant: string; firstKey: number; received: Buffer };
  for (let after = 0; ; ) {
    const page = database.read(() => database.prepare<[number], Row>(ERASING_SQL.receivedPage).all(after));
    for (const row of page) if (row.tenant === tenant) yield { firstKey: row.firstKey, lines: unpackReceived(row.received) };
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.key;
    await turn();
  }
}

/** All but movements. */
async function* events(database: Database): AsyncGenerator<{ tenant: string; patient: string | null; text: string }> {
  type Row = { key: number; kind: string; tenant: string; patient: string | null; received: Buffer };
  for (let after = 0; ; ) {
    const page = database.read(() => database.prepare<[number], Row>(ERASING_SQL.eventPage).all(after));
    for (const { kind, received, ...row } of page) if (kind !== 'movement') yield { ...row, text: unpackReceived(received)[0] ?? '' };
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.key;
    await turn();
  }
}
