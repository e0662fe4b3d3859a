import type { Instant } from '../../../shared/clock.ts';
import type { RecordKey } from './statement.ts';

/** That two numbers were known to be one person's from a time on, who goes by `into`: until then each led a life of its own. */
export interface Join {
  at: Instant;
  from: RecordKey;
  into: RecordKey;
}

/** Two lives that became one. */
export interface JoinedLives {
  gone: RecordKey;
  into: RecordKey;
}

/** Whose life something was said of, while what was said of one person is gone through in order: the number by which its life goes at that time. */
export class Lives {
  readonly #joins: readonly Join[];
  readonly #into = new Map<RecordKey, RecordKey>();
  #next = 0;

  /** `joins` in order. */
  constructor(joins: readonly Join[]) {
    this.#joins = joins;
  }

  /** Goes on to a time; gives what became one up to then, each once. To be gone through to its end. */
  *upTo(at: Instant): Generator<JoinedLives> {
    for (let join = this.#joins[this.#next]; join !== undefined && join.at <= at; join = this.#joins[this.#next]) {
      this.#next += 1;
      const [gone, into] = [this.of(join.from), this.of(join.into)];
      if (gone === into) continue;
      this.#into.set(gone, into);
      yield { gone, into };
    }
  }

  of(record: RecordKey): RecordKey {
    let at = record;
    for (let next = this.#into.get(at); next !== undefined; next = this.#into.get(at)) at = next;
    return at;
  }
}

/** Whether two numbers led one life at a time, given all that became one ever. Pure. */
export function isOneLife(joins: readonly Join[], one: RecordKey, other: RecordKey, at: Instant): boolean {
  if (one === other) return true;
  const lives = new Lives(joins);
  for (const _ of lives.upTo(at));
  return lives.of(one) === lives.of(other);
}
