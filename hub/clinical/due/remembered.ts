import type { Principal } from '../../access/access.ts';
import type { Policy } from '../../access/policy.ts';
import type { Change } from '../../feed.ts';
import type { Measured } from './state.ts';

/** What the trends of one patient said to one principal, by question. */
export type Said = Map<string, Measured | null>;

/** So many patients are remembered, of all principals; then all are asked anew. */
const MOST = 20_000;
/** Of each so many answers: those of some days. */
const MOST_OF_ONE = 64;

/**
 * What trends said, so that an unchanged patient is not looked through again. It is kept for the principal to whom it was shown, with the rights that it had, under the policy of then,
 * and until anything of the patient changes; that the patient may be seen at all is for the door to decide each time.
 */
export class Remembered {
  readonly #policy: () => Policy;
  /** By tenant and patient, then by principal. */
  readonly #patients = new Map<string, Map<string, Said>>();
  #under: Policy | undefined;
  #size = 0;

  constructor(policy: () => Policy) {
    this.#policy = policy;
  }

  /** To be read and added to. What is added after a change is lost with it, so an answer from before it does not stay. */
  of(principal: Principal, patient: string): Said {
    const policy = this.#policy();
    if (policy !== this.#under || this.#size >= MOST) {
      this.#patients.clear();
      this.#size = 0;
      this.#under = policy;
    }
    const key = keyOf(principal.tenant, patient);
    const readers = this.#patients.get(key) ?? new Map<string, Said>();
    this.#patients.set(key, readers);
    const reader = JSON.stringify(principal);
    const said: Said = readers.get(reader) ?? new Map();
    if (!readers.has(reader)) this.#size += 1;
    readers.set(reader, said);
    if (said.size >= MOST_OF_ONE) said.clear();
    return said;
  }

  forget({ tenant, patient }: Pick<Change, 'tenant' | 'patient'>): void {
    const key = keyOf(tenant, patient);
    this.#size -= this.#patients.get(key)?.size ?? 0;
    this.#patients.delete(key);
  }
}

/** A tenant's name holds no blank. */
function keyOf(tenant: string, patient: string): string {
  return `${tenant} ${patient}`;
}
