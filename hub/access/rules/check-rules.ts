import { type CheckedRegistry, checkRegistry } from '../../registry/load-registry.ts';
import { DEFAULT_POLICY } from '../default-policy.ts';
import { parsePolicy } from '../load-policy.ts';
import type { Policy } from '../policy.ts';

/** Both files as they were read; no policy is the built-in one. */
export interface RuleTexts {
  registry: NamedText;
  policy?: NamedText;
  /** Names of those in hub.yaml, where any are known. */
  issuers?: readonly string[];
}

export interface NamedText {
  /** As errors call the file. */
  name: string;
  text: string;
}

/** Both, each checked against the other: plain data, which can go from one thread to another. */
export interface CheckedRules {
  policy: Policy;
  registry: CheckedRegistry;
}

/** Throws POLICY-INVALID, REGISTRY-INVALID. */
export function checkRules({ registry, policy, issuers }: RuleTexts): CheckedRules {
  const rules = policy === undefined ? DEFAULT_POLICY : parsePolicy(policy.text, policy.name);
  return { policy: rules, registry: checkRegistry(registry.text, registry.name, rules.roles, issuers) };
}
