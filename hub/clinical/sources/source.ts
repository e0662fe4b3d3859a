import type { Instant } from '../../../shared/clock.ts';
import { MAX_AHEAD_MS } from '../sort-time.ts';
import { AGE_UNKNOWN } from '../staleness.ts';

/** Where what is known of a patient comes from: a device, the gateway that speaks for it, and the movements that say who the patient of a bed is. */
export const SOURCE_KINDS = ['device', 'gateway', 'movements'] as const;
export type SourceKind = (typeof SOURCE_KINDS)[number];

/**
 * `elsewhere`: a device that gives nothing of this patient any more, and what it sent last was somebody else's or nobody's, as a monitor whose bed was left; it is no silence. `silent`: it may be there and says nothing, as a device that is off, or movements that are overdue. `lost`: its connection is gone. `unknown`: the hub cannot tell, because it
 * has only begun, or lost its own connection.
 */
export const SOURCE_STATES = ['live', 'silent', 'lost', 'unknown', 'elsewhere'] as const;
export type SourceState = (typeof SOURCE_STATES)[number];

export interface Source {
  kind: SourceKind;
  /** Device id or gateway identity; null of movements. */
  id: string | null;
  state: SourceState;
  /** UTC ms since which it is so, or when it was last heard of; null where that is not known. */
  since: Instant | null;
}

/** A current row of a device, with its limit of age in ms. */
export interface DeviceRow {
  freshAt: Instant;
  limitMs: number;
}

/**
 * When a device will be silent if nothing more comes of it: after its newest row, by the shortest limit of what it gave with that. What it had stopped giving before (leads that were
 * taken off while the cuff goes on) says nothing of how often it speaks. Undefined without rows.
 */
export function silentFrom(rows: readonly DeviceRow[]): { heardAt: Instant; dueAt: Instant } | undefined {
  if (rows.length === 0) return undefined;
  let heardAt = Number.NEGATIVE_INFINITY;
  for (const { freshAt } of rows) heardAt = Math.max(heardAt, freshAt);
  let limit = Number.POSITIVE_INFINITY;
  for (const { freshAt, limitMs } of rows) if (freshAt > heardAt - limitMs) limit = Math.min(limit, limitMs);
  return { heardAt, dueAt: heardAt + limit };
}

/** How a device stands by its current rows of one patient; `isElsewhere`: what it sent last was not theirs. Pure. */
export function deviceSource(id: string, rows: readonly DeviceRow[], now: Instant, isElsewhere = false): Source {
  const silent = silentFrom(rows);
  if (silent === undefined || silent.heardAt === AGE_UNKNOWN || silent.heardAt > now + MAX_AHEAD_MS)
    return { kind: 'device', id, state: 'unknown', since: null };
  const { heardAt, dueAt } = silent;
  if (now < dueAt) return { kind: 'device', id, state: 'live', since: null };
  return { kind: 'device', id, state: isElsewhere ? 'elsewhere' : 'silent', since: heardAt };
}

/** What is known of a gateway's connection. */
export interface Line {
  connected: boolean;
  /** When it came, or when it was last there; of one that was never there since the hub began, when that was. */
  since: Instant;
  seen: boolean;
}

export interface LineRules {
  /** How long it may be away before it is lost, ms. */
  limitMs: number;
  /** Since when the hub itself has not been reachable; null while it is. */
  hubGoneAt: Instant | null;
  /** Whether every gateway would be connected to this hub alone. */
  isAlone: boolean;
}

/**
 * How a gateway stands. While the hub itself cannot be reached, or another one may hold the connection, that it is not here does not say that it is lost. Pure.
 */
export function gatewayState(
  { connected, since, seen }: Line,
  { limitMs, hubGoneAt, isAlone }: LineRules,
  now: Instant,
): Pick<Source, 'state' | 'since'> {
  if (connected) return { state: 'live', since };
  const isDue = now >= since + limitMs;
  if (!isDue) return seen ? { state: 'live', since: null } : { state: 'unknown', since: null };
  if (hubGoneAt !== null) return { state: 'unknown', since: Math.min(since, hubGoneAt) };
  return isAlone ? { state: 'lost', since } : { state: 'unknown', since };
}
