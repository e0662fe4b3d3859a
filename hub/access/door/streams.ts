import type { Change } from '../../feed.ts';
import type { Store } from '../../store/store.ts';
import type { Principal } from '../access.ts';
import { decide } from '../decide.ts';
import type { CallContext, Ended } from '../door.ts';
import { granted } from '../evidence-of-call.ts';
import type { MaskProfile } from '../masking/contract.ts';
import { isPseudonym } from '../masking/pseudonyms.ts';
import { behind, meant } from '../meant.ts';
import type { Whereabouts } from '../resource.ts';
import type { Calls } from './calls.ts';

/** Streams of changes: their beginning and end, and what is asked at each delivery. */
export class Streams {
  readonly #calls: Calls;
  readonly #store: Pick<Store, 'record'>;

  constructor({ calls, store }: { calls: Calls; store: Pick<Store, 'record'> }) {
    this.#calls = calls;
    this.#store = store;
  }

  async openSubscription(principal: Principal, names: readonly string[], context: CallContext): Promise<void> {
    const call = this.#calls.begin(principal, 'vitals.subscribe', context);
    if (names.length === 0) await this.#calls.require(call);
    const patients: string[] = [];
    for (const name of names) patients.push((await this.#calls.about(call, name)).patient);
    const counted = await this.#calls.spend(call, patients);
    await this.#store.record(streamOf(patients).map((patient) => ({ ...granted(call, patient, 0), ...counted(patient) })));
  }

  async closeSubscription(principal: Principal, ended: readonly Ended[], context: CallContext): Promise<void> {
    const call = this.#calls.begin(principal, 'vitals.subscribe', context);
    await this.#store.record(
      ended.map(({ patient, delivered }) => ({ ...granted(call, this.#opened(principal, patient), delivered), reason: 'closed' })),
    );
  }

  maySee(principal: Principal, { tenant, patient }: Pick<Change, 'tenant' | 'patient'>, place?: Whereabouts): boolean {
    return decide(principal, 'vitals.subscribe', this.#calls.resource(tenant, patient, place), this.#calls.now()).allow;
  }

  patientBehind(principal: Principal, name: string): string | undefined {
    const { decision, patient } = meant({ principal, action: 'vitals.subscribe' }, name, this.#calls.now(), this.#calls.naming);
    return decision.allow ? patient : undefined;
  }

  maskOf(principal: Principal): MaskProfile {
    return decide(principal, 'vitals.subscribe', this.#calls.resource(principal.tenant), this.#calls.now()).obligations.mask;
  }

  /** The patient of a subscription that was opened by this name, for its end: also where the right to it, or the patient's place, is gone. */
  #opened(principal: Principal, name: string | null): string | null {
    return name !== null && isPseudonym(name) ? (behind(principal, name, this.#calls.naming)?.patient ?? null) : name;
  }
}

/** The patients of a stream; one of none is over the list of patients. */
function streamOf(patients: readonly (string | null)[]): readonly (string | null)[] {
  return patients.length === 0 ? [null] : patients;
}
