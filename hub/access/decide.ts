import { panel, vital } from '../../shared/vitals.ts';
import {
  type AccessContext,
  type AccessResource,
  type Action,
  ANY_CATEGORY,
  type Decision,
  type DecisionReason,
  type Obligations,
  type Principal,
  PURPOSES,
  type Purpose,
  type Scope,
  WITHHOLDABLE,
  type Withheld,
} from './access.ts';
import { MASK_PROFILES } from './masking/contract.ts';
import type { Rule } from './policy.ts';

/** What is owed where nothing is shown. */
const NOTHING: Obligations = { mask: 'deidentified', approve: false, audit: 'full' };

/**
 * Actions that may name no patient: what they give is filtered, patient by patient, to whom the caller may see; and what is written of nobody says
 * itself what it is about (a movement, a device, a gap).
 */
const OF_THE_TENANT: readonly Action[] = ['patients.list', 'vitals.subscribe', 'status.read', 'session.open', 'observations.write'];

/** What a token's scope must allow, by letter of SMART's `cruds`; actions that are not listed need no scope of a token, and no token gives them. */
const LETTERS: Partial<Record<Action, string>> = {
  'patients.list': 's',
  'vitals.read': 'r',
  'vitals.subscribe': 'r',
  'observations.write': 'c',
  'observations.export': 's',
  'session.open': '',
};

/**
 * May this principal do this, in this context? Total and pure; default deny. Every condition must hold: the right has not expired, a rule permits the role
 * the action for its purpose, the tenant is the principal's own, its token's scopes cover it, the patient is within its reach, a bed or device that is written for is its own, and
 * no rule forbids. The reason is that of the first that does not hold, the expiry first, since it is what renewing would mend.
 */
export function decide(principal: Principal, action: Action, resource: AccessResource, context: AccessContext): Decision {
  const { policy, at } = context;
  // Negated, so that a bound that is not a number denies.
  if (principal.notAfter !== undefined && !(at <= principal.notAfter)) return denied('expired');
  const named = policy.rules.filter(({ roles, actions }) => roles.includes(principal.role) && actions.includes(action));
  const permits = named.filter(({ effect }) => effect === 'permit');
  if (permits.length === 0) return denied('role');
  if (principal.tenant === '' || principal.tenant !== resource.tenant) return denied('tenant');
  if (!covered(principal.scopes, action, resource)) return denied('scope');
  const purpose = principal.purpose ?? 'TREAT';
  const applying = permits.filter((rule) => isFor(rule, purpose));
  if (applying.length === 0) return denied('purpose', permits);
  if (!inReach(principal, action, resource)) return denied('patient', applying);
  if (!speaksFor(principal, resource)) return denied('binding', applying);
  const forbids = named.filter((rule) => rule.effect === 'forbid' && isFor(rule, purpose));
  if (forbids.length > 0) return denied('forbidden', forbids);
  const obligations = obligationsOf(applying);
  if (obligations.approve) return { ...denied('approval', applying), obligations };
  return { allow: true, reason: 'granted', obligations, rules: applying.map(({ id }) => id) };
}

function denied(reason: DecisionReason, rules: readonly Rule[] = []): Decision {
  return { allow: false, reason, obligations: NOTHING, rules: rules.map(({ id }) => id) };
}

/** A purpose that is none of the table is no purpose, whatever a rule leaves open. */
function isFor({ purposes = PURPOSES }: Rule, purpose: Purpose): boolean {
  return PURPOSES.includes(purpose) && purposes.includes(purpose);
}

/** Of several rules that permit, whatever asks least of each: one more never takes anything away. */
function obligationsOf(permits: readonly Rule[]): Obligations {
  const shown = permits.reduce((most, { mask = 'none' }) => Math.max(most, MASK_PROFILES.indexOf(mask)), 0);
  return {
    mask: MASK_PROFILES[shown] ?? 'deidentified',
    approve: permits.every(({ approve = false }) => approve),
    audit: permits.every(({ audit = 'full' }) => audit === 'brief') ? 'brief' : 'full',
  };
}

function inReach(principal: Principal, action: Action, resource: AccessResource): boolean {
  if (principal.patients === 'all') return true;
  return resource.patient === undefined ? OF_THE_TENANT.includes(action) : isOwn(principal, resource);
}

/** Whether a patient is listed by name, in one of the principal's wards or on one of its panels, and not just one of all. */
export function isOwn({ patients, wards, panels: own }: Principal, { patient, ward, panels = [] }: AccessResource): boolean {
  if (patient !== undefined && patients !== 'all' && patients.includes(patient)) return true;
  if (ward !== undefined && wards?.includes(ward)) return true;
  return panels.some((panel) => own?.includes(panel));
}

function speaksFor({ beds = [], devices = [] }: Principal, { bed, device }: AccessResource): boolean {
  return (bed === undefined || beds.includes(bed)) && (device === undefined || devices.includes(device));
}

/** What a token's scope must allow for an action, in letters of SMART's `cruds`; undefined for what no token gives. */
export function scopeLetters(action: Action): string | undefined {
  return LETTERS[action];
}

function covered(scopes: readonly Scope[] | undefined, action: Action, resource: AccessResource): boolean {
  if (scopes === undefined) return true;
  const letter = LETTERS[action];
  if (letter === undefined) return false;
  const { type = 'Observation', category = 'vital-signs' } = resource;
  return scopes.some(
    (scope) =>
      (scope.resource === '*' || scope.resource === type) &&
      (letter === '' || scope.may.includes(letter)) &&
      (scope.category === undefined || scope.category === category || category === ANY_CATEGORY),
  );
}

/** Whether this vital sign, by its key, is of a category that the caller's token is for; without a token all are. Asked row by row, and event by event. */
export function inScope({ scopes, tenant }: Principal, action: Action, key: string): boolean {
  const category = vital(key)?.category ?? (panel(key) ? 'vital-signs' : '');
  return covered(scopes, action, { tenant, category });
}

/**
 * What the caller's token is not for, by category of what is measured: by the token alone, so that it tells nothing of what is stored. Empty where
 * there is no token. `inScope` shows no row of these.
 */
export function withheldFrom({ scopes, tenant }: Principal, action: Action): readonly Withheld[] {
  return WITHHOLDABLE.filter((name) => !covered(scopes, action, { tenant, category: name === 'other' ? '' : name }));
}
