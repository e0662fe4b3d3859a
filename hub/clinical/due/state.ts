import { type Instant, parseInstant } from '../../../shared/clock.ts';
import type { SourceView } from '../../access/door.ts';
import type { Occurrence } from './schedule.ts';

/** Worst first. */
export const DUE_STATES = ['missed', 'overdue', 'gateway-silent', 'device-silent', 'due', 'not-yet-due', 'done'] as const;
export type DueState = (typeof DUE_STATES)[number];

/** A reading that is one. */
export interface Measured {
  at: Instant;
  device: string;
}

/** Why a reading that was taken might not be here. */
export interface Silence {
  kind: 'gateway' | 'device';
  /** Null where several are silent, or where names are masked. */
  id: string | null;
  /** Since when all of them are. */
  since: Instant | null;
}

export interface Judged {
  state: DueState;
  /** What the clock alone says: the same, but where silence is said instead. */
  byClock: 'missed' | 'overdue' | 'due' | 'not-yet-due' | 'done';
  /** When that began; of what is done when it was measured. Null of what is not yet due. */
  since: Instant | null;
}

/** From when until when a reading counts; the end is not included. */
export function accepted({ from, until }: Occurrence, toleranceMs: number): Occurrence {
  return { from: from - toleranceMs, until: until + toleranceMs };
}

/** How an occurrence stands. What waits in a silent source may have been measured: that is said instead of what the clock says, and never of what is still due. Pure. */
export function stateOf(
  { from, until }: Occurrence,
  { toleranceMs, now, done, silence }: { toleranceMs: number; now: Instant; done: Measured | null; silence: Silence | null },
): Judged {
  if (done) return { state: 'done', byClock: 'done', since: done.at };
  if (now < from) return { state: 'not-yet-due', byClock: 'not-yet-due', since: null };
  if (now < until) return { state: 'due', byClock: 'due', since: from };
  const late = now < until + toleranceMs ? ({ byClock: 'overdue', since: until } as const) : MISSED(until + toleranceMs);
  return { state: silence ? `${silence.kind}-silent` : late.byClock, ...late };
}

const MISSED = (since: Instant) => ({ byClock: 'missed', since }) as const;

/**
 * Whether whatever could have brought the reading fell silent before `until`: all gateways that the vital sign came by, else all devices that measure it; where none is known, all gateways
 * of the patient. A device that is elsewhere fell not silent. A source that was there to the end hides nothing. Pure.
 */
export function silenceOf(
  sources: readonly SourceView[],
  { devices, gateways }: { devices: ReadonlySet<string>; gateways: ReadonlySet<string> },
  until: Instant,
): Silence | null {
  const lines = sources.filter(({ kind }) => kind === 'gateway');
  const own = lines.filter(({ id }) => id !== null && gateways.has(id));
  const measuring = sources.filter(({ kind, id, state }) => kind === 'device' && id !== null && devices.has(id) && state !== 'elsewhere');
  return allSilent('gateway', 'lost', own.length > 0 ? own : lines, until) ?? allSilent('device', 'silent', measuring, until);
}

function allSilent(kind: Silence['kind'], state: SourceView['state'], sources: readonly SourceView[], until: Instant): Silence | null {
  const since = sources.map((source) =>
    source.since === null ? Number.NEGATIVE_INFINITY : (parseInstant(source.since)?.at ?? Number.NaN),
  );
  if (sources.length === 0 || !sources.every((source, i) => source.state === state && (since[i] ?? Number.NaN) < until)) return null;
  const [only, ...more] = sources;
  const last = Math.max(...since);
  return { kind, id: more.length === 0 ? (only?.id ?? null) : null, since: Number.isFinite(last) ? last : null };
}

/** Worst state first; of one state what has been so for longest, then by patient, vital sign and window, so that the order is always the same. */
export function worseFirst<T extends { patient: string; vital: string; state: DueState; sinceAt: Instant | null; fromAt: Instant }>(
  a: T,
  b: T,
): number {
  return (
    DUE_STATES.indexOf(a.state) - DUE_STATES.indexOf(b.state) ||
    compared(a.sinceAt ?? Number.POSITIVE_INFINITY, b.sinceAt ?? Number.POSITIVE_INFINITY) ||
    compared(a.patient, b.patient) ||
    compared(a.vital, b.vital) ||
    compared(a.fromAt, b.fromAt)
  );
}

function compared<T extends string | number>(a: T, b: T): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
