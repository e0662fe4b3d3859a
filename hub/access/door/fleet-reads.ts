import type { Clock } from '../../../shared/clock.ts';
import type { FleetNow } from '../../clinical/sources/fleet.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Store } from '../../store/store.ts';
import type { Action, Principal } from '../access.ts';
import { decide } from '../decide.ts';
import type { CallContext } from '../door.ts';
import { type Call, granted } from '../evidence-of-call.ts';
import { type FleetView, fleetView, type HealthView, healthView } from '../fleet-views.ts';
import type { Masking, Maskings } from '../masking/contract.ts';
import { isPseudonym } from '../masking/pseudonyms.ts';
import type { Calls } from './calls.ts';

export interface FleetReadsOptions {
  calls: Calls;
  store: Pick<Store, 'record'>;
  registry: Registry;
  maskings: Maskings;
  clock: Clock;
  zone: string;
  fleet: FleetNow;
}

/** What is connected and what is not, without patients. */
export class FleetReads {
  readonly #options: FleetReadsOptions;

  constructor(options: FleetReadsOptions) {
    this.#options = options;
  }

  async health(principal: Principal, context: CallContext): Promise<HealthView> {
    const call = this.#options.calls.begin(principal, 'session.open', context);
    const { masking } = await this.#options.calls.require(call);
    return await this.#shown(call, 'health', dated(healthView(...this.#known(principal.tenant)), masking));
  }

  async fleet(principal: Principal, context: CallContext): Promise<FleetView> {
    const call = this.#options.calls.begin(principal, 'status.read', context);
    const { masking } = await this.#options.calls.require(call);
    const view = fleetView(...this.#known(principal.tenant));
    // Whoever is masked knows a device by another name for each patient, and no gateway at all.
    const masked =
      masking.profile === 'none' ? view : { ...view, sources: view.sources.map((source) => ({ ...source, id: null, since: null })) };
    return await this.#shown(call, 'fleet', dated(masked, masking));
  }

  devicePatients(principal: Principal, device: string): string[] {
    return this.#meant(principal, 'vitals.read', device).map(({ name }) => name);
  }

  deviceBehind(principal: Principal, device: string): string | undefined {
    return this.#meant(principal, 'vitals.subscribe', device)[0]?.id;
  }

  devicesOf(tenant: string, whose: string): string[] {
    const { clock, fleet } = this.#options;
    return fleet(tenant, clock.now()).devices.flatMap(({ id, patient }) => (patient === whose ? [id] : []));
  }

  maySeeDevice(principal: Principal, { tenant, patient }: { tenant: string; patient: string }, { id, name }: { id: string; name: string }) {
    if (tenant !== principal.tenant) return false;
    return this.#named(principal, 'vitals.subscribe', { id, patient })?.device === name;
  }

  /** Devices that somebody means by a name, each with a patient whom they may see, under the name that they have for that one. */
  #meant(principal: Principal, action: Action, device: string): { id: string; name: string }[] {
    const { clock, fleet } = this.#options;
    const { devices } = fleet(principal.tenant, clock.now());
    const masked = isPseudonym(device);
    return devices.flatMap(({ id, patient }) => {
      // A pseudonym says nothing of what it stands for.
      const known = masked || id === device ? this.#named(principal, action, { id, patient }) : undefined;
      return known?.device === device ? [{ id, name: known.patient }] : [];
    });
  }

  /** Under which names somebody knows a device and its patient, where they may see that one. */
  #named(
    principal: Principal,
    action: Action,
    { id, patient }: { id: string; patient: string },
  ): { device: string; patient: string } | undefined {
    const { calls, maskings } = this.#options;
    const { allow, obligations } = decide(principal, action, calls.resource(principal.tenant, patient), calls.now());
    if (!allow) return undefined;
    const masking = maskings.of(principal, obligations.mask);
    return { device: masking.device(patient, id), patient: masking.patient(patient) };
  }

  #known(tenant: string): Parameters<typeof fleetView> {
    const { clock, zone, fleet, registry } = this.#options;
    const now = clock.now();
    return [fleet(tenant, now), { now, zone, sandbox: registry.isSandbox(tenant) }];
  }

  async #shown<View>(call: Call, what: string, view: View): Promise<View> {
    const counted = await this.#options.calls.spend(call, []);
    await this.#options.store.record([{ ...granted(call, null, 1, { view, args: { what } }), ...counted() }]);
    return view;
  }
}

/** To whoever is deidentified nothing says which day it is really, and to nobody who is masked where. */
function dated<View extends HealthView>(view: View, { profile }: Pick<Masking, 'profile'>): View {
  if (profile === 'none') return view;
  const { zone: _, ...rest } = view;
  return (profile === 'deidentified' ? { ...rest, asOf: view.asOf.slice(0, 4) } : rest) as View;
}
