import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import type { Principal } from '../access/access.ts';
import { AccessLimit } from '../access/budgets/access-limit.ts';
import { limitsOf } from '../access/budgets/limits.ts';
import { Rates, type Spent } from '../access/budgets/rates.ts';
import type { CallContext, Door } from '../access/door.ts';
import type { Policy } from '../access/policy.ts';
import type { Fanout } from './fanout.ts';
import { countedAs } from './follow.ts';
import type { RefusalTally } from './refusal-tally.ts';
import { isObject } from './request.ts';

export interface MeteringOptions {
  door: Pick<Door, 'patientBehind' | 'deviceBehind' | 'maySeeAnyOf'>;
  refusals: Pick<RefusalTally, 'add'>;
  fanout: Pick<Fanout, 'follows'>;
  policy: () => Policy;
  clock: Clock;
  log: Logger;
  /** At most one notification of a resource in this time. */
  notifyMs: number;
}

/** How fast each caller may ask, before anything of a request is looked at. */
export class Metering {
  readonly #options: MeteringOptions;
  readonly #rates: Rates;

  constructor(options: MeteringOptions) {
    this.#options = options;
    this.#rates = new Rates(options.notifyMs);
  }

  /** Counts a request. Rejects with AccessLimit, after the evidence of it. */
  async spend(principal: Principal, body: unknown, context: CallContext): Promise<void> {
    const limits = limitsOf(this.#options.policy(), principal);
    if (limits === undefined) return;
    const account = { id: `${principal.tenant} ${principal.id}`, limits };
    try {
      if (isObject(body)) this.#rates.spend(account, this.#spentOn(principal, body), this.#options.clock.monotonicMs());
    } catch (thrown) {
      if (thrown instanceof AccessLimit) await this.#tell(principal, thrown, context);
      throw thrown;
    }
  }

  sweep(): void {
    this.#rates.sweep(this.#options.clock.monotonicMs());
  }

  #spentOn(principal: Principal, { method, params }: Record<string, unknown>): Spent {
    if (method === 'tools/call') return { as: 'call' };
    const uri = isObject(params) && typeof params.uri === 'string' ? params.uri : '';
    if (method === 'resources/read' && this.#options.fanout.follows(principal, uri)) return this.#spentAs('followed', principal, uri);
    if (method === 'resources/subscribe' || method === 'resources/unsubscribe') return this.#spentAs('subscribed', principal, uri);
    return { as: 'read' };
  }

  /**
   * What is there, and in its reach, by the name that it has for it: only so much is remembered of anybody, and what is counted otherwise
   * tells nobody who is there.
   */
  #spentAs(as: 'followed' | 'subscribed', principal: Principal, uri: string): Spent {
    const resource = countedAs(uri, principal, this.#options.door);
    return resource === undefined ? { as: 'read' } : { as, resource };
  }

  async #tell(
    { tenant, id, role, credential = { kind: 'overlay', overlay: id } }: Principal,
    { limit }: AccessLimit,
    context: CallContext,
  ): Promise<void> {
    const { refusals, log } = this.#options;
    const rows = [{ tenant, principal: id, role, credential }];
    const isFirst = await refusals.add(`limit ${tenant} ${id} ${limit}`, { rows, reason: 'limit', context, args: { limit } });
    if (isFirst) log.warn({ caller: id, limit }, 'a caller asks faster than it may');
  }
}
