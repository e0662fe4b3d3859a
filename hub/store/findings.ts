import type { VerifyFinding } from './verdict.ts';

/** Collects disagreements: each code with how many rows it concerns, and where the first is. */
export class Findings {
  readonly #found = new Map<VerifyFinding['code'], { rows: number; detail: string }>();

  add(code: VerifyFinding['code'], detail: string): void {
    const found = this.#found.get(code);
    if (found) found.rows += 1;
    else this.#found.set(code, { rows: 1, detail });
  }

  /** In order of code. */
  list(): VerifyFinding[] {
    return [...this.#found].map(([code, found]) => ({ code, ...found })).sort((a, b) => (a.code < b.code ? -1 : 1));
  }
}
