import type { Instant } from './clock.ts';
import type { Resource } from './fhir.ts';
import type { LostClass } from './gap.ts';
import type { Flag, SubjectHints } from './reading.ts';

/** What travels up beside readings. */
export const EVENT_KINDS = ['alert', 'wave', 'movement', 'device', 'gap'] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** What the hub needs to know of an event beside its resource. */
export interface EventFacts {
  kind: EventKind;
  hints: SubjectHints;
  /** Device id, '' when none was given. */
  device: string;
  flags: readonly Flag[];
  effective: Instant;
  offsetMin: number;
  receivedAt: Instant;
  test: boolean;
  /** Of a gap, which begins at `effective`: its end, and the class of what is missing. */
  gap?: { until: Instant; lost: LostClass };
}

/** `rule` names the place and what is wrong there; it never repeats anything that was sent. */
export type CheckedEvent = { ok: true; facts: EventFacts; resource: Resource } | { ok: false; rule: string };

/** How one kind is told from the others and checked; nothing that passes needs another look before it is stored. */
export interface EventCheck {
  kind: EventKind;
  /** By type, category or value alone; cheap, and false for a reading. */
  fits(resource: Readonly<Record<string, unknown>>): boolean;
  check(resource: Readonly<Record<string, unknown>>): CheckedEvent;
}
