import type { Clock } from '../../shared/clock.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { Seldom } from '../../shared/seldom.ts';

const EVERY_MS = 60_000;

/** Says which rows the hub refuses: each code once a minute, with how many there were since the line before. Outlives connections. */
export class RefusalLog {
  readonly #log: Logger;
  readonly #seldom: Seldom;
  readonly #rows = new Map<ErrorCode, number>();

  constructor(log: Logger, clock: Pick<Clock, 'monotonicMs'>) {
    this.#log = log;
    this.#seldom = new Seldom(clock, EVERY_MS);
  }

  note(code: ErrorCode, rows: number): void {
    const all = (this.#rows.get(code) ?? 0) + rows;
    const due = this.#seldom.due(code);
    this.#rows.set(code, due ? 0 : all);
    if (due) this.#log.warn({ code, rows: all }, 'the hub refused rows; they go to quarantine');
  }
}
