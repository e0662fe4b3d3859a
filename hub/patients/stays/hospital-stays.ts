import type { Instant } from '../../../shared/clock.ts';
import type { Stay } from './stays.ts';

/** From when to when somebody was here, in whatever beds; `to` null while they are. */
export interface HospitalStay {
  from: Instant;
  to: Instant | null;
}

/**
 * The stays of a person in one bed after the other, put together: a discharge ends one, and nothing else does, so that whoever is in no bed for some hours, as in an operating
 * room, is still here. In order. Pure.
 */
export function hospitalStaysOf(stays: readonly Stay[]): HospitalStay[] {
  const found: (HospitalStay & { isOver: boolean })[] = [];
  for (const { from, to, left = false } of [...stays].sort((a, b) => a.from - b.from)) {
    const last = found.at(-1);
    if (!last || (last.isOver && last.to !== null && last.to <= from)) {
      found.push({ from, to, isOver: left });
      continue;
    }
    const end = last.to === null || to === null ? null : Math.max(last.to, to);
    if (end === to) last.isOver = left;
    last.to = end;
  }
  return found.map(({ from, to }) => ({ from, to }));
}
