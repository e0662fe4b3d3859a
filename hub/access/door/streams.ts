import { panelOfPart } from '../../../shared/vitals.ts';
import { type Group, isIn } from '../../clinical/group.ts';
import type { Change } from '../../feed.ts';
import type { Store } from '../../store/store.ts';
import type { Principal } from '../access.ts';
import { decide, inScope } from '../decide.ts';
import type { CallContext, Door, Ended, SubscribedBeside } from '../door.ts';
import { granted, type Shown } from '../evidence-of-call.ts';
import type { MaskProfile } from '../masking/contract.ts';
import { isPseudonym } from '../masking/pseudonyms.ts';
import { behind, meant } from '../meant.ts';
import type { Whereabouts } from '../resource.ts';
import type { Calls } from './calls.ts';

/** Streams of changes: their beginning and end, and what is asked at each delivery. */
export class Streams {
  readonly #calls: Calls;
  readonly #store: Pick<Store, 'record'>;
  readonly #devices: Pick<Door, 'deviceBehind'>;

  constructor({ calls, store, devices }: { calls: Calls; store: Pick<Store, 'record'>; devices: Pick<Door, 'deviceBehind'> }) {
    this.#calls = calls;
    this.#store = store;
    this.#devices = devices;
  }

  async openSubscription(
    principal: Principal,
    names: readonly string[],
    context: CallContext,
    { groups = [], devices = [], vitals = [] }: SubscribedBeside = {},
  ): Promise<void> {
    const call = this.#calls.begin(principal, 'vitals.subscribe', context);
    if (names.length === 0) await this.#calls.require(call);
    // Nothing would ever be told of it, and that would pass for calm.
    if (!vitals.every((key) => inScope(principal, 'vitals.subscribe', panelOfPart(key)?.key ?? key)))
      await this.#calls.refuse(call, 'scope', null);
    for (const group of groups) if (!this.maySeeAnyOf(principal, group)) await this.#calls.refuse(call, 'unknown', null);
    const ids: string[] = [];
    for (const name of devices) ids.push(this.#devices.deviceBehind(principal, name) ?? (await this.#calls.refuse(call, 'unknown', null)));
    const patients: string[] = [];
    for (const name of names) patients.push((await this.#calls.about(call, name)).patient);
    const counted = await this.#calls.spend(call, patients);
    const opened = [
      ...patients.map((patient) => ({ ...granted(call, patient, 0), ...counted(patient) })),
      ...groups.map((group) => ({ ...granted(call, null, 0, { args: { ...group } }), ...counted() })),
      ...ids.map((device) => ({ ...granted(call, null, 0, { args: { device } }), ...counted() })),
    ];
    await this.#store.record(opened.length > 0 ? opened : [{ ...granted(call, null, 0), ...counted() }]);
  }

  async closeSubscription(principal: Principal, ended: readonly Ended[], context: CallContext): Promise<void> {
    const call = this.#calls.begin(principal, 'vitals.subscribe', context);
    await this.#store.record(
      ended.map(({ patient, group, device, delivered }) => ({
        ...granted(call, this.#opened(principal, patient), delivered, this.#closed(principal, group, device)),
        reason: 'closed',
      })),
    );
  }

  maySee(principal: Principal, { tenant, patient }: Pick<Change, 'tenant' | 'patient'>, place?: Whereabouts): boolean {
    return decide(principal, 'vitals.subscribe', this.#calls.resource(tenant, patient, place), this.#calls.now()).allow;
  }

  groupsOf(tenant: string, patient: string): NonNullable<Change['was']> {
    const { ward, panels, possible } = this.#calls.naming.registry.patient(tenant, patient) ?? {};
    return { ...(ward !== undefined && { ward }), ...(panels && { panels }), ...(possible && possible.length > 0 && { possible }) };
  }

  maySeeAnyOf(principal: Principal, group: Group): boolean {
    if ('ward' in group && this.placeNotKnown(principal, group.ward) > 0) return true;
    const now = this.#calls.now();
    return this.#calls.naming.registry.patients(principal.tenant).some((place) => {
      if (!isIn(group, place)) return false;
      const { allow, obligations } = decide(
        principal,
        'vitals.subscribe',
        this.#calls.resource(principal.tenant, place.patient, place),
        now,
      );
      return allow && obligations.mask === 'none';
    });
  }

  placeNotKnown(principal: Principal, ward?: string): number {
    const { tenant } = principal;
    const action = ward === undefined ? 'patients.list' : 'vitals.read';
    const now = this.#calls.now();
    let count = 0;
    for (const place of this.#calls.naming.registry.patients(tenant)) {
      const { patient, unplaced, possible = [] } = place;
      if (!unplaced || decide(principal, action, this.#calls.resource(tenant, patient, place), now).allow) continue;
      const mayLieInReach = possible.some(({ ward: one }) => {
        if (one === undefined || (ward !== undefined && one !== ward)) return false;
        const { allow, obligations } = decide(principal, action, this.#calls.resource(tenant, patient, { ward: one }), now);
        return allow && obligations.mask === 'none';
      });
      if (mayLieInReach) count += 1;
    }
    return count;
  }

  patientBehind(principal: Principal, name: string): string | undefined {
    const { decision, patient } = meant({ principal, action: 'vitals.subscribe' }, name, this.#calls.now(), this.#calls.naming);
    return decision.allow ? patient : undefined;
  }

  maskOf(principal: Principal): MaskProfile {
    return decide(principal, 'vitals.subscribe', this.#calls.resource(principal.tenant), this.#calls.now()).obligations.mask;
  }

  /** What the evidence has of the end of what was no patient's. A device that nobody has any more is not named: nothing else that a caller sends gets into it. */
  #closed(principal: Principal, group: Group | undefined, device: string | undefined): Shown | undefined {
    if (group !== undefined) return { args: { ...group } };
    return device === undefined ? undefined : { args: { device: this.#devices.deviceBehind(principal, device) ?? null } };
  }

  /** The patient of a subscription that was opened by this name, for its end: also where the right to it, or the patient's place, is gone. */
  #opened(principal: Principal, name: string | null): string | null {
    return name !== null && isPseudonym(name) ? (behind(principal, name, this.#calls.naming)?.patient ?? null) : name;
  }
}
