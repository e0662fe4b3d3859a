import type { Instant } from '../../shared/clock.ts';
import type { AccessResource, Action, Decision, Principal, Role } from './access.ts';

/** What each role may do; what is not listed is denied. */
export const POLICY: Readonly<Record<Role, readonly Action[]>> = {
  gateway: ['observations.write'],
  clinician: ['patients.list', 'vitals.read', 'vitals.subscribe'],
  monitor: ['patients.list', 'vitals.read', 'vitals.subscribe'],
  operator: [
    'patients.list',
    'vitals.read',
    'observations.export',
    'status.read',
    'store.backup',
    'store.restore',
    'store.rekey',
    'store.verify',
  ],
};

/** Actions that name no patient: what they give is filtered, patient by patient, to whom the caller may see. */
const OF_THE_TENANT: readonly Action[] = ['patients.list', 'vitals.subscribe', 'status.read'];

/**
 * May this principal do this, at this instant? Total and pure; default deny. Every rule must hold: the role lists the action, the
 * tenant is the principal's own, the patient is within its scope, and the right has not expired. The reason is that of the first rule
 * broken, the expiry first, since it is what renewing would mend.
 */
export function decide(principal: Principal, action: Action, resource: AccessResource, at: Instant): Decision {
  // Negated, so that a bound that is not a number denies.
  if (principal.notAfter !== undefined && !(at <= principal.notAfter)) return { allow: false, reason: 'expired' };
  if (!Object.hasOwn(POLICY, principal.role) || !POLICY[principal.role].includes(action)) return { allow: false, reason: 'role' };
  if (principal.tenant === '' || principal.tenant !== resource.tenant) return { allow: false, reason: 'tenant' };
  if (!inScope(principal.patients, action, resource.patient)) return { allow: false, reason: 'patient' };
  return { allow: true, reason: 'granted' };
}

function inScope(scope: Principal['patients'], action: Action, patient: string | undefined): boolean {
  if (scope === 'all') return true;
  return patient === undefined ? OF_THE_TENANT.includes(action) : scope.includes(patient);
}
