import type { Clock } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Store } from '../../store/store.ts';
import type { Principal } from '../access.ts';
import type { Entrance } from '../barred.ts';
import { decide } from '../decide.ts';
import type { CallContext } from '../door.ts';
import { type Call, granted, refused, type Shown } from '../evidence-of-call.ts';
import type { Policy } from '../policy.ts';
import { type ExplainAsked, type Explanation, explain, type Grounds, type Rights, rightsOf } from './explain.ts';

export interface ExplainerOptions {
  store: Pick<Store, 'record'>;
  registry: Registry;
  policy: () => Policy;
  entrance: Entrance;
  clock: Clock;
}

/** Explains decisions to whoever may know them; that is decided, and recorded before it is told, like any read. */
export interface Explainer {
  /** Throws ACCESS-DENIED, ACCESS-NOT-LISTED, STORAGE-*. */
  explain(caller: Principal, asked: ExplainAsked, context: CallContext): Promise<Explanation>;
  /** Throws ACCESS-DENIED, STORAGE-*. */
  list(caller: Principal, context: CallContext): Promise<Rights[]>;
}

export function createExplainer({ store, registry, policy, entrance, clock }: ExplainerOptions): Explainer {
  async function told<T>(
    caller: Principal,
    context: CallContext,
    what: (grounds: Grounds) => { view: T; patient: string | null; shown: Shown },
  ): Promise<T> {
    const at = clock.now();
    const grounds: Grounds = { registry, policy: policy(), at, entrance };
    const call: Call = {
      principal: caller,
      action: 'access.explain',
      context,
      policy: grounds.policy,
      at,
      startedMs: clock.monotonicMs(),
      clock,
    };
    const { allow, reason, obligations } = decide(caller, call.action, { tenant: caller.tenant }, grounds);
    if (!allow) {
      await store.record([refused(call, null, reason)]);
      throw new VitalmeshError('ACCESS-DENIED');
    }
    call.obligations = obligations;
    const { view, patient, shown } = what(grounds);
    await store.record([granted(call, patient, 1, { ...shown, view })]);
    return view;
  }
  return {
    explain: (caller, asked, context) =>
      told(caller, context, (grounds) => {
        const view = explain(asked, caller.tenant, grounds);
        const { as, action, allow, reason } = view;
        return { view, patient: view.patient, shown: { args: { as, action, allow, reason } } };
      }),
    list: (caller, context) => told(caller, context, (grounds) => ({ view: rightsOf(caller.tenant, grounds), patient: null, shown: {} })),
  };
}
