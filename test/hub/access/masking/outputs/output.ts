import { MARKERS, type MarkerName } from '../../../../support/planted-identifiers.ts';
import type { PlantedSite } from '../planted-site.ts';

/**
 * One way in which something leaves the hub. Whatever is registered anywhere (tools, resources, operator commands, methods of the door) has a row here, or the test fails: a
 * new output joins by adding its row.
 */
export interface Output {
  /** Under which name it is registered. */
  name: string;
  /** What may stand in it by design, and why. */
  may?: { markers: readonly MarkerName[]; why: string };
  /** All that it says. */
  run(site: PlantedSite): Promise<string>;
}

/** Of callers who are masked as a limited data set. */
export const LIMITED = {
  markers: ['ward', 'measured', 'measuredMs'],
  why: 'a limited data set has real times and the ward (45 CFR 164.514(e)(2))',
} as const;

/** Of whoever holds the machine. */
export const AS_STORED = {
  markers: Object.keys(MARKERS) as MarkerName[],
  why: 'whoever holds the hub’s machine exports what is stored, as the devices sent it',
};

/** What the evidence has: nothing that the hub does not know itself. */
export const EVIDENCE = {
  markers: ['patient', 'gateway', 'measured', 'measuredMs', 'eui', 'mac', 'serial', 'homeSerial', 'bed', 'ward', 'town'],
  why: 'whose data it was and where they lay (sealed), what was shown by id and version, and of which device it was asked',
} as const;

/** What a refused call says. */
export async function failure(call: Promise<unknown>): Promise<unknown> {
  try {
    return { unexpected: await call };
  } catch (error) {
    const { message, data } = error as { message?: string; data?: unknown };
    return { message, data };
  }
}
