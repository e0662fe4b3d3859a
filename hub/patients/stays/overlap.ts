import type { Stay } from './stays.ts';

/**
 * Makes a stay unsure wherever one of others says that the person was in another bed: it becomes its own last piece, so that whoever goes on with it goes on with that; the
 * pieces before it are given.
 */
export function makeUnsureBeside(stay: Stay, others: readonly Stay[]): Stay[] {
  const apart = others.filter((other) => other.bed !== stay.bed && overlaps(stay, other));
  if (!stay.sure || apart.length === 0) return [];
  const edges = apart.flatMap(({ from, to }) => [from, endOf(to)]).filter((edge) => edge > stay.from && edge < endOf(stay.to));
  const starts = [...new Set([stay.from, ...edges])].sort((a, b) => a - b);
  const pieces: Stay[] = [];
  for (const [i, from] of starts.entries()) {
    const to = starts[i + 1] ?? stay.to;
    const sure = !apart.some((other) => overlaps({ from, to }, other));
    const before = pieces.at(-1);
    if (before?.sure === sure) before.to = to;
    else pieces.push({ bed: stay.bed, from, to, sure });
  }
  Object.assign(stay, pieces.pop());
  return pieces;
}

type Time = Pick<Stay, 'from' | 'to'>;

function overlaps(one: Time, other: Time): boolean {
  return Math.max(one.from, other.from) < Math.min(endOf(one.to), endOf(other.to));
}

function endOf(to: Stay['to']): number {
  return to ?? Number.POSITIVE_INFINITY;
}
