import { z } from 'zod';
import { type Instant, parseInstant } from '../../shared/clock.ts';
import type { Complain } from './schema.ts';

/** How a device names itself: by a serial number, an address, or not at all, so that its gateway's configuration names it (`ReadingRecord.device`). */
export const DEVICE_ID_TYPES = ['serial', 'eui64', 'mac', 'config'] as const;
export type DeviceIdType = (typeof DEVICE_ID_TYPES)[number];

/** A device as it, or its gateway, names it; `idType` null where that is not said. */
export interface NamedDevice {
  id: string;
  idType: DeviceIdType | null;
}

/** A device of a home that counts. */
export interface AdoptedDevice extends NamedDevice {
  /** For people; no patient data. */
  label?: string;
  /** Since when it is in this home, as whoever adopted it says; unless given, what it measured counts from when the line was first read. */
  since?: Instant;
}

/** Most devices of one home. */
const MOST = 64;

const id = z.string().regex(/^[^\p{Cc}\p{Cf}]{1,128}$/u, 'expected 1 to 128 characters without control characters');

const instant = z.string().transform((text, context) => {
  const parsed = parseInstant(text);
  if (parsed) return parsed.at;
  context.addIssue({ code: 'custom', message: 'expected a time with its offset, such as 2027-03-31T23:59:59Z' });
  return z.NEVER;
});

const adoptedDevice = z
  .union([
    id,
    z.strictObject({
      id: id.describe('As the device identifies itself.'),
      idType: z.enum(DEVICE_ID_TYPES).optional().describe('What kind of id that is; any unless given.'),
      label: z
        .string()
        .regex(/^[^\p{Cc}\p{Cf}]{1,64}$/u, 'expected 1 to 64 characters without control characters')
        .optional()
        .describe('For people, such as `scale in the bathroom`; no patient data.'),
      since: instant
        .optional()
        .describe(
          'Since when the device is in this home: what it measured from then on counts, also what waits at the gateway. From when the hub first reads the line, unless given.',
        ),
    }),
  ])
  .transform((given): AdoptedDevice => {
    if (typeof given === 'string') return { id: given, idType: null };
    const { id, idType = null, label, since } = given;
    return { id, idType, ...(label !== undefined && { label }), ...(since !== undefined && { since }) };
  });

/** `adopted` of a gateway's row. */
export const adoptedRow = z
  .array(adoptedDevice)
  .max(MOST)
  .optional()
  .describe(
    'The devices of this home that count, by serial number or address as they identify themselves; what others measure is refused (INGEST-NOT-ADOPTED). Without it every device counts that its gateway hears.',
  );

/** An address of 48 or 64 bits: octets, or groups of two of them, with one separator throughout or none (IEEE 802-2014 8.1, RFC 7042 2.1; `c47c.8d6a.129f` as switches show it). */
const ADDRESS =
  /^(?:[0-9a-f]{2}(?:([:.-]?)[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}(?:(?:\1[0-9a-f]{2}){2})?|[0-9a-f]{4}([:.-])[0-9a-f]{4}\2[0-9a-f]{4}(?:\2[0-9a-f]{4})?)$/i;

/** One spelling of an id: an address is the same in capitals or not, and with whatever separators; anything else only as it is, but for blanks around it. */
function spelt({ id }: NamedDevice, idType: DeviceIdType | null): string {
  const trimmed = id.trim();
  const isAddress = (idType === 'mac' || idType === 'eui64') && ADDRESS.test(trimmed);
  return isAddress ? trimmed.replace(/[:.-]/g, '').toLowerCase() : trimmed;
}

/** Equal for all names that may mean the same device. */
export function spellingOf(device: NamedDevice): string {
  return spelt(device, 'mac');
}

/** How an adoption is kept among the bindings of its gateway: by type and id, so that a serial number 1 and an address 1 are two devices. */
export function adoptionName(device: NamedDevice): string {
  return `${device.idType ?? 'any'} ${spelt(device, device.idType ?? 'mac')}`;
}

/** Whether two names mean the same device. Where one does not say of what type its id is, that of the other counts. */
export function isSameDevice(a: NamedDevice, b: NamedDevice): boolean {
  if (a.idType !== null && b.idType !== null && a.idType !== b.idType) return false;
  const idType = a.idType ?? b.idType;
  return spelt(a, idType) === spelt(b, idType);
}

interface AdoptingRow {
  tenant: string;
  patient?: string | undefined;
  adopted?: readonly AdoptedDevice[] | undefined;
}

/**
 * One device is adopted at one home: named at two, its readings would be whoever's gateway hears it. What a gateway's own configuration names (`config`)
 * means another device at each gateway. Both rows are complained of.
 */
export function refuseTwiceAdopted(rows: readonly AdoptingRow[], complain: Complain): void {
  const first = new Map<string, { i: number; k: number; device: AdoptedDevice }[]>();
  for (const [i, row] of rows.entries()) {
    if (row.adopted !== undefined && row.patient === undefined)
      complain(['gateways', i, 'adopted'], 'expected a gateway with a `patient`: devices are adopted at a home');
    for (const [k, device] of (row.adopted ?? []).entries()) {
      // A file with errors is looked at too, as it stands.
      if (typeof device.id !== 'string' || device.idType === 'config') continue;
      const name = spellingOf(device);
      const others = first.get(name) ?? [];
      for (const other of others) {
        const home = rows[other.i];
        if (!isSameDevice(device, other.device)) continue;
        if (other.i === i) complain(['gateways', i, 'adopted', k], 'expected every device once; this one stands in the row already');
        else if (home?.patient !== row.patient || home?.tenant !== row.tenant) {
          complain(
            ['gateways', i, 'adopted', k],
            `expected a device of one home; gateways[${other.i}].adopted[${other.k}] has this one, too`,
          );
          complain(
            ['gateways', other.i, 'adopted', other.k],
            `expected a device of one home; gateways[${i}].adopted[${k}] has this one, too`,
          );
        }
      }
      first.set(name, [...others, { i, k, device }]);
    }
  }
}
