import type { AssignedId } from '../../../shared/movement.ts';
import { type RecordKey, recordKey } from '../stays/statement.ts';
import type { Stating } from './changes.ts';
import type { Stated } from './course.ts';

/** The public ids of everybody of a tenant who was ever heard of, by the numbers that the hospital gave. */
export class People {
  readonly #ids = new Map<RecordKey, string>();
  readonly #numbers = new Map<string, { record: RecordKey; authority: string }>();
  readonly #byAuthority = new Map<string, Set<string>>();

  add(number: AssignedId, id: string): void {
    const record = recordKey(number);
    const { authority } = number;
    this.#ids.set(record, id);
    this.#numbers.set(id, { record, authority });
    if (authority === '') return;
    const of = this.#byAuthority.get(authority) ?? new Set();
    this.#byAuthority.set(authority, of.add(id));
  }

  /** Public id of a number; undefined for one that was never heard of. */
  idOf(record: RecordKey): string | undefined {
    return this.#ids.get(record);
  }

  recordOf(id: string): RecordKey | undefined {
    return this.#numbers.get(id)?.record;
  }

  /** By whom the number behind a public id was assigned; undefined for somebody who was never heard of. */
  stated(id: string): Stated | undefined {
    const number = this.#numbers.get(id);
    return number && { id, authority: number.authority };
  }

  /** Everybody whom a row may name. */
  get stating(): Stating {
    return this.#byAuthority;
  }
}
