import type { Instant } from '../../../shared/clock.ts';
import type { AuditEvent } from '../../access/access.ts';
import { operatorPrincipal } from '../../access/principals.ts';
import type { AmendDone } from '../../store/amend/amend.ts';

/**
 * That what was decided about readings was done, once for each of both patients; nothing where it was of none. Done by the configuration of whoever runs the hub: who
 * decided stands in the entry of that.
 */
export function evidenceOfAmended(done: AmendDone, at: Instant): AuditEvent[] {
  const { tenant, id, kind, isUndone, patient, to, rows, rolledUp } = done;
  if (rows + rolledUp === 0) return [];
  const { id: principal, role } = operatorPrincipal(process.getuid?.() ?? 0, tenant);
  const common = { at, tenant, principal, role, action: 'readings.amend', outcome: 'allowed', channel: 'operator', count: rows } as const;
  const detail = { credential: { kind: 'local' }, args: { done: id, act: kind, undone: isUndone, rolledUp } } as const;
  const own: AuditEvent = { ...common, patient, reason: isUndone ? 'undone' : REASONS[kind], detail };
  if (to === null) return [own];
  return [own, { ...common, patient: to, reason: isUndone ? 'undone' : 'given-here', detail }];
}

const REASONS = { void: 'voided', reassign: 'given-away', confirm: 'confirmed' } as const;
