import { ROW_CLASSES, type RowClass } from '../../shared/reading.ts';
import type { Amount } from './room.ts';
import { CLASS_NUMBERS } from './schema.ts';

/** Rows and bytes by class, as numbers that change with each commit. */
export class Amounts {
  readonly #byNumber = new Map<number, Amount>();
  #rows = 0;
  #bytes = 0;

  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** `class` is a number of the schema. */
  add(classNumber: number, bytes: number, rows = 1): void {
    const amount = this.#byNumber.get(classNumber);
    if (amount) {
      amount.rows += rows;
      amount.bytes += bytes;
    } else this.#byNumber.set(classNumber, { rows, bytes });
    this.#rows += rows;
    this.#bytes += bytes;
  }

  plus(other: Amounts): void {
    for (const [number, { rows, bytes }] of other.#byNumber) this.add(number, bytes, rows);
  }

  minus(other: Amounts): void {
    for (const [number, { rows, bytes }] of other.#byNumber) this.add(number, -bytes, -rows);
  }

  /** Classes of which there are rows, by number. */
  byNumber(): Map<number, Amount> {
    return new Map([...this.#byNumber].filter(([, { rows }]) => rows > 0).map(([number, amount]) => [number, { ...amount }]));
  }

  /** Classes of which there are rows, by name. */
  byClass(): Partial<Record<RowClass, Amount>> {
    const named: Partial<Record<RowClass, Amount>> = {};
    for (const name of ROW_CLASSES) {
      const amount = this.#byNumber.get(CLASS_NUMBERS[name]);
      if (amount && amount.rows > 0) named[name] = { ...amount };
    }
    return named;
  }
}
