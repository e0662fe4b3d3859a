import type { Instant } from '../../shared/clock.ts';
import { MAX_AHEAD_MS } from '../clinical/sort-time.ts';
import type { AdoptedDevice } from './adopted.ts';
import { type AdoptedSince, adoptionsOf, countedFrom, LIST, withAdoption } from './adoptions.ts';

/** What a gateway's readings are told apart by: a bed, a device, or nothing but the gateway; and which devices of a home count (`adoptions.ts`). */
export type BindingKind = 'bed' | 'device' | 'patient' | 'adopted';

/** That what one gateway measures at one place is one patient's. */
export interface Binding {
  /** Overlay identity id. */
  gateway: string;
  kind: BindingKind;
  /** Bed or device; '' for the gateway's own patient, and for its list of adopted devices. */
  name: string;
  tenant: string;
  /** Opaque id; null for nobody: an empty bed, or what was bound once and is no longer. */
  patient: string | null;
}

/** A binding as the store keeps it. */
export interface KeptBinding extends Binding {
  /** Hub's time of when it came into force; 0 for what a new store found at first, of which the stretch `before` says what is not known. */
  since: Instant;
  /** When nobody knows whose it was, whatever `since` says; oldest first. */
  unknown?: readonly UnknownStretch[];
}

/**
 * A stretch of the hub's time of which no binding is known: at `found`, a store was put back to what it held at `from`. Until `until`, when the
 * registry was next read, beds may have changed hands and changed back. One `from` 0 is all that was before a new store.
 */
export interface UnknownStretch {
  from: Instant;
  found: Instant;
  until: Instant;
}

/** End of a stretch that has none yet, and when it was found while nobody knows that: later than any instant, and exact in every engine. */
export const NO_END: Instant = Number.MAX_SAFE_INTEGER;

/**
 * What a new store does not know when a registry is first read at `at`: whose anything was before. Two minutes less than to the reading, for those
 * that are added to every end stand for a bed that changes hands at that moment, and no first reading comes of that; what is measured from
 * then on is taken at once.
 */
export function before(at: Instant): UnknownStretch {
  return { from: 0, found: at, until: at - MAX_AHEAD_MS };
}

/** True for what was before a new store, rather than between a backup and its restore. */
export function isBeforeStore({ from }: UnknownStretch): boolean {
  return from === 0;
}

/**
 * Since when the bindings of one gateway hold. One that was taken away stays here with the time of that, since what its device measured
 * before must not fall to the bed or to the gateway's own patient.
 */
export interface BoundSince {
  patient?: Instant;
  beds: ReadonlyMap<string, Instant>;
  devices: ReadonlyMap<string, Instant>;
  adopted?: AdoptedSince;
  /** When none of them is known. */
  unknown?: readonly UnknownStretch[];
}

/** The part of a row of registry.yaml that binds. */
interface BindingRow {
  identity: string;
  tenant: string;
  patient?: string | undefined;
  beds: Readonly<Record<string, string | null>>;
  followed?: ReadonlySet<string>;
  devices: Readonly<Record<string, string>>;
  adopted?: readonly AdoptedDevice[] | undefined;
}

/** Every binding of one gateway, empty beds too, and those that follow movements: as empty, so that a store that was put back is known of them as well. */
export function bindingsOf({ identity: gateway, tenant, patient, beds, followed = new Set(), devices, adopted }: BindingRow): Binding[] {
  const bindings: Binding[] = [];
  if (patient !== undefined) bindings.push({ gateway, kind: 'patient', name: '', tenant, patient });
  for (const [name, who] of Object.entries(beds)) bindings.push({ gateway, kind: 'bed', name, tenant, patient: who });
  for (const name of followed) bindings.push({ gateway, kind: 'bed', name, tenant, patient: null });
  for (const [name, who] of Object.entries(devices)) bindings.push({ gateway, kind: 'device', name, tenant, patient: who });
  return adopted && patient !== undefined ? [...bindings, ...adoptionsOf({ gateway, tenant, patient, adopted })] : bindings;
}

/**
 * What is to be kept when `next` comes into force at `now` (hub's clock) where `kept` was known: a binding that stays as it was keeps
 * its `since`, and one that is new, of another patient or tenant, or gone has `now`.
 */
export function bindingsFrom(kept: readonly KeptBinding[], next: readonly Binding[], now: Instant): KeptBinding[] {
  const known = new Map(kept.map((binding) => [keyOf(binding), binding]));
  const find = (binding: Binding, name: string): KeptBinding | undefined => known.get(keyOf({ ...binding, name }));
  const result = next.map((binding): KeptBinding => {
    const was = known.get(keyOf(binding));
    const same = was !== undefined && was.tenant === binding.tenant && was.patient === binding.patient;
    if (same) return { ...binding, since: was.since };
    return { ...binding, since: binding.kind === 'adopted' ? countedFrom(binding, (name) => find(binding, name), now) : now };
  });
  const named = new Set(next.map(keyOf));
  for (const [key, gone] of known) {
    if (named.has(key)) continue;
    const isListGone = gone.kind === 'adopted' && gone.name !== LIST && !named.has(keyOf({ ...gone, name: LIST }));
    result.push(gone.patient === null || isListGone ? gone : { ...gone, patient: null, since: now });
  }
  return result;
}

/** Bindings with the stretches that the store keeps for all of them. */
export function withUnknown(bindings: readonly KeptBinding[], unknown: readonly UnknownStretch[]): readonly KeptBinding[] {
  return unknown.length === 0 ? bindings : bindings.map((binding) => ({ ...binding, unknown }));
}

/** The stretches that the store keeps for all bindings: the same list while it is the same. */
export function unknownOf(kept: readonly KeptBinding[]): readonly UnknownStretch[] {
  return kept[0]?.unknown ?? NOTHING_UNKNOWN;
}

/** Of a store of which nothing says that it went back. */
export const NOTHING_UNKNOWN: readonly UnknownStretch[] = [];

/** The same, by gateway, for admission. */
export function sinceByGateway(kept: readonly KeptBinding[]): Map<string, BoundSince> {
  const gateways = new Map<string, BoundSince & { beds: Map<string, Instant>; devices: Map<string, Instant> }>();
  for (const binding of kept) {
    const { gateway, kind, name, since, unknown } = binding;
    const of = gateways.get(gateway) ?? {
      beds: new Map<string, Instant>(),
      devices: new Map<string, Instant>(),
      ...(unknown && { unknown }),
    };
    gateways.set(gateway, of);
    if (kind === 'patient') of.patient = since;
    else if (kind === 'adopted') of.adopted = withAdoption(of.adopted, binding);
    else (kind === 'bed' ? of.beds : of.devices).set(name, since);
  }
  return gateways;
}

function keyOf({ gateway, kind, name }: Pick<Binding, 'gateway' | 'kind' | 'name'>): string {
  return `${gateway} ${kind} ${name}`;
}
