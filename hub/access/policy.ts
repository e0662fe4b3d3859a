import type { Action, Purpose, Role } from './access.ts';
import type { PolicyLimits } from './budgets/limits.ts';
import type { MaskProfile } from './masking/contract.ts';

/**
 * What is permitted and forbidden, as data; shaped so that Cedar's policies can be made of it (principal, action, resource, context). Nothing is permitted
 * that no `permit` names; a `forbid` that applies outweighs all of them; the order of the rules means nothing.
 */
export interface Policy {
  /** First 12 hex digits of the SHA-256 of its text; stands in the evidence. */
  version: string;
  /** Every role that there is. */
  roles: readonly Role[];
  rules: readonly Rule[];
  /** Where they are not those of `LIMITS`. */
  limits?: PolicyLimits | undefined;
}

export interface Rule {
  /** Stands in explanations and in the evidence. */
  id: string;
  effect: 'permit' | 'forbid';
  roles: readonly Role[];
  actions: readonly Action[];
  /** Only for these; any where absent. */
  purposes?: readonly Purpose[];
  /** Of a permit: how much is shown; `none` masks nothing. Of several that permit the one that shows most counts. */
  mask?: MaskProfile;
  approve?: boolean;
  audit?: 'full' | 'brief';
}
