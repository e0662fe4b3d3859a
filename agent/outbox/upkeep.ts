import { VitalmeshError } from '../../shared/errors.ts';
import type { GapReason } from '../../shared/gap.ts';
import type { RowClass } from '../../shared/reading.ts';
import { DiskRoom } from './disk-room.ts';
import type { OutboxFile } from './file.ts';
import type { GapRows } from './gap-rows.ts';
import { type GivenUp, GivingUp } from './giving-up.ts';
import { Minutes } from './minutes.ts';
import { pruneOldest } from './pruned.ts';
import {
  classToGo,
  DROPPABLE,
  type DroppableClass,
  hasExcess,
  isDroppable,
  isFromQuarantine,
  LEVELS,
  type Level,
  levelOf,
  nextStep,
  type QuarantineStep,
  type Space,
  type Step,
} from './room.ts';
import { CLASS_NUMBERS } from './schema.ts';
import type { Sent } from './sent.ts';
import { type WaitingRow, Walk } from './walk.ts';

export interface OutboxLimits {
  /** Largest size of the file in bytes, without its log of some megabytes; less when the disk leaves less. */
  maxBytes: number;
  /** How long rows of a class may wait, in milliseconds; for ever unless told. */
  maxAgeMs: Partial<Record<DroppableClass, number>>;
}

export const DEFAULT_LIMITS: OutboxLimits = { maxBytes: 2 * 1024 ** 3, maxAgeMs: {} };

/** Old rows are looked for at most so often. */
const AGE_EVERY_MS = 60_000;
const DELIVERED_AT_ONCE = 256;
/** While there is plenty of room, and commits come one upon the other, the file is measured once in so many: that costs as much as a row. */
const MEASURE_EVERY = 4;

/** How full the outbox is. */
export interface Fullness {
  level: Level;
  usedBytes: number;
  limitBytes: number;
}

/**
 * Keeps the outbox within its limits: looks after each commit how much room there is, tells the operator when it becomes little, and
 * gives up what matters least in small steps, each a unit of a commit that others share, so that nobody waits long for it.
 */
export class Upkeep {
  readonly #file: OutboxFile;
  readonly #limits: OutboxLimits;
  readonly #sent: Sent;
  readonly #givingUp: GivingUp;
  readonly #minutes: Minutes;
  readonly #walks: Readonly<Record<DroppableClass | 'sent', Walk>> = {
    spot: new Walk(),
    continuous: new Walk(),
    waveform: new Walk(),
    sent: new Walk(),
  };
  readonly #old = new Walk();
  /** Given up since this was last told. */
  readonly #given = new Map<GapReason, GivenUp>();
  #level: Level = 'calm';
  readonly #disk: DiskRoom;
  #usedBytes = 0;
  /** Commits since it was measured, and how much its rows held then. */
  #unmeasured = MEASURE_EVERY;
  #heldBytes = 0;
  #lookedForOldMs = Number.NEGATIVE_INFINITY;
  #isMakingRoom = false;
  /** Steps without a walk that found nothing to do. */
  readonly #foundNothing = new Set<Step>();
  #working: Promise<void> | undefined;

  constructor(file: OutboxFile, path: string, sent: Sent, gaps: GapRows, limits: Partial<OutboxLimits>) {
    this.#file = file;
    this.#sent = sent;
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#disk = new DiskRoom(path, this.#limits.maxBytes, file.clock);
    this.#givingUp = new GivingUp(file, sent, gaps);
    this.#minutes = new Minutes(sent);
  }

  /** As of the last commit, or of one shortly before. */
  get fullness(): Fullness {
    return { level: this.#level, usedBytes: this.#usedBytes, limitBytes: Math.min(this.#disk.limitBytes, this.#disk.roomBytes) };
  }

  /** After a commit: looks, and begins to work when there is something to do. */
  look(): void {
    try {
      if (this.#isCalm() && !this.#isTimeForOld()) return;
      const space = this.#space();
      this.#watch(space);
      if (this.#working) return;
      this.#again();
      if (this.#step(space) === undefined && !this.#isTimeForOld()) return;
    } catch {
      // A file that cannot be read has told so to whoever wrote last.
      return;
    }
    this.#work();
  }

  /**
   * Undefined when rows of these classes may come in; else resolves once room was made, or rejects with OUTBOX-FULL: nothing is left that may
   * go. The last of the room is for what is never given up.
   */
  room(rows: readonly { origin: { class: RowClass } }[]): Promise<void> | undefined {
    return this.#isRoomFor(rows) ? undefined : this.#awaitRoom(rows);
  }

  #isRoomFor(rows: readonly { origin: { class: RowClass } }[]): boolean {
    if (this.#level !== 'full') return true;
    return this.#usedBytes < this.#disk.limitBytes && rows.some(({ origin }) => !isDroppable(origin.class));
  }

  async #awaitRoom(rows: readonly { origin: { class: RowClass } }[]): Promise<void> {
    await (this.#working ?? this.#work());
    this.#watch(this.#space());
    if (!this.#isRoomFor(rows)) throw new VitalmeshError('OUTBOX-FULL', { detail: `${this.#usedBytes} of ${this.#disk.limitBytes} bytes` });
  }

  /** Rows that were passed wait again. */
  restart(): void {
    for (const walk of [...Object.values(this.#walks), this.#minutes, this.#old]) walk.restart();
  }

  /** Rows may have come in behind the end of each walk. */
  #again(): void {
    for (const walk of [...Object.values(this.#walks), this.#minutes]) walk.again();
    this.#foundNothing.clear();
  }

  #work(): Promise<void> {
    this.#again();
    const working = this.#makeRoom().finally(() => {
      this.#working = undefined;
    });
    this.#working = working;
    return working;
  }

  async #makeRoom(): Promise<void> {
    try {
      if (this.#isTimeForOld()) await this.#dropOld();
      for (;;) {
        const space = this.#space();
        this.#watch(space);
        const step = this.#step(space);
        this.#isMakingRoom = step !== undefined && step !== 'delivered' && step !== 'excess';
        if (step === undefined) return;
        await this.#do(step);
        await turn();
      }
    } catch {
      // Whoever writes to the file tells of its faults. What could not be done is found again.
      this.restart();
    } finally {
      this.#tell();
    }
  }

  #step(space: Space): Step | undefined {
    const done = new Set<Step>(this.#foundNothing);
    for (const step of [...DROPPABLE, 'sent'] as const) if (this.#walks[step].over) done.add(step);
    if (this.#minutes.over) done.add('thin');
    return nextStep(space, this.#isMakingRoom, done);
  }

  async #do(step: Step): Promise<void> {
    if (step === 'delivered') {
      const pruned = await this.#file.writeOnReserve((database) => pruneOldest(database, DELIVERED_AT_ONCE), DELIVERED_AT_ONCE);
      this.#file.changed({ pruned });
      if (pruned.rows === 0) this.#foundNothing.add(step);
    } else if (isFromQuarantine(step)) await this.#dropQuarantined(step);
    else if (step === 'thin') await this.#thin();
    else await this.#drop(step);
  }

  async #dropQuarantined(step: QuarantineStep): Promise<void> {
    const number = classToGo(this.#file.quarantined.byNumber(), step);
    const given = number === undefined ? undefined : await this.#givingUp.dropQuarantined(number, ROWS_A_COMMIT);
    if (given) this.#note('space', given);
    if (!given?.quarantined) this.#foundNothing.add(step);
  }

  async #thin(): Promise<void> {
    const rows = this.#file.read((database) => this.#minutes.next(database)) ?? [];
    for (let at = 0; at < rows.length; at += ROWS_A_COMMIT) {
      this.#note('thinned', await this.#givingUp.thin(rows.slice(at, at + ROWS_A_COMMIT)));
    }
  }

  async #drop(what: DroppableClass | 'sent'): Promise<void> {
    const classes = (what === 'sent' ? DROPPABLE : [what]).map((name) => CLASS_NUMBERS[name]);
    const isWanted = (row: WaitingRow): boolean => classes.includes(row.class) && this.#sent.has(row.seq) === (what === 'sent');
    const rows = this.#file.read((database) => this.#walks[what].next(database, isWanted));
    if (rows.length > 0) await this.#giveUp(rows, 'space', what === 'sent');
  }

  async #dropOld(): Promise<void> {
    const now = this.#file.clock.now();
    const limits = new Map(DROPPABLE.map((name) => [CLASS_NUMBERS[name], this.#limits.maxAgeMs[name] ?? Number.POSITIVE_INFINITY]));
    const least = Math.min(...limits.values());
    const isOld = (row: WaitingRow): boolean => now - row.receivedAt > (limits.get(row.class) ?? Number.POSITIVE_INFINITY);
    this.#lookedForOldMs = this.#file.clock.monotonicMs();
    this.#old.restart();
    while (!this.#old.over) {
      const rows = this.#file.read((database) =>
        this.#old.next(
          database,
          (row) => isOld(row) && !this.#sent.has(row.seq),
          (row) => now - row.receivedAt <= least,
        ),
      );
      if (rows.length > 0) await this.#giveUp(rows, 'age', false);
      await turn();
    }
  }

  #isTimeForOld(): boolean {
    if (Object.keys(this.#limits.maxAgeMs).length === 0 || this.#file.pending.rows === 0) return false;
    return this.#file.clock.monotonicMs() - this.#lookedForOldMs >= AGE_EVERY_MS;
  }

  async #giveUp(rows: readonly { seq: number }[], reason: GapReason, evenSent: boolean): Promise<void> {
    this.#note(
      reason,
      await this.#givingUp.drop(
        rows.map(({ seq }) => seq),
        reason,
        evenSent,
      ),
    );
  }

  #note(reason: GapReason, { rows, values, quarantined }: GivenUp): void {
    const before = this.#given.get(reason) ?? { rows: 0, values: 0, quarantined: 0 };
    this.#given.set(reason, {
      rows: before.rows + rows,
      values: before.values + values,
      quarantined: before.quarantined + quarantined,
    });
  }

  #tell(): void {
    for (const [reason, given] of this.#given) {
      const { rows, values, quarantined: dropped } = given;
      if (dropped > 0) this.#file.log.warn({ dropped }, 'quarantine took too much room; what matters least of it was dropped');
      if (rows > 0) this.#file.log.warn({ reason, rows, valueCount: values }, 'the outbox gave up some of what waits; gaps tell of it');
    }
    this.#given.clear();
  }

  /** The quick way of most commits. */
  #isCalm(): boolean {
    this.#unmeasured += 1;
    if (this.#unmeasured >= MEASURE_EVERY || this.#disk.isDue || !this.#hasRoom(1 / 2)) this.#measure();
    if (hasExcess({ limitBytes: this.#disk.limitBytes, quarantined: this.#file.quarantined.byNumber() })) return false;
    return this.#hasRoom(1);
  }

  /** As it was measured last, with what came since: a single commit may bring more than there is room for. */
  #hasRoom(share: number): boolean {
    const usedBytes = this.#usedBytes + Math.max(0, this.#held() - this.#heldBytes);
    return this.#level === 'calm' && usedBytes < share * LEVELS.deliveredGo * Math.min(this.#disk.limitBytes, this.#disk.roomBytes);
  }

  #held(): number {
    const { pending, delivered, quarantined } = this.#file;
    return pending.bytes + delivered.bytes + quarantined.bytes;
  }

  #measure(): void {
    const { usedBytes, fileBytes } = this.#file.pageBytes();
    this.#unmeasured = 0;
    this.#heldBytes = this.#held();
    this.#disk.look(fileBytes);
    this.#usedBytes = usedBytes;
    this.#file.metrics.set('outbox_used_bytes', usedBytes);
  }

  #space(): Space {
    const { usedBytes, fileBytes } = this.#file.pageBytes();
    this.#usedBytes = usedBytes;
    this.#disk.look(fileBytes);
    const { delivered, pending, quarantined } = this.#file;
    const counts = { pending: pending.byClass(), quarantined: quarantined.byNumber() };
    return { usedBytes, limitBytes: this.#disk.limitBytes, roomBytes: this.#disk.roomBytes, delivered, ...counts };
  }

  #watch(space: Space): void {
    const before = this.#level;
    this.#level = levelOf(space, before);
    this.#file.metrics.set('outbox_used_bytes', space.usedBytes);
    this.#file.metrics.set('outbox_limit_bytes', Math.min(space.limitBytes, space.roomBytes));
    if (this.#level === before) return;
    this.#file.metrics.set('outbox_level', { calm: 0, nearly: 1, full: 2 }[this.#level]);
    const facts = { usedBytes: space.usedBytes, limitBytes: Math.min(space.limitBytes, space.roomBytes) };
    const { log } = this.#file;
    if (this.#level === 'full') log.error({ err: new VitalmeshError('OUTBOX-FULL'), ...facts }, 'the outbox is full');
    else if (before === 'full') log.info(facts, 'the outbox has room again');
    else if (this.#level === 'nearly') log.warn({ err: new VitalmeshError('OUTBOX-NEARLY-FULL'), ...facts }, 'the outbox becomes full');
    else log.info(facts, 'the outbox has enough room again');
  }
}

/** Rows changed in one commit of thinning. */
const ROWS_A_COMMIT = 64;

/** Between two steps the devices have their turn. */
function turn(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}
