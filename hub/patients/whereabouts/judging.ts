import type { Instant } from '../../../shared/clock.ts';
import type { UnknownStretch } from '../../registry/bindings.ts';
import type { SaidByMovement } from '../said.ts';
import type { Missing } from './course.ts';
import { type Heard, type Losses, lostSpan, toldAgainUntil } from './lost.ts';
import { missingBySilence, type SilentSince } from './silence.ts';

/** What is known of when movements may be missing. */
export interface JudgedBy {
  since: SilentSince;
  losses: Losses;
  heard: Heard;
}

/** When movements may be missing, by what is known at one moment: because they are silent, or because the store that held them was put back. */
export class Judging {
  readonly #by: JudgedBy;
  readonly #bySilence: Missing;
  readonly #toldAgain = new Map<UnknownStretch, Instant>();

  constructor(by: JudgedBy) {
    this.#by = by;
    this.#bySilence = missingBySilence(by.since);
  }

  /** Of who lies in a bed. */
  missingIn(bed: string): Missing {
    // Asked for every row.
    if (this.#by.losses.all.length === 0) return this.#bySilence;
    const byLoss = this.byLossIn(bed);
    return (who) => [...this.#bySilence(who), ...byLoss(who)];
  }

  /** Only what was lost. */
  byLossIn(bed: string): Missing {
    const lost = this.#by.losses.of(bed);
    return (who) => lost.flatMap((stretch) => lostSpan(stretch, this.toldAgainUntil(stretch), who) ?? []);
  }

  /** Since when movements are missing that were not told again; infinite where none are. */
  lostSince(): Instant {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#by.losses.all.map((stretch) => this.toldAgainUntil(stretch)));
  }

  /** Whether every bed in which nothing changed is judged alike by both. */
  isSame(other: Judging): boolean {
    const [a, b] = [this.#by, other.#by];
    if (a.since(Number.NEGATIVE_INFINITY) !== b.since(Number.NEGATIVE_INFINITY)) return false;
    if (a.losses !== b.losses && a.losses.all.length + b.losses.all.length > 0) return false;
    return a.losses.all.every((stretch) => this.toldAgainUntil(stretch) === other.toldAgainUntil(stretch));
  }

  /** Until when all movements of a stretch were told again; infinite where none are missing. */
  toldAgainUntil(stretch: UnknownStretch): Instant {
    const known = this.#toldAgain.get(stretch) ?? toldAgainUntil(stretch, this.#by.losses.tellers, this.#by.heard);
    this.#toldAgain.set(stretch, known);
    return known;
  }
}

/** When gateways heard what they told, by the numbers of their rows. */
export class HeardRows implements Heard {
  readonly #rows = new Map<string, Map<number, Instant>>();

  add({ gateway, row, heard }: Pick<SaidByMovement, 'gateway' | 'row' | 'heard'>): void {
    const rows = this.#rows.get(gateway) ?? new Map<number, Instant>();
    this.#rows.set(gateway, rows.set(row, heard));
  }

  rowsOf(gateway: string): Iterable<readonly [number, Instant]> {
    return this.#rows.get(gateway) ?? [];
  }

  heardAt(gateway: string, row: number): Instant | undefined {
    return this.#rows.get(gateway)?.get(row);
  }

  /** With these, which are not known yet. */
  with(said: readonly SaidByMovement[]): Heard {
    const news = new HeardRows();
    for (const one of said) news.add(one);
    const known = this;
    return {
      *rowsOf(gateway) {
        yield* known.rowsOf(gateway);
        yield* news.rowsOf(gateway);
      },
      heardAt: (gateway, row) => news.heardAt(gateway, row) ?? known.heardAt(gateway, row),
    };
  }
}
