/** Where a part stands in a device (IHE PCD TF-2, appendix A: OBX-4 counts MDS.VMD.CHAN.METRIC). A setting stands where a metric does. */
export const DEVICE_LEVELS = ['vmd', 'channel', 'metric', 'setting'] as const;
export type DeviceLevel = (typeof DEVICE_LEVELS)[number];

/** A part of a device, as its messages name it. */
export interface DevicePart {
  /** OBX-4 without trailing zeros: `1.5`, `1.5.1`, `1.5.1.147842`. */
  path: string;
  level: DeviceLevel;
  /** MDC code of what the part is, or of what it measures. */
  mdc?: number;
  /** Of a metric or setting: key of the parameter table. */
  vital?: string;
}

/** What a device is made of, as its messages name it: nothing in it is about a patient. */
export interface DeviceTree {
  /** MDC code of the device itself, where a row of it says so. */
  mdc?: number;
  parts: readonly DevicePart[];
}

/** More parts than any device has; the first ones are told. */
export const MAX_PARTS = 200;
