import type { Action, AuditEvent } from '../access/access.ts';

/**
 * By what evidence is kept for how long. `reads`: who saw whose data, evidence too. `writes`: what gateways and other clients sent. `refusals`: whatever was denied.
 * `operation`: looks at the state of the hub, sessions. `administration`: what changed rights, the store or the evidence.
 */
export const EVIDENCE_CLASSES = ['reads', 'writes', 'refusals', 'operation', 'administration'] as const;
export type EvidenceClass = (typeof EVIDENCE_CLASSES)[number];

const CLASSES: Readonly<Record<Action, EvidenceClass>> = {
  'patients.list': 'reads',
  'vitals.read': 'reads',
  'vitals.subscribe': 'reads',
  'observations.write': 'writes',
  'observations.export': 'reads',
  'status.read': 'operation',
  'store.backup': 'administration',
  'store.restore': 'administration',
  'store.rekey': 'administration',
  'store.verify': 'operation',
  'audit.read': 'reads',
  'audit.export': 'reads',
  'audit.verify': 'operation',
  'audit.retain': 'administration',
  'audit.acknowledge': 'administration',
  'patient.export': 'reads',
  'patient.erase': 'administration',
  'patient.hold': 'administration',
  'patients.place': 'administration',
  'readings.amend': 'administration',
  'registry.change': 'administration',
  'session.open': 'operation',
  'access.explain': 'operation',
};

/** The class of an event; of an action that this version does not know, whatever is kept longest. */
export function classOf(action: Action, outcome: AuditEvent['outcome']): EvidenceClass {
  return outcome === 'denied' ? 'refusals' : (CLASSES[action] ?? 'administration');
}
