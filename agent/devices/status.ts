import type { AbsentReason, Flag } from '../../shared/reading.ts';

interface StatusEffect {
  flags: readonly Flag[];
  /** Why there is no value, when the device sends none while it says this. */
  absent?: AbsentReason;
}

/**
 * What a device can say about itself, and what becomes of it. A state that ends by itself (searching, finger out) makes a missing
 * value `temp-unknown`; a fault makes it `error`; a missing value without any status is `unknown` (FHIR data-absent-reason).
 */
export const STATUS = {
  'sensor-off': { flags: ['sensor-off'], absent: 'temp-unknown' },
  'sensor-fault': { flags: ['questionable'], absent: 'error' },
  'sensor-alarm': { flags: ['device-alarm'], absent: 'error' },
  'out-of-track': { flags: ['searching'], absent: 'temp-unknown' },
  'pulse-search': { flags: ['searching'], absent: 'temp-unknown' },
  'low-perfusion': { flags: ['low-perfusion'], absent: 'temp-unknown' },
  'marginal-perfusion': { flags: ['low-perfusion'], absent: 'temp-unknown' },
  artifact: { flags: ['motion'], absent: 'temp-unknown' },
  interference: { flags: ['questionable'], absent: 'temp-unknown' },
  'low-signal-quality': { flags: ['questionable'], absent: 'temp-unknown' },
  'limit-alarm': { flags: ['device-alarm'] },
  'low-battery': { flags: ['low-battery'] },
  /** The algorithm is sure of the value; nothing is to be said about it. */
  'smart-point': { flags: [] },
  /** The usual mode of operation. */
  normal: { flags: [] },
} as const satisfies Record<string, StatusEffect>;

export type StatusMeaning = keyof typeof STATUS;

/** All flags of what a device says, each once, in the order said. */
export function flagsOf(said: readonly StatusMeaning[]): Flag[] {
  return [...new Set(said.flatMap((meaning): readonly Flag[] => STATUS[meaning].flags))];
}

/** Why a value is missing, judged by what the device says beside it. */
export function absentReason(said: readonly StatusMeaning[]): AbsentReason {
  const reasons = said.map((meaning) => (STATUS[meaning] as StatusEffect).absent);
  if (reasons.includes('error')) return 'error';
  return reasons.includes('temp-unknown') ? 'temp-unknown' : 'unknown';
}
