import type { Identification, Statement } from './statement.ts';

type Said = Pick<Statement | Identification, 'at' | 'heard' | 'key'>;

/**
 * The order in which things happened. Times of movements are often whole minutes: of what happened at one time, what was said later counts, by when its gateway
 * heard it and by the number that it has there. Total, since no two have one key, and the same whatever the order in which the hub heard them.
 */
export function compareSaid(a: Said, b: Said): number {
  return a.at - b.at || a.heard - b.heard || (a.key < b.key ? -1 : Number(a.key > b.key));
}
