import type { Clock } from '../../shared/clock.ts';
import type { ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { Seldom } from '../../shared/seldom.ts';

const EVERY_MS = 60_000;

/** Says which rows go to quarantine, and who says so: each code once a minute, with how many there were since the line before. Outlives connections. */
export class RefusalLog {
  readonly #log: Logger;
  readonly #seldom: Seldom;
  /** Not yet told, by whose word it was and code. */
  readonly #rows = new Map<string, number>();

  constructor(log: Logger, clock: Pick<Clock, 'monotonicMs'>) {
    this.#log = log;
    this.#seldom = new Seldom(clock, EVERY_MS);
  }

  /** The other end does not take them. */
  note(code: ErrorCode, rows: number): void {
    const all = this.#dueRows(`hub ${code}`, rows);
    if (all !== undefined) this.#log.warn({ code, rows: all }, 'rows were refused; they go to quarantine');
  }

  /** This agent cannot make of them what could be sent. */
  unsendable(err: VitalmeshError, rows: number): void {
    const all = this.#dueRows(`agent ${err.code}`, rows);
    if (all !== undefined) this.#log.error({ err, rows: all }, 'rows cannot be sent; they go to quarantine');
  }

  /** All that were not told, when it is time to tell. */
  #dueRows(key: string, rows: number): number | undefined {
    const all = (this.#rows.get(key) ?? 0) + rows;
    const due = this.#seldom.due(key);
    this.#rows.set(key, due ? 0 : all);
    return due ? all : undefined;
  }
}
