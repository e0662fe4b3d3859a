import type { EventFacts } from '../../../shared/event.ts';
import { IDENTIFIER_SYSTEMS } from '../../../shared/observation.ts';
import { DEVICE_ID_TYPES, isSameDevice, type NamedDevice } from '../../registry/adopted.ts';
import type { GatewayEntry } from '../../registry/registry.ts';

/** The device that a checked resource names; null where it names none. */
export function deviceNamed({ device }: Readonly<Record<string, unknown>>): NamedDevice | null {
  const { identifier } = (device ?? {}) as { identifier?: { system?: unknown; value?: unknown } };
  const { system, value } = identifier ?? {};
  if (typeof value !== 'string' || value === '') return null;
  return { id: value, idType: DEVICE_ID_TYPES.find((type) => system === `${IDENTIFIER_SYSTEMS.device}${type}`) ?? null };
}

/** Whether what a device measured counts at a gateway. Where the gateway has no list, all that it hears does. */
export function isAdopted({ adopted, devices }: Pick<GatewayEntry, 'adopted' | 'devices'>, device: NamedDevice | null): boolean {
  if (adopted === undefined) return true;
  if (device === null) return false;
  return Object.hasOwn(devices, device.id) || adopted.some((one) => isSameDevice(one, device));
}

/**
 * Whether an event is asked for its device at all: movements are nobody's device's, what a device is made of is of no patient, and a gap that names no
 * serial number or address may tell of what adopted devices measured.
 */
export function isOfDevice({ kind }: Pick<EventFacts, 'kind'>, device: NamedDevice | null): boolean {
  if (kind === 'movement' || kind === 'device') return false;
  return kind !== 'gap' || (device !== null && device.idType !== 'config');
}
