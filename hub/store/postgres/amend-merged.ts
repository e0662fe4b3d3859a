import type { Instant } from '../../../shared/clock.ts';
import { type After, type Due, followed } from '../placing/due.ts';
import type { CurrencyChange } from '../store.ts';
import { AMEND_PG } from './amend-statements.ts';
import type { Commit } from './commits.ts';
import { patientKeys } from './placing-keep.ts';
import { type MovedReading, MovingReadings, type Side } from './placing-moving.ts';

/** A row that was given to a number, and by which decision it became yet another's since. */
type Given = MovedReading & { owner: number; next: number | null };

/** As `MergeOrder` of an SQLite store, within a commit of the tenant. */
export class MergeOrder {
  readonly #commit: Commit;
  readonly #due: Due;
  readonly #number: string;
  readonly #was: Side;
  readonly #is: Side;
  readonly #readings: MovingReadings;
  isDone = false;

  static async of(
    commit: Commit,
    what: { due: Due; number: string },
    at: Instant,
    currencies: Map<string, CurrencyChange>,
  ): Promise<MergeOrder> {
    const { tenant, wanted } = what.due;
    const keys = await patientKeys(commit, tenant, [wanted.was, wanted.is]);
    const sides = { was: { key: keys.get(wanted.was) ?? 0, id: wanted.was }, is: { key: keys.get(wanted.is) ?? 0, id: wanted.is } };
    return new MergeOrder(commit, what, sides, new MovingReadings(commit, { tenant, ...sides, at }, currencies));
  }

  private constructor(
    commit: Commit,
    { due, number }: { due: Due; number: string },
    { was, is }: { was: Side; is: Side },
    readings: MovingReadings,
  ) {
    this.#commit = commit;
    this.#due = due;
    this.#number = number;
    this.#was = was;
    this.#is = is;
    this.#readings = readings;
  }

  get parties(): readonly string[] {
    return [this.#was.id, this.#is.id];
  }

  /** Does a page of it; false once nothing is left to be done. */
  async goOn(): Promise<boolean> {
    const { part, after } = this.#due.progress;
    const behind = part === 'byHand' ? await this.#page(after) : undefined;
    const next = followed(this.#due.progress, behind);
    this.#due.progress = next ?? this.#due.progress;
    this.isDone = next === undefined;
    return !this.isDone;
  }

  /** Sees to what is current; gives the vital signs of what moved, undefined where nothing did. */
  async finish(): Promise<readonly string[] | undefined> {
    await this.#readings.finish();
    const { vitals } = this.#readings;
    return vitals.length === 0 ? undefined : vitals;
  }

  /** A page of what one decision gave to the number. */
  async #page([amendment, observation = 0]: After): Promise<After | undefined> {
    if (amendment === undefined) return await this.#nextGift(0);
    const page = await this.#commit.query<Given>(AMEND_PG.givenPage, [Number(amendment), Number(observation)]);
    const givenOn = page.filter(({ next }) => next !== null);
    const which = [givenOn.map(({ key }) => key), givenOn.map(({ next }) => next)];
    if (givenOn.length > 0) await this.#commit.query(AMEND_PG.setGiver, [this.#is.key, ...which, this.#was.key]);
    const moved = page.filter(({ owner, next }) => next === null && owner === this.#was.key);
    for (const rows of Map.groupBy(moved, ({ vital, device }) => JSON.stringify([vital, device])).values())
      await this.#readings.move(rows, null);
    const { progress } = this.#due;
    this.#due.progress = { ...progress, moved: progress.moved + moved.length };
    const last = page.at(-1);
    return last === undefined ? await this.#nextGift(Number(amendment)) : [amendment, last.key];
  }

  async #nextGift(after: number): Promise<After | undefined> {
    const [found] = await this.#commit.query<{ key: number }>(AMEND_PG.nextGivenTo, [this.#due.tenant, this.#number, after]);
    return found && [found.key];
  }
}
