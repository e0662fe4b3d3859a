import type { Instant } from '../../shared/clock.ts';

/** Somebody or something that reaches data, from whatever credential it came. */
export interface Principal {
  /** Overlay identity id, or `local:<uid>` at the operator's socket. */
  id: string;
  tenant: string;
  kind: 'gateway' | 'person' | 'software' | 'operator';
  role: Role;
  /** Patients it may see, as opaque ids; `all` within its tenant. */
  patients: readonly string[] | 'all';
  notAfter?: Instant;
}

export const ROLES = ['gateway', 'clinician', 'monitor', 'operator'] as const;
export type Role = (typeof ROLES)[number];

export const ACTIONS = [
  'patients.list',
  'vitals.read',
  'vitals.subscribe',
  'observations.write',
  'observations.export',
  'status.read',
  'store.backup',
  'store.restore',
  'store.rekey',
  'store.verify',
] as const;
export type Action = (typeof ACTIONS)[number];

export interface AccessResource {
  tenant: string;
  /** Opaque patient id, where the action is about one. */
  patient?: string;
}

export interface Decision {
  allow: boolean;
  /** A code of the reason, for the audit: `role`, `tenant`, `patient`, `expired`, `granted`. */
  reason: 'granted' | 'role' | 'tenant' | 'patient' | 'expired';
}

/** One line of the evidence: who did what to whose data, and whether it was allowed. */
export interface AuditEvent {
  at: Instant;
  tenant: string;
  principal: string;
  role: string;
  action: Action;
  patient: string | null;
  outcome: 'allowed' | 'denied' | 'failed';
  reason: string;
  /** How many rows were shown or written. */
  count: number;
  /** Where it came from: `mcp-2025`, `mcp-2026`, `uplink`, `operator`. */
  channel: string;
}
