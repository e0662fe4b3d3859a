import type { ErrorCode } from '../../errors.ts';
import { type BackoffTimes, Pace } from './pace.ts';

/** What is known of one router from the links to it, which come and go. */
export class RouterHistory {
  readonly pace: Pace;
  /** Why there is no channel, for an operator; undefined while there is one, and before the first attempt is over. */
  trouble: ErrorCode | undefined;
  readonly #count: () => number;
  #failedAt = 0;

  constructor(times: BackoffTimes, count: () => number) {
    this.pace = new Pace(times);
    this.#count = count;
  }

  /** 0 when its last attempt brought a channel or it had none yet, else more the later that attempt failed, compared with other routers. */
  get failedAt(): number {
    return this.#failedAt;
  }

  failed(): void {
    this.#failedAt = this.#count();
  }

  succeeded(): void {
    this.#failedAt = 0;
    this.trouble = undefined;
  }
}

/** Routers beyond this number are forgotten, those first that were not linked to for longest; a list may name new ones without end. */
const MAX_REMEMBERED = 1024;

/** The histories of routers by key. */
export class RouterHistories {
  readonly #times: BackoffTimes;
  readonly #histories = new Map<string, RouterHistory>();
  #failures = 0;

  constructor(times: BackoffTimes) {
    this.#times = times;
  }

  /** 0 for a router of which nothing is known; see `RouterHistory.failedAt`. */
  failedAt(key: string): number {
    return this.#histories.get(key)?.failedAt ?? 0;
  }

  /** For a link that begins now. */
  for(key: string): RouterHistory {
    const history = this.#histories.get(key) ?? new RouterHistory(this.#times, this.#countFailure);
    this.#histories.delete(key);
    this.#histories.set(key, history);
    const [oldest] = this.#histories.keys();
    if (this.#histories.size > MAX_REMEMBERED && oldest !== undefined) this.#histories.delete(oldest);
    return history;
  }

  readonly #countFailure = (): number => {
    this.#failures += 1;
    return this.#failures;
  };
}
