import type { Instant } from '../../shared/clock.ts';

/** Kinds of decision (`AmendKind`) by which a person says whose a reading is, as readers of what is current are told of them. */
export const BY_HAND = { reassign: 'reassigned', confirm: 'confirmed' } as const;

/** That, and since when, a person has said so; not who that was. */
export interface ByHand {
  kind: (typeof BY_HAND)[keyof typeof BY_HAND];
  at: Instant;
}

/** The newest decision by which a row is whose it is, as it is kept. */
export interface ByHandRow {
  kind: keyof typeof BY_HAND;
  at: Instant;
}

/** Pure. */
export function byHandOf({ kind, at }: ByHandRow): ByHand {
  return { kind: BY_HAND[kind], at };
}
