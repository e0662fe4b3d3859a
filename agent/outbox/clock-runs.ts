import type { Instant } from '../../shared/clock.ts';
import { asVitalmeshError } from '../../shared/errors.ts';
import { decodeRecord, encodeRecord } from '../../shared/reading.ts';
import type { Database } from '../../shared/storage/database.ts';
import type { ClockRun, KnownTime } from '../../shared/time/clock-run.ts';
import { AS_IT_IS, type Decision, decide, type WaitingRun } from '../boots/decide.ts';
import { retimed } from '../boots/retime.ts';
import { Amounts } from './amounts.ts';
import type { OutboxFile } from './file.ts';
import type { GapRows } from './gap-rows.ts';
import { readable } from './giving-up.ts';
import { type NewRow, newRow } from './rows.ts';
import type { Sent } from './sent.ts';
import * as sql from './statements.ts';

/** A run as the file lists it, with what was decided of it, if anything. */
interface ListedRun extends WaitingRun {
  id: number;
  decision: Decision | undefined;
}

interface RunLine {
  id: number;
  boot: string;
  origin: Instant;
  from: Instant;
  held: number;
  shift: number | null;
  inDoubt: number | null;
}

/** What one commit changed. */
interface Step {
  came: Amounts;
  left: Amounts;
  rows: number;
}

/** Of a run: its number in the file, where something is still to be decided of it, and what becomes of its rows before they are written. */
export interface PlacedRun {
  id: number | null;
  made(row: NewRow): NewRow;
}

const AS_THEY_ARE: PlacedRun = { id: null, made: (row) => row };

/** Rows that are rewritten in one commit. */
const ROWS_A_COMMIT = 64;
const AGAIN_AFTER_MS = 60_000;

/**
 * Rows that were stamped by clocks that nobody had confirmed. Those of a clock that surely was wrong are not handed out; once the time is known,
 * what was decided of each run is on disk before the first of its rows is rewritten, so that whatever happens in between they come to the same.
 * A row that may have been sent stays as it is.
 */
export class ClockRuns {
  readonly #file: OutboxFile;
  readonly #sent: Sent;
  readonly #gaps: GapRows;
  readonly #onFreed: () => void;
  /** What was decided of runs by this process: rows of them may still be on their way in. */
  readonly #decided = new Map<string, Decision>();
  #known: KnownTime | undefined;
  #working: Promise<void> | undefined;
  #againAtMs = Number.POSITIVE_INFINITY;
  /** Somebody wanted rows to send that may not be sent yet. */
  #wereAskedFor = false;

  /** `onFreed`: rows may be handed out that lie before those that were handed out last. */
  constructor(file: OutboxFile, sent: Sent, gaps: GapRows, onFreed: () => void) {
    this.#file = file;
    this.#sent = sent;
    this.#gaps = gaps;
    this.#onFreed = onFreed;
  }

  /** How rows of a run are to be written, in the transaction under way. */
  place(database: Database, run: ClockRun | undefined): PlacedRun {
    if (!run) return AS_THEY_ARE;
    const decision = this.#decided.get(nameOf(run));
    if (decision) return isChange(decision) ? { id: null, made: (row) => newRow(retimed(decodeRecord(row.body), decision)) } : AS_THEY_ARE;
    const held = run.held ? 1 : 0;
    database.prepare<[string, Instant, Instant, number]>(sql.ADD_CLOCK_RUN).run(run.boot, run.origin, run.from, held);
    const line = database.prepare<[string, Instant, number], { id: number }>(sql.CLOCK_RUN_ID).get(run.boot, run.origin, held);
    return { id: line?.id ?? null, made: (row) => row };
  }

  /** The number of the first row that must not be handed out yet; undefined when all may. */
  heldFrom(database: Database): number | undefined {
    const first = database.prepare<[number], { seq: number | null }>(sql.FIRST_OF_RUN);
    const seqs = heldRuns(database).map((id) => first.get(id)?.seq ?? Number.POSITIVE_INFINITY);
    const least = Math.min(...seqs);
    if (!Number.isFinite(least)) return undefined;
    this.#wereAskedFor = true;
    return least;
  }

  /** How many rows wait for the time to be known. */
  heldRows(database: Database): number {
    const count = database.prepare<[number], { rows: number }>(sql.COUNT_OF_RUN);
    return heldRuns(database).reduce((sum, id) => sum + (count.get(id)?.rows ?? 0), 0);
  }

  /** The time is known: puts right what was stamped before. Resolves when that is done, or is to be tried again. */
  timeKnown(known: KnownTime): Promise<void> {
    this.#known = known;
    return this.#begin();
  }

  /** After a commit: tries again what could not be done. */
  again(): void {
    if (this.#file.clock.monotonicMs() >= this.#againAtMs) void this.#begin();
  }

  /** Goes on with what an earlier process had decided and not finished, or with what came out of a file that was set aside. */
  goOn(): void {
    const runs = this.#file.read((database) => this.#listed(database));
    if (runs.some(({ decision }) => decision ?? this.#known)) void this.#begin();
  }

  #begin(): Promise<void> {
    this.#againAtMs = Number.POSITIVE_INFINITY;
    // One after the other: what came to be known meanwhile is decided next.
    const working = (this.#working ?? Promise.resolve())
      .then(() => this.#all())
      .catch((thrown: unknown) => {
        const error = asVitalmeshError(thrown);
        if (error.code === 'STORAGE-CLOSED') return;
        this.#againAtMs = this.#file.clock.monotonicMs() + AGAIN_AFTER_MS;
        this.#file.log.error({ err: error }, 'the times of what waits cannot be put right yet; it is tried again');
      });
    this.#working = working;
    return working;
  }

  async #all(): Promise<void> {
    const runs = await this.#decide();
    let rows = 0;
    for (const run of runs) rows += await this.#finish(run);
    if (rows > 0) this.#file.log.info({ rows }, 'the time is known; what was received before it was put right, and is sent');
    if (!this.#wereAskedFor) return;
    this.#wereAskedFor = false;
    this.#onFreed();
  }

  /** What stands already is not decided anew: some of its rows may have been sent by it. */
  async #decide(): Promise<ListedRun[]> {
    const known = this.#known;
    if (this.#file.read((database) => this.#listed(database)).length === 0) return [];
    const decided = await this.#file.writeOnReserve((database) => {
      const runs = this.#listed(database);
      if (!known) return runs.filter(({ decision }) => decision);
      const decisions = decide(runs, known);
      const note = database.prepare<[number, number, number]>(sql.DECIDE_CLOCK_RUN);
      return runs.flatMap((run, i) => {
        const decision = run.decision ?? decisions[i];
        if (!decision) return [];
        note.run(decision.shift, doubtOf(decision), run.id);
        return [{ ...run, decision }];
      });
    });
    for (const run of decided) if (run.decision) this.#decided.set(nameOf(run), run.decision);
    return decided;
  }

  async #finish(run: ListedRun): Promise<number> {
    let rows = 0;
    for (let isOver = false; !isOver; ) {
      const step = await this.#file.writeOnReserve((database) => this.#step(database, run), ROWS_A_COMMIT);
      this.#file.changed({ came: step.came, left: step.left });
      rows += step.came.rows;
      isOver = step.rows < ROWS_A_COMMIT;
      await turn();
    }
    return rows;
  }

  #step(database: Database, { id, held, decision = AS_IT_IS }: ListedRun): Step {
    const step: Step = { came: new Amounts(), left: new Amounts(), rows: 0 };
    const found = isChange(decision) ? database.prepare<[number, number], RunRow>(sql.ROWS_OF_RUN).all(id, ROWS_A_COMMIT) : [];
    for (const row of found) {
      const record = held || !this.#sent.isSent(row.seq) ? readable(row.body) : undefined;
      if (!record) {
        // It may have been sent, or whoever hands it out sets it aside.
        database.prepare<[number]>(sql.KEEP_TIME).run(row.seq);
        continue;
      }
      const made = retimed(record, decision);
      const body = encodeRecord(made);
      database.prepare<[Instant, Buffer, number]>(sql.RETIME).run(made.receivedAt, body, row.seq);
      step.left.add(row.class, row.body.length);
      step.came.add(row.class, body.length);
    }
    this.#gaps.changed();
    step.rows = found.length;
    if (step.rows < ROWS_A_COMMIT && !areSomeAside(database)) database.prepare<[number]>(sql.FORGET_CLOCK_RUN).run(id);
    return step;
  }

  #listed(database: Database): ListedRun[] {
    const last = database.prepare<[number], { at: Instant }>(sql.LAST_OF_RUN);
    return database
      .prepare<[], RunLine>(sql.CLOCK_RUNS)
      .all()
      .map(({ id, boot, origin, from, held, shift, inDoubt }) => ({
        ...{ id, boot, origin, from },
        held: held === 1,
        last: last.get(id)?.at,
        decision: shift === null ? undefined : { shift, ...doubtFrom(inDoubt) },
      }));
  }
}

interface RunRow {
  seq: number;
  class: number;
  receivedAt: Instant;
  body: Buffer;
}

function heldRuns(database: Database): number[] {
  return database
    .prepare<[], { id: number }>(sql.HELD_RUNS)
    .all()
    .map(({ id }) => id);
}

/** Rows may still come out of a file that was set aside. */
function areSomeAside(database: Database): boolean {
  return database.prepare(sql.ASIDE_UNFINISHED).get() !== undefined;
}

/** How much a decision doubts, as the file has it: 1 where nobody knows when it was, 2 where it surely was no earlier than that. */
function doubtOf({ inDoubt, notEarlier }: Decision): number {
  if (!inDoubt) return 0;
  return notEarlier ? 2 : 1;
}

function doubtFrom(kept: number | null): Omit<Decision, 'shift'> {
  return kept === 2 ? { inDoubt: true, notEarlier: true } : { inDoubt: kept === 1 };
}

function isChange({ shift, inDoubt }: Decision): boolean {
  return shift !== 0 || inDoubt;
}

function nameOf({ boot, origin, held }: ClockRun): string {
  return `${boot} ${origin} ${held}`;
}

/** Between two pieces the devices have their turn. */
function turn(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}
