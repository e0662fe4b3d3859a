import { ACTIONS, type Action } from './access.ts';
import { decide } from './decide.ts';
import { DEFAULT_POLICY } from './default-policy.ts';
import type { Policy } from './policy.ts';
import { operatorPrincipal } from './principals.ts';

/** What a policy takes from the operator of what the built-in one gives it, in the order of `ACTIONS`; by the decision that its commands meet. */
export function takenFromOperator(policy: Policy): Action[] {
  const operator = operatorPrincipal(0, 'any');
  const allows = (by: Policy, action: Action): boolean => decide(operator, action, { tenant: 'any' }, { at: 0, policy: by }).allow;
  return ACTIONS.filter((action) => allows(DEFAULT_POLICY, action) && !allows(policy, action));
}

/** The same for an operator, in a sentence; undefined where nothing is taken. */
export function takenInWords(policy: Policy): string | undefined {
  const taken = takenFromOperator(policy);
  if (taken.length === 0) return undefined;
  return `The policy takes from the role operator what the built-in one gives it, and commands that need it are refused: ${taken.join(', ')}.`;
}
