import type { AssignedId } from '../../../shared/movement.ts';
import { type RecordKey, recordKey, recordOf } from '../stays/statement.ts';
import type { Stated } from './course.ts';

/** The public ids of everybody of a tenant who was ever heard of, by the numbers that the hospital gave. */
export class People {
  /** By who assigned the number, by number; asked for every row that names somebody. */
  readonly #ids = new Map<string, Map<string, string>>();
  readonly #numbers = new Map<string, AssignedId>();

  add({ authority, value }: AssignedId, id: string): void {
    const ids = this.#ids.get(authority) ?? new Map<string, string>();
    this.#ids.set(authority, ids.set(value, id));
    this.#numbers.set(id, { authority, value });
  }

  /** Public id of a number; undefined for one that was never heard of. */
  idOf({ authority, value }: AssignedId): string | undefined {
    return this.#ids.get(authority)?.get(value);
  }

  /** The same by the key of the number. */
  idOfRecord(record: RecordKey): string | undefined {
    return this.idOf(recordOf(record));
  }

  /** True for the public id of somebody who was heard of. */
  has(id: string): boolean {
    return this.#numbers.has(id);
  }

  /** Their public ids. */
  ids(): MapIterator<string> {
    return this.#numbers.keys();
  }

  recordOf(id: string): RecordKey | undefined {
    const number = this.#numbers.get(id);
    return number && recordKey(number);
  }

  /** By whom the number behind a public id was assigned; undefined for somebody who was never heard of. */
  stated(id: string): Stated | undefined {
    const number = this.#numbers.get(id);
    return number && { id, authority: number.authority };
  }
}
