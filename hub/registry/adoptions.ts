import type { Instant } from '../../shared/clock.ts';
import { type AdoptedDevice, adoptionName, DEVICE_ID_TYPES, isSameDevice, type NamedDevice } from './adopted.ts';
import type { Binding, KeptBinding } from './bindings.ts';
import type { GatewayEntry } from './registry.ts';

// An adoption is a binding like any other: what a device measured before it was adopted is of another home, and out of its memory it would come as this one's.
// While a home has no list, every device counts; so the list itself is kept, too.

/** Under which name it is kept that a home has a list; with patient null, since when it has none any more. */
export const LIST = '';

/** Since when devices of a home count, by the hub's time. */
export interface AdoptedSince {
  /** Since when all do, where the home had a list and has none any more; undefined while it has one. */
  all?: Instant;
  /** By `adoptionName`: those of the list, or of the last one. */
  devices: Map<string, Instant>;
}

/** The bindings that the list of a home makes, one a device and one of the list. */
export function adoptionsOf({
  adopted,
  ...of
}: Pick<Binding, 'gateway' | 'tenant'> & { patient: string; adopted: readonly AdoptedDevice[] }): Binding[] {
  return [LIST, ...adopted.map(adoptionName)].map((name) => ({ ...of, kind: 'adopted', name }));
}

/**
 * Since when a device counts that is listed anew at `now`; `find`: the home's adoptions as they are kept, by name. Where the home had no list until now, the device counted
 * already: since the last list went away, or, where there was none, for as long as the gateway is the patient's. One of which now is said of what type its id is stays as it was.
 */
export function countedFrom(
  { tenant, patient, name }: Binding,
  find: (name: string) => Pick<KeptBinding, 'tenant' | 'patient' | 'since'> | undefined,
  now: Instant,
): Instant {
  if (name === LIST) return now;
  const list = find(LIST);
  if (list === undefined) return 0;
  if (list.tenant !== tenant) return now;
  if (list.patient === null) return list.since;
  // What may be an address is kept in one spelling, whatever it turns out to be.
  const untyped = find(adoptionName({ id: name.slice(name.indexOf(' ') + 1), idType: null }));
  return untyped?.tenant === tenant && untyped.patient === patient ? untyped.since : now;
}

/** What is known of a gateway, with one of its adoptions more. */
export function withAdoption(known: AdoptedSince | undefined, { name, patient, since }: KeptBinding): AdoptedSince {
  const adopted = known ?? { devices: new Map<string, Instant>() };
  if (name !== LIST) {
    if (patient !== null) adopted.devices.set(name, since);
    return adopted;
  }
  return patient === null ? { ...adopted, all: since } : adopted;
}

/**
 * Since when (hub's time) what a device measures counts at a gateway that takes it: 0 for as long as the gateway is its patient's. What is bound to
 * a patient by a row of its own has that one's time; whoever adopted a device may have said when that was. Of several that an id without a type may mean, the latest.
 */
export function countsSince({ adopted, devices, since }: GatewayEntry, device: NamedDevice | null): Instant {
  const kept = since?.adopted;
  if (adopted === undefined) return kept === undefined ? 0 : (listedOnce(kept, device) ?? kept.all ?? 0);
  if (device === null || Object.hasOwn(devices, device.id)) return 0;
  let counts = 0;
  for (const one of adopted)
    if (isSameDevice(one, device)) counts = Math.max(counts, one.since ?? kept?.devices.get(adoptionName(one)) ?? Number.POSITIVE_INFINITY);
  return counts;
}

/** Since when a device counts that stood in the last list of a home, which has none now. */
function listedOnce({ devices }: AdoptedSince, device: NamedDevice | null): Instant | undefined {
  if (device === null) return undefined;
  const types = device.idType === null ? DEVICE_ID_TYPES : [device.idType];
  for (const idType of [...types, null]) {
    const since = devices.get(adoptionName({ id: device.id, idType }));
    if (since !== undefined) return since;
  }
  return undefined;
}
