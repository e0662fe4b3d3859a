import { withUnit } from '../../shared/observation.ts';

/** One vital sign as the resource `vitals://patient/{id}/latest` shows it; what the demo reads of it. */
export interface ShownVital {
  vital: string;
  name: string;
  value: number | null;
  unit: string;
  absent?: string | null;
  components?: readonly { name: string; value: number | null; absent?: string | null }[];
  at: string;
  stale: boolean;
  flags?: readonly string[];
  /** A newer one that may be somebody else's. */
  doubtful?: { value: number | null; at: string } | null;
  lastKnown?: { value: number | null; components?: readonly { value: number | null }[] } | null;
  device: string;
  observation: string;
  storedAt: number;
}

/** The resource `vitals://patient/{id}/latest`; what the demo reads of it. */
export interface ShownPatient {
  patient: string;
  bed: string | null;
  vitals: readonly ShownVital[];
}

/** Reasons for a missing value, in words. */
const REASONS: Record<string, string> = {
  'temp-unknown': 'no signal',
  error: 'invalid',
  'not-performed': 'not measured',
  unknown: 'unknown',
};

/** A value with its unit as a nurse writes it; without a value, the reason. */
export function shownValue(vital: ShownVital): string {
  const known = vital.stale ? vital.lastKnown : vital;
  const numbers = known?.components?.length
    ? known.components
        .map((part) => part.value ?? '—')
        .slice(0, 2)
        .join('/')
    : known?.value;
  if (numbers === null || numbers === undefined) return `— ${REASONS[vital.absent ?? ''] ?? 'no value'}`;
  return withUnit(numbers, vital.unit);
}

/** In the place of a value that is not current: `— stale, last 97 % at 14:03` (UTC). */
export function staleText(value: string, at: number): string {
  const last = value.startsWith('— ') ? value.slice(2) : `last ${value}`;
  return `— stale, ${last} at ${new Date(at).toISOString().slice(11, 16)}`;
}
