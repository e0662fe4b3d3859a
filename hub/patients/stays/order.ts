import type { Identification, Statement } from './statement.ts';

/** At one time of one patient: who leaves and comes back within a minute left first; what is said of a bed counts after what puts somebody there. */
const RANK: Readonly<Record<(Statement | Identification)['says'], number>> = {
  merge: 0,
  part: 1,
  give: 2,
  leave: 3,
  admit: 4,
  transfer: 5,
  cancel: 6,
  confirm: 7,
};

type Said = Pick<Statement | Identification, 'at' | 'key' | 'says'>;

/** The order in which things happened, whatever the order in which they were heard; total, since no two have one key. */
export function compareSaid(a: Said, b: Said): number {
  return a.at - b.at || RANK[a.says] - RANK[b.says] || (a.key < b.key ? -1 : Number(a.key > b.key));
}
