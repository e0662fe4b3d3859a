import type { Instant } from './clock.ts';
import type { Flag } from './reading.ts';

/** Where an alert is in its life (IHE PCD-04, MDC_ATTR_EVENT_PHASE). `present`: there, with nothing known of its beginning. */
export const ALERT_PHASES = [
  'present',
  'start',
  'continue',
  'update',
  'escalate',
  'deescalate',
  'reset',
  'end',
  'tpoint',
  'unknown',
] as const;
export type AlertPhase = (typeof ALERT_PHASES)[number];

/** MDC_ATTR_ALARM_STATE. `latched`: shown until somebody resets it, whether or not its cause is still there. */
export const ALERT_STATES = ['active', 'latched', 'inactive', 'unknown'] as const;
export type AlertState = (typeof ALERT_STATES)[number];

/** MDC_ATTR_ALARM_INACTIVATION_STATE: whether it may be seen and heard at the device. */
export const ALERT_INACTIVATIONS = ['enabled', 'audio-paused', 'audio-off', 'alarm-paused', 'alarm-off', 'acknowledged'] as const;
export type AlertInactivation = (typeof ALERT_INACTIVATIONS)[number];

/** MDC_ATTR_ALARM_PRIORITY (OBX-8 PN, PL, PM, PH), as the device has it. */
export const ALERT_PRIORITIES = ['none', 'low', 'medium', 'high', 'unknown'] as const;
export type AlertPriority = (typeof ALERT_PRIORITIES)[number];

/** MDC_ATTR_ALERT_TYPE (OBX-8 SP, ST, SA). */
export const ALERT_TYPES = ['physiological', 'technical', 'advisory', 'unknown'] as const;
export type AlertType = (typeof ALERT_TYPES)[number];

/** The facets of an alert (IHE PCD TF-2, B.8): their codes of IEEE 11073-10101, and the values that each may have here. */
export const ALERT_FACETS = {
  phase: { name: 'phase', mdc: '68481', refid: 'MDC_ATTR_EVENT_PHASE', values: ALERT_PHASES },
  state: { name: 'state', mdc: '68482', refid: 'MDC_ATTR_ALARM_STATE', values: ALERT_STATES },
  inactivation: { name: 'inactivation', mdc: '68483', refid: 'MDC_ATTR_ALARM_INACTIVATION_STATE', values: ALERT_INACTIVATIONS },
  priority: { name: 'priority', mdc: '68484', refid: 'MDC_ATTR_ALARM_PRIORITY', values: ALERT_PRIORITIES },
  type: { name: 'type', mdc: '68485', refid: 'MDC_ATTR_ALERT_TYPE', values: ALERT_TYPES },
} as const;
export type AlertFacet = keyof typeof ALERT_FACETS;

/**
 * One alert as a device or its gateway reported it (IHE PCD TF-2, PCD-04 and the vendors' own forms): relayed, never raised here. What the
 * sender does not say is `unknown` or left out; nothing is derived from values.
 */
export interface DeviceAlert {
  /** MDC event code, or the sender's own code with its system (`MDIL-ALERT`, `99MNDRY`); at least one of code and text is there. */
  code?: { system: 'MDC' | (string & {}); code: string };
  /** What the device shows; untrusted, already cleaned. */
  text?: string;
  phase: AlertPhase;
  state: AlertState;
  inactivation?: AlertInactivation;
  priority: AlertPriority;
  type: AlertType;
  /** What it is about: a key of the parameter table or an MDC code, where the sender names it. */
  source?: { vital?: string; mdc?: number };
  /** Names this one alert through its life (OBR-3 or OBR-29 of PCD-04), where the sender does. */
  instance?: string;
  /** When this phase was, by the device; without it the record's time of receipt counts. */
  effective?: Instant;
  /** Offset from UTC of the device's time, in minutes; for display only. */
  offsetMin?: number;
  flags?: readonly Flag[];
}
