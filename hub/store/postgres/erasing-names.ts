import { mayName, NameCounts, namesOfText } from '../erasing/names.ts';
import { unpackReceived } from '../observation-row.ts';
import { isNobody } from '../placing/placing.ts';
import { keyOf } from './erase.ts';
import type { ErasingPlace } from './erasing.ts';
import { ERASING_PG } from './erasing-statements.ts';

type Place = Pick<ErasingPlace, 'read'>;

/** So many batches are looked up at once. */
const BATCHES_AT_ONCE = 50;

/** As `ErasingStore.namesOf`. */
export async function namesOf(place: Place, tenant: string, patient: string): Promise<ReadonlyMap<string, number>> {
  const found = new NameCounts();
  const { key, batches } = await place.read(async (transaction) => {
    const own = await keyOf(transaction, tenant, patient);
    return { key: own, batches: await transaction.query<{ key: number }>(ERASING_PG.batchesOfPatient, [own]) };
  }, tenant);
  for (let from = 0; from < batches.length; from += BATCHES_AT_ONCE) {
    const wanted = batches.slice(from, from + BATCHES_AT_ONCE).map((batch) => batch.key);
    const { rows, packed } = await place.read(
      async (transaction) => ({
        rows: await transaction.query<{ key: number; batch: number; firstKey: number }>(ERASING_PG.ownKeys, [wanted, key]),
        packed: await transaction.query<Packed>(ERASING_PG.receivedOf, [wanted]),
      }),
      tenant,
    );
    const lines = new Map(packed.map((one) => [one.key, unpackReceived(one.received)]));
    for (const row of rows) found.add(namesOfText(lines.get(row.batch)?.[row.key - row.firstKey] ?? ''));
  }
  for await (const event of events(place, tenant)) if (event.patient === patient) found.add(namesOfText(event.text));
  return found.rows;
}

/** As `ErasingStore.namesOfOthers`. */
export async function namesOfOthers(
  place: Place,
  { tenant, patient, names }: { tenant: string; patient: string; names: ReadonlySet<string> },
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const isOther = (owner: string | null): boolean => owner !== null && owner !== patient && !isNobody(owner);
  const may = mayName(names);
  for await (const { firstKey, lines } of batches(place, tenant)) {
    const byName = new Map<string, number[]>();
    for (const [i, line] of lines.entries())
      for (const name of may(line) ? namesOfText(line) : [])
        if (names.has(name) && !found.has(name)) byName.set(name, [...(byName.get(name) ?? []), firstKey + i]);
    for (const [name, keys] of byName) {
      const owners = await place.read((transaction) => transaction.query<{ id: string }>(ERASING_PG.patientsOf, [keys]), tenant);
      if (owners.some(({ id }) => isOther(id))) found.add(name);
    }
  }
  for await (const event of events(place, tenant))
    if (isOther(event.patient) && may(event.text)) for (const name of namesOfText(event.text)) if (names.has(name)) found.add(name);
  return found;
}

interface Packed {
  key: number;
  received: Buffer;
}

async function* batches(place: Place, tenant: string): AsyncGenerator<{ firstKey: number; lines: string[] }> {
  for (let after = 0; ; ) {
    const { page, packed } = await place.read(async (transaction) => {
      const rows = await transaction.query<{ key: number; firstKey: number }>(ERASING_PG.batchPage, [tenant, after]);
      return { page: rows, packed: await transaction.query<Packed>(ERASING_PG.receivedOf, [rows.map(({ key }) => key)]) };
    }, tenant);
    const firstKeys = new Map(page.map(({ key, firstKey }) => [key, firstKey]));
    for (const { key, received } of packed) yield { firstKey: firstKeys.get(key) ?? 0, lines: unpackReceived(received) };
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.key;
  }
}

/** All but movements. */
async function* events(place: Place, tenant: string): AsyncGenerator<{ patient: string | null; text: string }> {
  type Row = { key: number; kind: string; patient: string | null; received: Buffer };
  for (let after = 0; ; ) {
    const page = await place.read((transaction) => transaction.query<Row>(ERASING_PG.eventPage, [tenant, after]), tenant);
    for (const { kind, patient, received } of page) if (kind !== 'movement') yield { patient, text: unpackReceived(received)[0] ?? '' };
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.key;
  }
}
