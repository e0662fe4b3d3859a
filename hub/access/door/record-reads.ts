import type { Clock } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Observation } from '../../../shared/fhir.ts';
import { readGap } from '../../../shared/gap-observation.ts';
import type { Surroundings } from '../../clinical/surroundings.ts';
import type { Registry } from '../../registry/registry.ts';
import type { HistoryQuery, Store, StoredEvent } from '../../store/store.ts';
import type { Principal } from '../access.ts';
import { inScope, withheldFrom } from '../decide.ts';
import type { CallContext } from '../door.ts';
import { type Call, granted } from '../evidence-of-call.ts';
import { type GapsView, gapsView } from '../gap-views.ts';
import type { Masked, Maskings } from '../masking/contract.ts';
import { isPseudonym } from '../masking/pseudonyms.ts';
import type { Calls } from './calls.ts';

export interface RecordReadsOptions {
  calls: Calls;
  store: Store;
  registry: Registry;
  maskings: Maskings;
  clock: Clock;
  zone: string;
  surroundings: Pick<Surroundings, 'zone'>;
}

/** How far back gaps are looked for. */
const LOOK_BACK_MS = 30 * 86_400_000;
const PROFILES: readonly Masked[] = ['limited', 'deidentified'];
/** The name of nobody. */
const NOBODY = '';

/** Single records of a patient: an observation by its id, and what will never arrive. */
export class RecordReads {
  readonly #options: RecordReadsOptions;

  constructor(options: RecordReadsOptions) {
    this.#options = options;
  }

  async gaps(principal: Principal, name: string, context: CallContext): Promise<GapsView> {
    const { calls, store, registry, clock, surroundings } = this.#options;
    const call = calls.begin(principal, 'vitals.read', context);
    const { patient, place, masking } = await calls.about(call, name);
    const counted = await calls.spend(call, [patient]);
    const now = clock.now();
    const lookedBackTo = now - LOOK_BACK_MS;
    const events = await store.events(principal.tenant, { patient, kind: 'gap', since: lookedBackTo }, () => granted(call, patient, 0));
    const seen: StoredEvent[] = [];
    for await (const event of events) if (concerns(call, event)) seen.push(event);
    const withheld = withheldFrom(principal, call.action);
    const sandbox = registry.isSandbox(principal.tenant);
    const zone = surroundings.zone?.({ patient, ...place }) ?? this.#options.zone;
    const view = masking.gaps(gapsView(seen, { patient, ...place, now, zone, lookedBackTo, withheld, sandbox }));
    const evidence = granted(call, patient, view.gaps.length, { view, withheld, args: { what: 'gaps' } });
    await store.record([{ ...evidence, ...counted(patient) }]);
    return view;
  }

  async observation(principal: Principal, shown: string, context: CallContext): Promise<Observation> {
    const { calls, store, maskings } = this.#options;
    const { tenant } = principal;
    const call = calls.begin(principal, 'vitals.read', context);
    const id = this.#idOf(principal, shown);
    const found = id === undefined ? undefined : await this.#measurement(tenant, id);
    // Of what is not there it is decided as of a stranger, so that it looks the same.
    const whose = found?.patient ?? NOBODY;
    const { decision } = calls.meant(call, whose);
    const name = maskings.of(principal, decision.obligations.mask).patient(whose);
    const { patient, masking } = await calls.about(call, found === undefined ? NOBODY : name, found?.vital);
    if (found === undefined || id === undefined || masking.observationName(id) !== shown)
      return await calls.refuse(call, 'unknown', patient);
    const counted = await calls.spend(call, [patient]);
    let resource: Observation | undefined;
    await store.history(tenant, found, (_, versions) => {
      const row = versions.find((version) => version.id === id);
      resource = row && masking.observation(row)?.resource;
      const view = resource && row ? { view: resource, rows: [row] } : {};
      return { ...granted(call, patient, resource ? 1 : 0, { ...view, args: { what: 'observation' } }), ...counted(patient) };
    });
    if (resource === undefined) throw new VitalmeshError('NOT-FOUND');
    return resource;
  }

  /** The id that the caller knows as this; undefined for a pseudonym that leads to none. */
  #idOf(principal: Principal, shown: string): string | undefined {
    if (!isPseudonym(shown)) return shown;
    for (const profile of PROFILES) {
      const id = this.#options.maskings.of(principal, profile).observationNamed(shown);
      if (id !== undefined) return id;
    }
    return undefined;
  }

  async #measurement(tenant: string, id: string): Promise<HistoryQuery | undefined> {
    try {
      return await this.#options.store.amend.find(tenant, id);
    } catch (thrown) {
      if (thrown instanceof VitalmeshError && thrown.code === 'AMEND-UNKNOWN') return undefined;
      throw thrown;
    }
  }
}

/** Whether a gap is, or may be, of anything that the caller's token is for. */
function concerns({ principal, action }: Call, { resource }: StoredEvent): boolean {
  const { vitals = [] } = readGap(resource) ?? {};
  return vitals.length === 0 || vitals.some((key) => inScope(principal, action, key));
}
