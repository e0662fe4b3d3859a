import type { Instant } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { ClientEntry, Registry } from '../../registry/registry.ts';
import {
  ACTIONS,
  type AccessResource,
  type Action,
  type Decision,
  type DecisionReason,
  type Obligations,
  type Principal,
  type Purpose,
  type Withheld,
} from '../access.ts';
import { type Barred, barredBy, clientId, type Entrance, tokenId } from '../barred.ts';
import { type AccessMode, needsOf } from '../credentials.ts';
import { decide, withheldFrom } from '../decide.ts';
import type { Policy } from '../policy.ts';
import { gatewayPrincipal, operatorPrincipal } from '../principals.ts';
import { resourceOf } from '../resource.ts';
import { parseScopes, usableScopes } from '../tokens/scopes.ts';
import { inWords } from './words.ts';
import { boundTo, byFollowedBed, writtenBy } from './written-by.ts';

/** What is to be explained: may `as` do this? */
export interface ExplainAsked {
  /** A principal's id: of an overlay identity, `oauth:<issuer>:<subject>`, or `local:<uid>`. */
  as: string;
  action: Action;
  /** Opaque id. */
  patient?: string;
  /** Of a write. */
  bed?: string;
  device?: string;
  /** Of its token, as they would stand in it; everything is covered unless given. */
  scopes?: readonly string[];
}

export interface Explanation {
  as: string;
  tenant: string;
  kind: Principal['kind'];
  role: string;
  purpose: Purpose;
  action: Action;
  patient: string | null;
  allow: boolean;
  /** `credential`: nobody gets in as this row, so nothing is decided. `unknown`: nobody of this tenant has that patient id. */
  reason: ExplainedReason;
  /** What its token keeps back of what is shown: rows of these categories are left out, though the call is allowed. */
  withheld: readonly Withheld[];
  /** The same in plain words. */
  says: string;
  rules: readonly string[];
  obligations: Obligations;
  /** Versions by which it was decided. */
  policy: string;
  registry: string;
}

export type ExplainedReason = DecisionReason | 'credential' | 'unknown';

export interface Rights {
  as: string;
  kind: Principal['kind'];
  role: string;
  purpose: Purpose;
  notAfter: Instant | null;
  /** What must be shown to get in, where a row of clients says it. */
  needs: AccessMode | null;
  /** Why nobody gets in as this row. */
  barred: Barred | null;
  /** Of whom: all of the tenant, or how many by name, wards and panels. */
  patients: 'all' | number;
  wards: readonly string[];
  panels: readonly string[];
  /** What it may do where a patient is in its reach, and how much of it is shown. */
  may: readonly { action: Action; mask: Obligations['mask']; rules: readonly string[] }[];
}

/** What shows rows, each of which is looked at by its category. */
const SHOWING: readonly Action[] = ['patients.list', 'vitals.read', 'vitals.subscribe'];

/** By what is explained. */
export interface Grounds {
  registry: Registry;
  policy: Policy;
  at: Instant;
  /** What hub.yaml asks of callers before. */
  entrance: Entrance;
}

/**
 * Whether somebody may do something, as the hub would decide it now, and why. Throws ACCESS-NOT-LISTED where no row of this tenant, no gateway and no
 * operator has that id.
 */
export function explain(
  { as, action, patient, bed, device, scopes }: ExplainAsked,
  tenant: string,
  { registry, policy, at, entrance }: Grounds,
): Explanation {
  const { found, row } = principalOf(registry, as, tenant);
  const principal: Principal = { ...found, ...(scopes && { scopes: usableScopes(found, parseScopes(scopes)) }) };
  const known = patient === undefined || registry.patient(tenant, patient) !== undefined;
  const gateway = action === 'observations.write' ? registry.gateway(as) : undefined;
  const named = { ...(patient !== undefined && { patient }), ...(bed !== undefined && { bed }), ...(device !== undefined && { device }) };
  const asked = gateway ? byFollowedBed(gateway, named, registry) : named;
  // By nothing but who it is no gateway may write: the registry says for which beds, devices and patients.
  const speaksFor = gateway && Object.keys(asked).length === 0 ? boundTo(gateway) : undefined;
  const written = gateway && (asked.bed !== undefined || device !== undefined) ? writtenBy(gateway, asked, registry) : undefined;
  // Ingest asks by the bed alone where movements say whose it is.
  const isByBed = written !== undefined && !('rule' in written) && written.patient === undefined;
  const resource: AccessResource = {
    ...resourceOf(registry, tenant, isByBed ? undefined : patient),
    ...(written === undefined ? asked : 'rule' in written ? {} : written),
  };
  const decision = decide(principal, action, resource, { at, policy });
  const isBound = speaksFor === undefined || speaksFor.length > 0;
  const bindingRule =
    written && 'rule' in written ? written.rule : isBound ? undefined : 'the gateway is bound to no bed, device or patient';
  const rule = decision.allow && known ? bindingRule : undefined;
  const barred = row && barredBy(row, entrance, { at, revocations: registry.revocations() });
  // That its time is over is for the decision to say, as it says it to a caller.
  const refused = barred === 'expired' ? undefined : barred;
  const allow = decision.allow && known && rule === undefined && refused === undefined;
  const reason = refused === undefined ? reasonOf(decision, known, rule) : 'credential';
  const withheld = allow && SHOWING.includes(action) ? withheldFrom(principal, action) : [];
  const { kind, role, purpose = 'TREAT' } = principal;
  return {
    ...{ as, tenant, kind, role, purpose, action },
    patient: known ? (patient ?? null) : null,
    ...{ allow, reason, withheld },
    says: inWords(reason, {
      principal,
      action,
      resource,
      policy,
      decision,
      withheld,
      ...(rule !== undefined && { rule }),
      ...(speaksFor && { speaksFor }),
      ...(refused && { refused }),
    }),
    rules: decision.rules,
    obligations: decision.obligations,
    policy: policy.version,
    registry: registry.revision,
  };
}

function reasonOf({ allow, reason }: Decision, known: boolean, rule: string | undefined): ExplainedReason {
  if (!allow) return reason;
  if (!known) return 'unknown';
  return rule === undefined ? reason : 'binding';
}

/** Who may do what within a tenant, a row each, as the hub would decide it now. */
export function rightsOf(tenant: string, { registry, policy, at, entrance }: Grounds): Rights[] {
  const gateways = registry.gateways().map((gateway): Listed => ({ principal: gatewayPrincipal(gateway) }));
  const clients = registry.clients().map((row): Listed => ({ principal: clientOf(row, clientId(row)), row }));
  const now = { at, revocations: registry.revocations() };
  return [...gateways, ...clients]
    .filter(({ principal }) => principal.tenant === tenant)
    .map(({ principal, row }): Rights => {
      const { id, kind, role, purpose = 'TREAT', notAfter = null, patients, wards = [], panels = [] } = principal;
      const may = ACTIONS.flatMap((action) => {
        const { allow, obligations, rules } = decide({ ...principal, patients: 'all' }, action, { tenant }, { at, policy });
        return allow ? [{ action, mask: obligations.mask, rules }] : [];
      });
      const entering = { needs: row ? needsOf(row, entrance.modes) : null, barred: (row && barredBy(row, entrance, now)) ?? null };
      const reach = { patients: patients === 'all' ? 'all' : patients.length, wards, panels } as const;
      return { as: id, kind, role, purpose, notAfter, ...entering, ...reach, may };
    });
}

interface Listed {
  principal: Principal;
  row?: ClientEntry;
}

function principalOf(registry: Registry, as: string, tenant: string): { found: Principal; row?: ClientEntry } {
  const [, uid] = /^local:(\d{1,10})$/.exec(as) ?? [];
  if (uid !== undefined) return { found: operatorPrincipal(Number(uid), tenant) };
  const gateway = registry.gateway(as);
  const row = registry.clients().find((client) => client.identity === as || tokenId(client) === as);
  const principal = gateway ? gatewayPrincipal(gateway) : row && clientOf(row, as);
  if (principal?.tenant !== tenant)
    throw new VitalmeshError('ACCESS-NOT-LISTED', { detail: 'registry.yaml has no row of the id after --as in this tenant' });
  return gateway || !row ? { found: principal } : { found: principal, row };
}

function clientOf({ identity: _, token: __, ...rights }: ClientEntry, id: string): Principal {
  return { ...rights, id };
}
