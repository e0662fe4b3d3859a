/** Bits of the column `amended` of a row: what people decided about it. */
export const VOID = 1;
export const CONFIRMED = 2;

export function isVoid(amended: number): boolean {
  return (amended & VOID) !== 0;
}
