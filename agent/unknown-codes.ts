import type { Rejected } from './decoding.ts';

export interface UnknownCode {
  code: string;
  count: number;
}

/** So many different ones are told apart; a sender that makes up codes fills no memory. */
const MAX_CODES = 100;
const OTHERS = '(others)';

/** How often each code came that is not in the table: what the dictionary of a site lacks. */
export class UnknownCodes {
  readonly #counts = new Map<string, number>();

  count(parts: readonly Rejected[]): void {
    for (const { unknown } of parts) {
      if (unknown === undefined) continue;
      const code = this.#counts.has(unknown) || this.#counts.size < MAX_CODES ? unknown : OTHERS;
      this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
    }
  }

  /** The most frequent first. */
  get counts(): UnknownCode[] {
    const counts = Array.from(this.#counts, ([code, count]) => ({ code, count }));
    return counts.sort((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1));
  }
}
