import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import { Seldom } from '../../shared/seldom.ts';
import type { Principal } from '../access/access.ts';
import { AccessLimit } from '../access/budgets/access-limit.ts';
import { limitsOf } from '../access/budgets/limits.ts';
import { Rates, type Spent } from '../access/budgets/rates.ts';
import type { CallContext, Door } from '../access/door.ts';
import type { Policy } from '../access/policy.ts';
import type { Fanout } from './fanout.ts';
import { isObject } from './request.ts';
import { parseUri } from './uris.ts';

export interface MeteringOptions {
  door: Pick<Door, 'patientBehind' | 'turnAway'>;
  fanout: Pick<Fanout, 'follows'>;
  policy: () => Policy;
  clock: Clock;
  log: Logger;
  /** At most one notification of a resource in this time. */
  notifyMs: number;
}

/** That somebody asks too fast is recorded once in this time, however often it asks. */
const ONCE_MS = 60_000;

/** How fast each caller may ask, before anything of a request is looked at. */
export class Metering {
  readonly #options: MeteringOptions;
  readonly #rates: Rates;
  readonly #told: Seldom;

  constructor(options: MeteringOptions) {
    this.#options = options;
    this.#rates = new Rates(options.notifyMs);
    this.#told = new Seldom(options.clock, ONCE_MS);
  }

  /** Counts every message of a request. Rejects with AccessLimit, after the evidence of it. */
  async spend(principal: Principal, body: unknown, context: CallContext): Promise<void> {
    const limits = limitsOf(this.#options.policy(), principal);
    if (limits === undefined) return;
    const account = { id: `${principal.tenant} ${principal.id}`, limits };
    try {
      for (const message of Array.isArray(body) ? body : [body]) {
        if (isObject(message)) this.#rates.spend(account, this.#spentOn(principal, message), this.#options.clock.monotonicMs());
      }
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
    const resource = isObject(params) && typeof params.uri === 'string' ? params.uri : '';
    if (method === 'resources/read' && this.#options.fanout.follows(principal, resource)) return { as: 'followed', resource };
    if ((method === 'resources/subscribe' || method === 'resources/unsubscribe') && this.#mayFollow(principal, resource))
      return { as: 'subscribed', resource };
    return { as: 'read' };
  }

  /**
   * What is there, and in its reach, by the name that it has for it: only so much is remembered of anybody, and what is counted otherwise
   * tells nobody who is there.
   */
  #mayFollow(principal: Principal, uri: string): boolean {
    const ref = parseUri(uri);
    if (ref?.kind !== 'latest') return ref !== undefined;
    return this.#options.door.patientBehind(principal, ref.patient) !== undefined;
  }

  async #tell(
    { tenant, id, role, credential = { kind: 'overlay', overlay: id } }: Principal,
    { limit }: AccessLimit,
    context: CallContext,
  ): Promise<void> {
    const { door, log } = this.#options;
    if (!this.#told.due(`${tenant} ${id} ${limit}`)) return;
    log.warn({ caller: id, limit }, 'a caller asks faster than it may');
    try {
      await door.turnAway([{ tenant, principal: id, role, credential }], 'limit', context);
    } catch (err) {
      log.error({ err, caller: id }, 'that a caller asks too fast could not be recorded');
    }
  }
}
