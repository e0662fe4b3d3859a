import type { Instant } from '../../shared/clock.ts';
import { asVitalmeshError } from '../../shared/errors.ts';
import type { LostClass } from '../../shared/gap.ts';
import type { Database } from '../../shared/storage/database.ts';
import { readKeyFile } from '../../shared/storage/key-file.ts';
import { DamagedFile } from '../../shared/storage/set-aside.ts';
import { Amounts } from './amounts.ts';
import { type AnyRow, DamagedTable } from './damaged-table.ts';
import type { OutboxFile } from './file.ts';
import type { GapRows } from './gap-rows.ts';
import { collected, type GapRecord, lostClass, placeOf } from './gaps.ts';
import { readable } from './giving-up.ts';
import { epochsKept, type Inherited, inKnownEpoch, insertAny, storeEpochsKept } from './inheritance.ts';
import { type GapSource, MOST_PLACES, type Place } from './places.ts';
import { PART_NUMBER, QUARANTINE_KIND } from './schema.ts';
import * as sql from './statements.ts';

export interface SalvageOptions {
  path: string;
  keyFile: string;
  /** As they are configured. */
  sources: readonly GapSource[];
  /** All that could be read of a file was taken over, delivered rows with it. */
  onTaken(): void;
  /** Rows came back, before those that were handed out last. */
  onReturned(): void;
}

/** Epochs whose numbers mean the same in the damaged file and in the new one: of the agent's keys, and of the hub's store. */
interface KnownEpochs {
  epochs: ReadonlySet<number>;
  storeEpochs: ReadonlySet<number>;
}

const AGAIN_AFTER_MS = 60_000;

/**
 * Takes over what can be read of files that were set aside, piece by piece beside the work of the day: rows with the keys that they had, so
 * that whatever the hub holds of them is not stored again, and quarantine. Then a gap tells of what could not be read. Goes on
 * after a restart where it was.
 */
export class Salvage {
  readonly #file: OutboxFile;
  readonly #gaps: GapRows;
  readonly #options: SalvageOptions;
  #working: Promise<void> | undefined;
  #againAtMs = Number.POSITIVE_INFINITY;

  constructor(file: OutboxFile, gaps: GapRows, options: SalvageOptions) {
    this.#file = file;
    this.#gaps = gaps;
    this.#options = options;
  }

  /** After a commit: tries again what could not be done. */
  again(): void {
    if (this.#file.clock.monotonicMs() >= this.#againAtMs) this.begin();
  }

  /** Begins, where there is something to do and it is not under way. */
  begin(): void {
    this.#againAtMs = Number.POSITIVE_INFINITY;
    this.#working ??= this.#all()
      .catch((thrown: unknown) => {
        const error = asVitalmeshError(thrown);
        if (error.code === 'STORAGE-CLOSED') return;
        this.#againAtMs = this.#file.clock.monotonicMs() + AGAIN_AFTER_MS;
        this.#file.log.error({ err: error }, 'a damaged outbox is not taken over yet; it is tried again');
      })
      .finally(() => {
        this.#working = undefined;
      });
  }

  async #all(): Promise<void> {
    for (;;) {
      const entry = this.#file.read((database) => database.prepare<[], Inherited>(sql.ASIDE_UNFINISHED).get());
      if (!entry) return;
      await this.#one(entry);
    }
  }

  async #one(entry: Inherited): Promise<void> {
    const places = new Map<string, GapRecord>();
    for (const place of listed(entry)) remember(places, gapAt(place, place.lost, entry.at));
    const taken = { rows: 0, quarantined: 0 };
    try {
      using damaged = new DamagedFile(this.#options.path, entry.name, readKeyFile(this.#options.keyFile));
      const epochs = this.#file.read((database) => epochsKept(database, damaged));
      const storeEpochs = this.#file.read((database) => storeEpochsKept(database, damaged));
      await this.#rows(damaged, entry, { epochs, storeEpochs }, places, taken);
      await this.#quarantine(damaged, entry, epochs, taken);
    } catch (thrown) {
      const error = asVitalmeshError(thrown);
      if (error.code === 'STORAGE-CLOSED' || error.code === 'STORAGE-FULL' || error.code === 'STORAGE-IO') throw error;
      // Not even its first pages can be read.
      entry.lostFrom ??= entry.oldestAt ?? entry.at;
      entry.lostTo = entry.at;
    }
    await this.#finish(entry, places);
    this.#options.onTaken();
    const lost = entry.lostFrom === null ? {} : { lostFrom: entry.lostFrom, lostTo: entry.lostTo };
    this.#file.log.warn({ file: entry.name, ...taken, ...lost }, 'what can be read of a damaged outbox was taken over');
    if (taken.rows > 0) this.#options.onReturned();
  }

  async #rows(
    damaged: DamagedFile,
    entry: Inherited,
    known: KnownEpochs,
    places: Map<string, GapRecord>,
    taken: { rows: number },
  ): Promise<void> {
    const table = new DamagedTable(damaged, 'rows', { after: entry.nextSeq, last: entry.lastSeq });
    let lastAt: Instant | undefined;
    let isOpen = false;
    while (!table.over) {
      const { rows, hole } = table.next();
      if (hole) {
        entry.lostFrom ??= lastAt ?? entry.oldestAt ?? entry.at;
        isOpen = true;
      }
      const first = rows[0];
      if (isOpen && first && hole) {
        entry.lostTo = Math.max(Number(first.received_at), entry.lostTo ?? 0);
        isOpen = false;
      }
      lastAt = rows.length > 0 ? Number(rows.at(-1)?.received_at) : lastAt;
      for (const row of rows) rememberRow(places, row, entry.at);
      entry.nextSeq = table.after;
      if (rows.length > 0) await this.#take(entry, rows, known, taken);
      await turn();
    }
    // Up to when it was set aside, if its end is missing.
    if (!isOpen && entry.cutOff === 0) return;
    entry.lostFrom ??= lastAt ?? entry.oldestAt ?? entry.at;
    entry.lostTo = entry.at;
  }

  async #take(entry: Inherited, rows: readonly AnyRow[], { epochs, storeEpochs }: KnownEpochs, taken: { rows: number }): Promise<void> {
    const { came, delivered, aside } = await this.#file.write((database) => {
      const found = { came: new Amounts(), delivered: new Amounts(), aside: new Amounts() };
      for (const row of rows) {
        const bytes = Buffer.isBuffer(row.body) ? row.body.length : 0;
        if (!epochs.has(Number(row.epoch))) {
          // Under which key the hub may hold it, nobody knows: it is not sent again by itself.
          if (row.delivered_at !== null) continue;
          setRowAside(database, row, this.#file.clock.now());
          found.aside.add(Number(row.class), bytes);
          continue;
        }
        const kept = inKnownEpoch(row, storeEpochs, this.#file.rekeyedId);
        if (!insertAny(database, 'rows', kept)) continue;
        found.came.add(Number(row.class), bytes);
        if (kept.delivered_at !== null) found.delivered.add(Number(row.class), bytes);
      }
      progress(database, entry);
      return found;
    }, rows.length);
    taken.rows += came.rows - delivered.rows;
    this.#file.changed({ came, delivered, quarantined: aside });
    this.#file.metrics.count('outbox_salvaged_rows', '', came.rows);
  }

  async #quarantine(damaged: DamagedFile, entry: Inherited, epochs: ReadonlySet<number>, taken: { quarantined: number }): Promise<void> {
    const table = new DamagedTable(damaged, 'quarantine', { after: entry.nextQuarantine });
    while (!table.over) {
      const { rows } = table.next();
      entry.nextQuarantine = table.after;
      if (rows.length > 0) {
        const count = await this.#file.write((database) => {
          const inserted = new Amounts();
          for (const row of rows) {
            const without = row.epoch === null || epochs.has(Number(row.epoch)) ? ['id'] : ['id', 'epoch'];
            const bytes = Buffer.isBuffer(row.body) ? row.body.length : 0;
            const number = row.class === null ? PART_NUMBER : Number(row.class);
            if (insertAny(database, 'quarantine', row, without)) inserted.add(number, bytes);
          }
          progress(database, entry);
          return inserted;
        }, rows.length);
        taken.quarantined += count.rows;
        this.#file.changed({ quarantined: count });
      }
      await turn();
    }
  }

  /** One commit: the gaps, and that this file is done with. */
  async #finish(entry: Inherited, places: ReadonlyMap<string, GapRecord>): Promise<void> {
    const gaps = this.#lost(entry, places);
    const { came, went, changes } = await this.#file.write((database) => {
      const amounts = { came: new Amounts(), went: new Amounts() };
      this.#file.enter(database);
      const written = this.#gaps.write(database, gaps, this.#file.epoch.id, amounts);
      this.#file.placed(database, written.values());
      progress(database, entry);
      database.prepare<[Instant, number]>(sql.ASIDE_DONE).run(this.#file.clock.now(), entry.id);
      return { ...amounts, changes: written };
    }, gaps.length);
    this.#gaps.committed(changes);
    this.#file.told();
    for (const { seq } of changes.values()) this.#file.reached(seq);
    this.#file.changed({ came, left: went });
    if (gaps.length > 0) this.#options.onReturned();
  }

  #lost(entry: Inherited, places: ReadonlyMap<string, GapRecord>): GapRecord[] {
    if (entry.lostFrom === null) return [];
    const from = entry.lostFrom;
    const to = Math.max(from, entry.lostTo ?? entry.at);
    const gaps = new Map<string, GapRecord>();
    for (const gap of [...this.#options.sources.map((source) => gapAt(source, 'continuous', entry.at)), ...places.values()]) {
      const one = { ...gap, gap: { ...gap.gap, from, to } };
      gaps.set(placeOf(one), one);
    }
    return collected(gaps.values());
  }
}

/** Whose rows may have been in it, whatever of it can be read. */
function listed({ places }: Inherited): Place[] {
  return places === null ? [] : (JSON.parse(places) as Place[]);
}

function rememberRow(places: Map<string, GapRecord>, row: AnyRow, at: Instant): void {
  if (places.size >= 2 * MOST_PLACES || !Buffer.isBuffer(row.body)) return;
  const record = readable(row.body);
  // A gap that could be read tells of nothing that could not be.
  if (record && record.class !== 'gap') remember(places, gapAt(record, lostClass(record), at));
}

function remember(places: Map<string, GapRecord>, gap: GapRecord): void {
  places.set(placeOf(gap), gap);
}

function gapAt({ source, profile, device, subject, test }: GapSource, lost: LostClass, at: Instant): GapRecord {
  const gap = { reason: 'damaged', lost, from: at, to: at, rows: 0, values: 0, vitals: [] } as const;
  return { source, profile, device, receivedAt: at, subject, test, class: 'gap', readings: [], gap };
}

function setRowAside(database: Database, row: AnyRow, at: Instant): void {
  const body = Buffer.isBuffer(row.body) ? row.body : Buffer.alloc(0);
  const source = readable(body)?.source ?? '';
  const insert = database.prepare<(number | string | Buffer | null)[]>(sql.QUARANTINE_ROW);
  insert.run(QUARANTINE_KIND.row, at, 'OUTBOX-DAMAGED-ROW', source, body.length, Number(row.seq), null, Number(row.class), null, body);
}

function progress(database: Database, { id, nextSeq, nextQuarantine, lostFrom, lostTo }: Inherited): void {
  database
    .prepare<[number, number, Instant | null, Instant | null, number]>(sql.ASIDE_PROGRESS)
    .run(nextSeq, nextQuarantine, lostFrom, lostTo, id);
}

/** Between two pieces the devices have their turn. */
function turn(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}
