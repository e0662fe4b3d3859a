import { z } from 'zod';
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
}

/** Most devices of one home. */
const MOST = 64;

const id = z.string().regex(/^[^\p{Cc}\p{Cf}]{1,128}$/u, 'expected 1 to 128 characters without control characters');

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
    }),
  ])
  .transform((given): AdoptedDevice => {
    if (typeof given === 'string') return { id: given, idType: null };
    const { id, idType = null, label } = given;
    return { id, idType, ...(label !== undefined && { label }) };
  });

/** `adopted` of a gateway's row. */
export const adoptedRow = z
  .array(adoptedDevice)
  .max(MOST)
  .optional()
  .describe(
    'The devices of this home that count, by serial number or address as they identify themselves; what others measure is refused (INGEST-NOT-ADOPTED). Without it every device counts that its gateway hears.',
  );

/** One spelling of an id: addresses are written with and without separators, in capitals and not. */
function spelt({ id }: NamedDevice, idType: DeviceIdType | null): string {
  return idType === 'mac' || idType === 'eui64' ? id.replace(/[^0-9a-z]/giu, '').toLowerCase() : id;
}

/** Equal for all names that may mean the same device. */
export function spellingOf(device: NamedDevice): string {
  return spelt(device, 'mac');
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
