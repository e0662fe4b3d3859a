import type { Instant } from '../../../shared/clock.ts';
import type { KeptUsage, UsageSince } from '../../audit/usage.ts';
import type { Principal } from '../access.ts';
import type { Limits } from './limits.ts';
import { monthOf, take, type Usage, type Use } from './usage.ts';

/** Where usage is kept, and read again. */
interface UsageStore {
  usage(tenant: string, principal: string, since: UsageSince): Promise<KeptUsage>;
}

interface Account {
  usage: Usage;
  /** When it was read, by the clock that never jumps. */
  readMs: number;
}

/** Hubs that share a store see what the others let through at the latest after this time. */
const REREAD_MS = 5_000;

/** What each caller has used up of its days, as the store keeps it. What was let through and not committed counts until it is next read. */
export class Budgets {
  readonly #store: UsageStore;
  readonly #accounts = new Map<string, Account>();
  readonly #reading = new Map<string, Promise<Account>>();

  constructor(store: UsageStore) {
    this.#store = store;
  }

  /**
   * Takes a use out of what the principal has left, and resolves with which of the patients of others are new: they are to be counted with the
   * evidence. Rejects with AccessLimit, STORAGE-*; then nothing was taken. `patients`: how many the tenant has.
   */
  async take(
    principal: Principal,
    use: Use,
    limits: Limits,
    now: { at: Instant; atMs: number; patients: number },
  ): Promise<ReadonlySet<string>> {
    const { usage } = await this.#account(principal, now);
    return take(usage, use, limits, now);
  }

  async #account({ tenant, id }: Principal, { at, atMs }: { at: Instant; atMs: number }): Promise<Account> {
    const key = `${tenant} ${id}`;
    const known = this.#accounts.get(key);
    if (known && atMs - known.readMs < REREAD_MS) return known;
    const reading = this.#reading.get(key) ?? this.#read(key, tenant, id, { day: monthOf(at).first, at }, atMs);
    this.#reading.set(key, reading);
    return await reading;
  }

  async #read(key: string, tenant: string, id: string, since: UsageSince, atMs: number): Promise<Account> {
    try {
      const { calls, others } = await this.#store.usage(tenant, id, since);
      const account = { usage: { calls: new Map(calls), others: new Map(others) }, readMs: atMs };
      this.#accounts.set(key, account);
      return account;
    } finally {
      this.#reading.delete(key);
    }
  }
}
