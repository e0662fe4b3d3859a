import type { Clock } from '../../../shared/clock.ts';
import { type ErrorCode, VitalmeshError } from '../../../shared/errors.ts';
import { pause } from '../../../shared/lifecycle.ts';
import type { Metrics } from '../../../shared/metrics.ts';
import { isMistyped } from '../../patients/public-id.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Store } from '../../store/store.ts';
import type { AccessContext, AccessResource, Action, Decision, Principal } from '../access.ts';
import { AccessLimit } from '../budgets/access-limit.ts';
import { Budgets } from '../budgets/budgets.ts';
import { type Counted, spend } from '../budgets/spending.ts';
import { inScope } from '../decide.ts';
import type { CallContext } from '../door.ts';
import { type Call, refused } from '../evidence-of-call.ts';
import type { Masking, Maskings } from '../masking/contract.ts';
import { type Meant, meant, type Naming, type Place } from '../meant.ts';
import type { Policy } from '../policy.ts';
import { resourceOf, type Whereabouts } from '../resource.ts';

export interface CallsOptions {
  store: Store;
  registry: Registry;
  metrics: Metrics;
  policy: () => Policy;
  maskings: Maskings;
  clock: Clock;
  /** How the answer that there is nobody waits; `pause` unless given. */
  wait?: (ms: number) => Promise<unknown>;
}

const CODES: Partial<Record<string, ErrorCode>> = { expired: 'ACCESS-EXPIRED', scope: 'ACCESS-SCOPE' };

/**
 * That somebody is not there, or out of reach, is answered at the next multiple of this after the call. The evidence of the one is more work than that of the other,
 * since it is sealed for that patient, and how long it took would else tell who is a patient here.
 */
const HIDDEN_EVERY_MS = 10;

/** What every call at the door goes through: its frame, whom it means, the decision, its caller's limits, and the evidence of a refusal. */
export class Calls {
  readonly #options: CallsOptions;
  readonly #budgets: Budgets;

  constructor(options: CallsOptions) {
    this.#options = options;
    this.#budgets = new Budgets(options.store);
  }

  begin(principal: Principal, action: Action, context: CallContext): Call {
    const { clock } = this.#options;
    const { at, policy } = this.now();
    return { principal, action, context, policy, at, startedMs: clock.monotonicMs(), clock };
  }

  now(): AccessContext {
    return { at: this.#options.clock.now(), policy: this.#options.policy() };
  }

  resource(tenant: string, patient?: string, place?: Whereabouts): AccessResource {
    return resourceOf(this.#options.registry, tenant, patient, place);
  }

  get naming(): Naming {
    const { registry, maskings } = this.#options;
    return { registry, maskings };
  }

  meant(call: Call, name?: string): Meant {
    return meant(call, name, call, this.naming);
  }

  /** Returns when the call is allowed; else records the refusal and throws. A patient of the registry that is not the tenant's is as unknown as any. */
  async require(call: Call, name?: string): Promise<Meant> {
    const found = this.meant(call, name);
    const { decision, patient } = found;
    if (!decision.allow) await this.refuse(call, decision.reason, patient ?? null, name);
    if (name !== undefined && patient === undefined) await this.refuse(call, 'unknown', this.known(call.principal, name), name);
    call.obligations = decision.obligations;
    return found;
  }

  /** The patient whom the caller means by a name, where it is and how it is shown, once the call is allowed; for the one vital sign that it is about, if any. */
  async about(call: Call, name: string, key?: string): Promise<{ patient: string; place: Place; masking: Masking }> {
    const { patient, place, masking } = await this.require(call, name);
    if (patient === undefined || place === undefined) throw new VitalmeshError('NOT-FOUND');
    if (key !== undefined && !inScope(call.principal, call.action, key)) await this.refuse(call, 'scope', patient);
    return { patient, place, masking };
  }

  /** Takes the call out of what its caller has left; else records the refusal and throws ACCESS-LIMIT. */
  async spend(call: Call, patients: readonly string[], listed: readonly string[] = []): Promise<Counted> {
    try {
      return await spend(call, { patients, listed }, { budgets: this.#budgets, registry: this.#options.registry });
    } catch (thrown) {
      if (!(thrown instanceof AccessLimit)) throw thrown;
      this.#options.metrics.count('access_limited', thrown.limit);
      const [only = null, ...more] = patients;
      await this.#options.store.record([refused(call, more.length === 0 ? only : null, 'limit')]);
      throw thrown;
    }
  }

  /** Records that a call is refused, and throws what its caller is told: of the patient's `name`, too, if that is no id at all and only looks like one. */
  async refuse(call: Call, reason: Decision['reason'] | 'unknown', patient: string | null, name?: string): Promise<never> {
    this.#options.metrics.count('access_denied', reason);
    await this.#options.store.record([refused(call, patient, reason)]);
    if (reason === 'patient' || reason === 'unknown') {
      await this.#hide(call);
      throw new VitalmeshError(name !== undefined && isMistyped(name) ? 'PATIENT-MISTYPED' : 'NOT-FOUND');
    }
    throw new VitalmeshError(CODES[reason] ?? 'ACCESS-DENIED');
  }

  /** The patient's id if it is one of the caller's tenant: nothing else that a caller sends gets into the evidence. */
  known(principal: Principal, patient: string | undefined): string | null {
    return patient === undefined ? null : (this.#options.registry.patient(principal.tenant, patient)?.patient ?? null);
  }

  async #hide({ startedMs, clock }: Call): Promise<void> {
    const { wait = pause } = this.#options;
    const spentMs = clock.monotonicMs() - startedMs;
    await wait(HIDDEN_EVERY_MS - (spentMs % HIDDEN_EVERY_MS));
  }
}
