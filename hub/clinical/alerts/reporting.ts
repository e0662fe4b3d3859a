/** Whether a device surely tells of alarms by the way it is read: that nothing is told by one that cannot, or of which nothing is known, is no calm. */
export const REPORTING = ['alarms', 'none', 'unknown'] as const;
export type Reporting = (typeof REPORTING)[number];

/**
 * By decoding profile. The profiles are those of the agent (`agent/hl7/dialects`, `agent/devices`); the hub cannot ask them, and a test holds both tables against each other. Serial oximeters
 * say in flags that they alarm, and send no alerts; what a site maps itself (MQTT) has no alerts. Alerts of IHE PCD-04 come from an interface of its own, which may be off, not licensed or point
 * elsewhere while the readings come: of such a profile nothing is known before an alert came.
 */
export const REPORTING_BY_PROFILE: Readonly<Record<string, Reporting>> = {
  'hl7-pcd01': 'unknown',
  'hl7-ge': 'unknown',
  'hl7-mindray-egateway': 'unknown',
  'hl7-mindray-pds': 'alarms',
  'hl7-philips-iic': 'alarms',
  'hl7-philips-efficia': 'alarms',
  'hl7-continua-wan': 'none',
  'hl7-nihon-kohden': 'none',
  'hl7-generic': 'none',
  'hl7-capsule': 'none',
  'hl7-adt': 'none',
  'nonin-df1': 'none',
  'nonin-df8': 'none',
  'nonin-ascii': 'none',
  'masimo-ascii1': 'none',
};

/** Whoever told of an alert can, by whatever profile; of a profile that is a site's own nothing is known. */
export function reportingOf(profile: string | undefined, hasTold: boolean): Reporting {
  if (hasTold) return 'alarms';
  if (profile === undefined || !Object.hasOwn(REPORTING_BY_PROFILE, profile)) return 'unknown';
  return REPORTING_BY_PROFILE[profile] ?? 'unknown';
}
