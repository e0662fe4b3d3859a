import type { Clock, Instant } from '../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { OperatorCommand, OperatorPrincipal } from '../../shared/operator/server.ts';
import type { RowClass } from '../../shared/reading.ts';
import {
  codeOf,
  type EntryId,
  type Filter,
  filterOf,
  flagOf,
  idOf,
  limitOf,
  only,
  quarantineIds,
  reasonOf,
  storeIdOf,
  usage,
} from './operator-arguments.ts';
import { chosen, PAGE, quarantine, turn, waiting } from './operator-rows.ts';
import type { Outbox, OutboxStatus, QuarantinedContent } from './outbox.ts';
import { type ConfiguredSource, reread } from './reread.ts';
import { type ListedEntry, listedEntry, listedRow, type ShownEntry, shownEntry, shownRow } from './shown.ts';

export interface OutboxCommandOptions {
  outbox: Outbox;
  sources: readonly ConfiguredSource[];
  clock: Clock;
  log: Logger;
  /** Id of the hub's store that answers, or answered last, even when it is refused; null while nobody knows. */
  answeringStore?(): string | null;
}

/** The row of `outbox-status`. */
export interface OutboxReport extends Omit<OutboxStatus, 'pending' | 'delivered' | 'quarantined'> {
  now: Instant;
  pending: Counted;
  delivered: Counted;
  /** `bytes`: what could not be decoded. */
  quarantined: Counted;
}

export interface Counted {
  total: number;
  byClass: Partial<Record<RowClass | 'bytes', number>>;
}

/** What became of one entry that was to be replayed. */
export interface Replayed {
  id: string;
  /** Why it was in quarantine; null when there is no such entry. */
  code: ErrorCode | null;
  /** `pending`: it waits for the hub as so many `rows`. `held`: its message was on disk already, and it was taken out. `stays`: see `why`. `not-found`: there is none. */
  outcome: 'pending' | 'held' | 'stays' | 'not-found';
  rows: number;
  /** Parts of it that went back into quarantine. */
  rest: number;
  why: ErrorCode | null;
}

/** A row of `outbox-drop`. */
export interface Dropped {
  id: string;
  code: ErrorCode | null;
  outcome: 'dropped' | 'not-found';
}

/** The row of `outbox-accept-store`. */
export interface AcceptedStore {
  storeId: string;
  /** Where the data went until then; null when they went nowhere yet. */
  before: string | null;
}

/** The operator's commands of the outbox, by name. Errors: USAGE, OUTBOX-NO-ENTRY, STORAGE-*. */
export function outboxCommands(options: OutboxCommandOptions): Record<string, OperatorCommand> {
  const { outbox, clock, log } = options;
  return {
    'outbox-status': (args) => {
      only(args, []);
      return report(outbox, clock);
    },
    'outbox-list': (args) => {
      only(args, ['what', 'source', 'code', 'limit']);
      return listed(outbox, { ...filterOf(args), limit: limitOf(args.limit) });
    },
    'outbox-show': (args, principal) => {
      only(args, ['id', 'withIdentifiers']);
      return shown(options, idOf(args.id), flagOf(args.withIdentifiers), principal);
    },
    'outbox-export': (args, principal) => {
      only(args, ['what', 'source', 'code', 'withIdentifiers']);
      return exported(outbox, filterOf(args), flagOf(args.withIdentifiers), principal, log);
    },
    'outbox-replay': (args, principal) => {
      only(args, ['ids', 'code']);
      if ((args.ids === undefined) === (args.code === undefined)) throw usage('replay takes either ids or --code');
      const ids = args.code === undefined ? quarantineIds(args.ids) : idsOfCode(outbox, codeOf(args.code));
      return replay(options, ids, principal);
    },
    'outbox-drop': (args, principal) => {
      only(args, ['ids', 'reason']);
      return drop(options, quarantineIds(args.ids), reasonOf(args.reason), principal);
    },
    'outbox-accept-store': (args, principal) => {
      only(args, ['storeId']);
      return acceptStore(options, storeIdOf(args.storeId), principal);
    },
  };
}

/** What was delivered to the store before is sent to this one as well, as far as it is kept. */
async function* acceptStore(
  { outbox, log, answeringStore }: OutboxCommandOptions,
  storeId: string,
  principal: OperatorPrincipal,
): AsyncGenerator<AcceptedStore> {
  const before = outbox.storeId;
  const answers = answeringStore?.() ?? null;
  if (answers !== null && answers !== storeId && before !== storeId) throw usage(`the hub that answers has the store ${answers}`);
  await outbox.setStoreId(storeId);
  log.warn({ storeId, before, principal }, 'from now on the data go to this store of the hub');
  yield { storeId, before };
}

async function* report(outbox: Outbox, clock: Clock): AsyncGenerator<OutboxReport> {
  const pending: Counted['byClass'] = {};
  const delivered: Counted['byClass'] = {};
  for (let census = await outbox.census(0, 8 * PAGE); census.last !== undefined; census = await outbox.census(census.last, 8 * PAGE)) {
    add(pending, census.pending);
    add(delivered, census.delivered);
    await turn();
  }
  const quarantined: Counted['byClass'] = {};
  for await (const { class: rowClass } of quarantine(outbox)) add(quarantined, { [rowClass ?? 'bytes']: 1 });
  const { pending: waiting, delivered: done, quarantined: aside, ...status } = await outbox.status();
  yield {
    ...status,
    now: clock.now(),
    pending: { total: waiting, byClass: pending },
    delivered: { total: done, byClass: delivered },
    quarantined: { total: aside, byClass: quarantined },
  };
}

function add(to: Counted['byClass'], counts: Counted['byClass']): void {
  for (const [name, count] of Object.entries(counts) as [RowClass | 'bytes', number][]) to[name] = (to[name] ?? 0) + count;
}

async function* listed(outbox: Outbox, { limit, ...filter }: Filter & { limit: number }): AsyncGenerator<ListedEntry> {
  let left = limit;
  const entries = filter.what === 'quarantine' ? chosen(outbox, filter) : waiting(outbox, filter);
  for await (const entry of entries) {
    yield 'record' in entry ? listedRow(entry) : listedEntry(entry);
    left -= 1;
    if (left === 0) break;
  }
}

async function* shown({ outbox, log }: OutboxCommandOptions, id: EntryId, withIdentifiers: boolean, principal: OperatorPrincipal) {
  const entry = await found(outbox, id, withIdentifiers);
  log.warn({ id: entry.id, identifiers: entry.identifiers, principal }, 'an entry of the outbox was shown');
  yield entry;
}

async function found(outbox: Outbox, { what, number }: EntryId, withIdentifiers: boolean): Promise<ShownEntry> {
  if (what === 'quarantine') {
    const entry = await outbox.content(number);
    if (entry) return shownEntry(entry, withIdentifiers);
  } else {
    const [row] = await outbox.waiting(number - 1, 1);
    if (row?.seq === number) return shownRow(row, withIdentifiers);
  }
  throw new VitalmeshError('OUTBOX-NO-ENTRY', { detail: `${what === 'quarantine' ? 'q' : 'r'}${number}` });
}

async function* exported(outbox: Outbox, filter: Filter, withIdentifiers: boolean, principal: OperatorPrincipal, log: Logger) {
  let entries = 0;
  log.warn({ ...filter, withIdentifiers, principal }, 'an export of the outbox begins');
  try {
    if (filter.what === 'pending') {
      for await (const row of waiting(outbox, filter)) {
        yield shownRow(row, withIdentifiers);
        entries += 1;
      }
      return;
    }
    for await (const { id } of chosen(outbox, filter)) {
      const entry = await outbox.content(id);
      if (entry) yield shownEntry(entry, withIdentifiers);
      entries += entry ? 1 : 0;
    }
  } finally {
    log.info({ entries }, 'an export of the outbox ended');
  }
}

async function* replay(
  { outbox, sources, clock, log }: OutboxCommandOptions,
  ids: AsyncIterable<number> | Iterable<number>,
  principal: OperatorPrincipal,
): AsyncGenerator<Replayed> {
  const byName = new Map(sources.map((source) => [source.name, source]));
  const one = async (id: number): Promise<Replayed> => {
    const entry = await outbox.content(id);
    if (!entry) return notFound(id);
    const replayed = await release(outbox, entry, byName, clock.now());
    log.warn({ ...replayed, principal }, 'an entry of quarantine was replayed');
    return replayed;
  };
  let group: Promise<Replayed>[] = [];
  for await (const id of ids) {
    group.push(one(id));
    if (group.length < PAGE) continue;
    yield* settled(group);
    group = [];
  }
  yield* settled(group);
}

function notFound(id: number): Replayed {
  return { id: `q${id}`, code: null, outcome: 'not-found', rows: 0, rest: 0, why: 'OUTBOX-NO-ENTRY' };
}

/** All of a group, in order: what was done of it is told even when one could not be stored. */
async function* settled<T>(group: readonly Promise<T>[]): AsyncGenerator<T> {
  for (const result of await Promise.allSettled(group)) {
    if (result.status === 'rejected') throw result.reason;
    yield result.value;
  }
}

async function release(
  outbox: Outbox,
  entry: QuarantinedContent,
  sources: ReadonlyMap<string, ConfiguredSource>,
  now: Instant,
): Promise<Replayed> {
  const { code } = entry;
  const id = `q${entry.id}`;
  const stays = (why: ErrorCode): Replayed => ({ id, code, outcome: 'stays', rows: 0, rest: 0, why });
  const read = reread(entry, sources, now);
  if ('stays' in read) return stays(read.stays);
  try {
    const rows = (await outbox.release(entry.id, read.found)).length;
    if (rows === 0) return { id, code, outcome: 'held', rows, rest: 0, why: null };
    return { id, code, outcome: 'pending', rows, rest: read.found.rest?.length ?? 0, why: null };
  } catch (thrown) {
    const error = asVitalmeshError(thrown);
    if (error.code === 'OUTBOX-NO-ENTRY') return notFound(entry.id);
    throw error;
  }
}

async function* idsOfCode(outbox: Outbox, code: ErrorCode): AsyncGenerator<number> {
  for await (const { id } of chosen(outbox, { source: undefined, code })) yield id;
}

async function* drop(
  { outbox, log }: OutboxCommandOptions,
  ids: readonly number[],
  reason: string,
  principal: OperatorPrincipal,
): AsyncGenerator<Dropped> {
  for (const number of ids) {
    const id = `q${number}`;
    const entry = await outbox.drop(number).catch((thrown: unknown) => {
      if (asVitalmeshError(thrown).code !== 'OUTBOX-NO-ENTRY') throw thrown;
      return undefined;
    });
    if (entry) log.warn({ id, code: entry.code, reason, principal }, 'an entry of quarantine was dropped');
    yield entry ? { id, code: entry.code, outcome: 'dropped' } : { id, code: null, outcome: 'not-found' };
  }
}
