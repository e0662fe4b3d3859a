import type { Instant } from '../../../shared/clock.ts';
import type { EventKind } from '../../../shared/event.ts';
import { countDue, newestOf, type StoredAt } from '../../due.ts';
import { type DueBatch, type ReadingClass, readingClassOf } from '../due-reading.ts';
import { RETAINED, type Retained, type RetentionOrder, type RetentionStep } from '../retention.ts';
import { HOUR_MS, MINUTE_MS, Rolling, type RollupKey } from '../roll.ts';
import { cellOf, type RollupRow } from '../rollup-row.ts';
import type { Commit } from './commits.ts';
import { removeKeptBack, removeReadings } from './remove-readings.ts';
import { RETENTION_PG } from './retention-statements.ts';
import { dropRolledFrom } from './rolled-from.ts';
import { keyColumns, writeRollups } from './rollups.ts';
import { addToRanges, type RemovedKey } from './seen-ranges.ts';
import type { Transaction } from './transaction.ts';
import { dropEmptyWeek, type WeeksPlace } from './weeks.ts';

/** What one step removes at most, about, so that others do not wait for the head for long. */
const ROWS_A_STEP = 500;

/** What lends transactions to the retention. */
export interface RetentionPlace extends WeeksPlace {
  allTenants(): readonly string[];
  read<T>(work: (transaction: Transaction) => Promise<T>, tenant?: string): Promise<T>;
  commit<T>(work: (commit: Commit) => Promise<T>, tenant: string): Promise<T>;
}

/** What was stored before `cutoff` is due; `now` is by when ages are reckoned. */
interface Limits {
  cutoff: Instant;
  now: Instant;
}

/** What is due of one class and tenant, and how it is removed. */
interface Duty<T> {
  find(transaction: Transaction): Promise<readonly T[]>;
  /** Within the commit in which it was found again; gives what went. */
  remove(commit: Commit, due: readonly T[]): Promise<RetentionStep['removed']>;
}

/** One step of the retention: of the first class and tenant of which anything is due, and then the partitions that this left empty. It is looked for without holding the head. */
export async function retainSome(place: RetentionPlace, order: RetentionOrder): Promise<RetentionStep> {
  for (const name of [...RETAINED, 'keptBack'] as const) {
    for (const tenant of place.allTenants()) {
      const removed = await carryOut(place, tenant, name, order);
      if (removed !== undefined) return { removed, more: true };
    }
  }
  return { removed: {}, more: await dropEmptyWeek(place, order) };
}

/** What went, if anything is due; undefined else. */
async function carryOut(
  place: RetentionPlace,
  tenant: string,
  name: Retained | 'keptBack',
  order: RetentionOrder,
): Promise<RetentionStep['removed'] | undefined> {
  const carried = <T>(duty: Duty<T>) => fulfil(place, tenant, duty);
  if (name === 'keptBack') return await carried(keptBack(tenant, order));
  const keepMs = order.policy[name];
  if (keepMs === null) return undefined;
  const cutoff = order.now - keepMs;
  if (name === 'spot' || name === 'continuous') return await carried(readings(tenant, name, { cutoff, now: order.now }));
  if (name === 'minute') return await carried(rollups(tenant, name, MINUTE_MS, cutoff));
  if (name === 'hour') return await carried(rollups(tenant, name, HOUR_MS, cutoff));
  if (name === 'quarantine') return await carried(quarantine(tenant, { cutoff, now: order.now }));
  return await carried(events(tenant, name, { cutoff, now: order.now }));
}

async function fulfil<T>(place: RetentionPlace, tenant: string, duty: Duty<T>): Promise<RetentionStep['removed'] | undefined> {
  const due = await place.read((transaction) => duty.find(transaction), tenant);
  if (due.length === 0) return undefined;
  // Another hub may have removed it meanwhile.
  return await place.commit(async (commit) => duty.remove(commit, await duty.find(commit)), tenant);
}

function readings(tenant: string, name: ReadingClass, limits: Limits): Duty<DueBatch> {
  return {
    async find(transaction) {
      const page = await transaction.query<DueBatch>(RETENTION_PG.batches, [tenant, await upTo(transaction, tenant, name)]);
      const due = page.slice(0, countDue(page, { ...limits, since: await upTo(transaction, tenant, `${name}At`) }));
      let rows = 0;
      const enough = due.findIndex((batch) => {
        rows += batch.rows;
        return rows > ROWS_A_STEP;
      });
      return enough < 0 ? due : due.slice(0, Math.max(1, enough));
    },
    async remove(commit, due) {
      const removed = await removeReadings(commit, tenant, due, name);
      await passed(commit, tenant, name, due, limits.now);
      return removed > 0 ? { [name]: removed } : {};
    },
  };
}

interface KeptBackRow {
  observation: number;
  batch: number;
  storedAt: Instant;
  vital: string;
}

/** What was due and current in an earlier step, and is no longer current. */
function keptBack(tenant: string, { policy, now }: RetentionOrder): Duty<KeptBackRow> {
  // The policy may keep it longer than when it was noted.
  const isDue = ({ vital, storedAt }: KeptBackRow): boolean => {
    const keepMs = policy[readingClassOf(vital)];
    return keepMs !== null && storedAt < now - keepMs;
  };
  return {
    async find(transaction) {
      for (let after = 0; ; ) {
        const page = await transaction.query<KeptBackRow>(RETENTION_PG.replaced, [tenant, after]);
        const due = page.filter(isDue);
        const last = page.at(-1);
        if (due.length > 0 || last === undefined) return due;
        after = last.observation;
      }
    },
    async remove(commit, due) {
      const batches = await commit.query<DueBatch>(RETENTION_PG.batchesOf, [[...new Set(due.map(({ batch }) => batch))]]);
      return await removeKeptBack(
        commit,
        tenant,
        batches,
        due.map(({ observation }) => observation),
      );
    },
  };
}

function rollups(tenant: string, name: 'minute' | 'hour', width: number, cutoff: Instant): Duty<RollupKey & RollupRow> {
  return {
    find: (transaction) => transaction.query(RETENTION_PG.oldRollups, [tenant, width, cutoff - width]),
    async remove(commit, due) {
      if (name === 'minute') {
        const rolling = new Rolling();
        for (const row of due) {
          const { patient, vital, device, part, test, start } = row;
          rolling.rollup({ patient, vital, device, part, test, start, width }, cellOf(row), HOUR_MS);
        }
        await writeRollups(commit, tenant, [...rolling.collected()]);
      }
      await dropRolledFrom(commit, due);
      await commit.query(RETENTION_PG.dropRollups, keyColumns(due));
      return due.length > 0 ? { [name]: due.length } : {};
    },
  };
}

interface EventRow extends RemovedKey {
  key: number;
  storedAt: Instant;
  sortTime: Instant;
  /** By a newer one of the same device. */
  replaced: boolean;
}

function events(tenant: string, kind: EventKind, limits: Limits): Duty<EventRow> {
  return {
    async find(transaction) {
      let since = kind === 'device' ? 0 : await upTo(transaction, tenant, `${kind}At`);
      for (let after = 0; ; ) {
        const page = await transaction.query<EventRow>(RETENTION_PG.events, [tenant, kind, after]);
        const due = page.slice(0, countDue(page, { ...limits, since }));
        // What a device is made of now stays, however long ago it was said.
        const removable = due.filter(({ replaced }) => kind !== 'device' || replaced);
        const last = due.at(-1);
        if (removable.length > 0 || due.length < page.length || last === undefined) return removable;
        after = last.key;
        since = newestOf(due, limits.now, since);
      }
    },
    async remove(commit, due) {
      if (due.length === 0) return {};
      await commit.query(RETENTION_PG.dropEvents, [due.map(({ key }) => key), due.map(({ sortTime }) => sortTime)]);
      await commit.query(RETENTION_PG.dropSeen, [due.map(({ writer }) => writer), due.map(({ seq }) => seq), due.map(({ part }) => part)]);
      await addToRanges(commit, due);
      await commit.query(RETENTION_PG.lessTotals, [tenant, 0, due.length, 0]);
      if (kind !== 'device') await passed(commit, tenant, kind, due, limits.now);
      return { [kind]: due.length };
    },
  };
}

function quarantine(tenant: string, limits: Limits): Duty<{ key: number; storedAt: Instant }> {
  return {
    async find(transaction) {
      const page = await transaction.query<{ key: number; storedAt: Instant }>(RETENTION_PG.quarantine, [tenant]);
      return page.slice(0, countDue(page, { ...limits, since: await upTo(transaction, tenant, 'quarantineAt') }));
    },
    async remove(commit, due) {
      if (due.length === 0) return {};
      await commit.query(RETENTION_PG.dropQuarantine, [due.map(({ key }) => key)]);
      await commit.query(RETENTION_PG.lessTotals, [tenant, 0, 0, due.length]);
      await passed(commit, tenant, 'quarantine', due, limits.now);
      return { quarantine: due.length };
    },
  };
}

/** Notes how far a class has come: the key, and the newest date of what went. */
async function passed(commit: Commit, tenant: string, name: Retained, rows: readonly StoredAt[], now: Instant): Promise<void> {
  const last = rows.at(-1);
  if (last === undefined) return;
  await commit.query(RETENTION_PG.setUpTo, [tenant, name, last.key]);
  const since = newestOf(rows, now, await upTo(commit, tenant, `${name}At`));
  await commit.query(RETENTION_PG.setUpTo, [tenant, `${name}At`, since]);
}

async function upTo(transaction: Transaction, tenant: string, name: string): Promise<number> {
  const [found] = await transaction.query<{ upTo: number }>(RETENTION_PG.upTo, [tenant, name]);
  return found?.upTo ?? 0;
}
