/** Of a set of keys: how many, and a sum that no other set of as many is likely to have. */
export interface Tally {
  rows: number;
  sum: number;
}

/** A tally with one key more; the order in which keys come makes no difference. */
export function added({ rows, sum }: Tally, seq: number, part: number): Tally {
  const mixed = (Math.imul(seq | 0, 0x9e3779b1) ^ Math.imul(part + 1, 0x85ebca6b) ^ Math.floor(seq / 2 ** 32)) >>> 0;
  return { rows: rows + 1, sum: (sum + mixed * (mixed % 1021)) % 2 ** 52 };
}

/** The id of a resource; undefined where there is none. */
export function idOf(text: string): unknown {
  try {
    return (JSON.parse(text) as { id?: unknown }).id;
  } catch {
    return undefined;
  }
}
