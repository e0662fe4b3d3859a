import type { Instant } from '../../../shared/clock.ts';
import type { Database } from '../../../shared/storage/database.ts';
import type { Currencies } from '../latest-rows.ts';
import { type After, type Due, followed } from '../placing/due.ts';
import { patientKey } from '../placing/keep-sqlite.ts';
import { type MovedReading, MovingReadings, type Side } from '../placing/moving-sqlite.ts';
import { AMEND_SQL } from './statements.ts';

/** A row that was given to a number, and by which decision it became yet another's since. */
type Given = MovedReading & { owner: number; next: number | null };

/** Carries what people gave to a number along with its person, where that is merged into another or is no more, a little at a time, within the transaction of the caller. */
export class MergeOrder {
  readonly #database: Pick<Database, 'prepare'>;
  readonly #due: Due;
  readonly #number: string;
  readonly #was: Side;
  readonly #is: Side;
  readonly #readings: MovingReadings;
  isDone = false;

  constructor(database: Pick<Database, 'prepare'>, { due, number }: { due: Due; number: string }, at: Instant, currencies: Currencies) {
    this.#database = database;
    this.#due = due;
    this.#number = number;
    const { tenant, wanted } = due;
    const side = (id: string): Side => ({ key: patientKey(database, tenant, id), id });
    [this.#was, this.#is] = [side(wanted.was), side(wanted.is)];
    this.#readings = new MovingReadings(database, { tenant, was: this.#was, is: this.#is, at }, currencies);
  }

  get parties(): readonly string[] {
    return [this.#was.id, this.#is.id];
  }

  /** Does a page of it; false once nothing is left to be done. */
  goOn(): boolean {
    const { part, after } = this.#due.progress;
    const behind = part === 'byHand' ? this.#page(after) : undefined;
    const next = followed(this.#due.progress, behind);
    this.#due.progress = next ?? this.#due.progress;
    this.isDone = next === undefined;
    return !this.isDone;
  }

  /** Sees to what is current; gives the vital signs of what moved, undefined where nothing did. */
  finish(): readonly string[] | undefined {
    this.#readings.finish();
    const { vitals } = this.#readings;
    return vitals.length === 0 ? undefined : vitals;
  }

  /** A page of what one decision gave to the number. */
  #page([amendment, observation = 0]: After): After | undefined {
    if (amendment === undefined) return this.#nextGift(0);
    const page = this.#database.prepare<[number, number], Given>(AMEND_SQL.givenPage).all(Number(amendment), Number(observation));
    const setGiver = this.#database.prepare<[number, number, number, number]>(AMEND_SQL.setGiver);
    for (const { key, next } of page) if (next !== null) setGiver.run(this.#is.key, key, next, this.#was.key);
    const moved = page.filter(({ owner, next }) => next === null && owner === this.#was.key);
    for (const rows of Map.groupBy(moved, ({ vital, device }) => JSON.stringify([vital, device])).values()) this.#readings.move(rows, null);
    const { progress } = this.#due;
    this.#due.progress = { ...progress, moved: progress.moved + moved.length };
    const last = page.at(-1);
    return last === undefined ? this.#nextGift(Number(amendment)) : [amendment, last.key];
  }

  #nextGift(after: number): After | undefined {
    const next = this.#database.prepare<[string, string, number], { key: number }>(AMEND_SQL.nextGivenTo);
    const found = next.get(this.#due.tenant, this.#number, after);
    return found && [found.key];
  }
}
