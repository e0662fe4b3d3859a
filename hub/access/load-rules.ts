import { type ListedRegistry, loadRegistry } from '../registry/load-registry.ts';
import { DEFAULT_POLICY } from './default-policy.ts';
import { loadPolicy } from './load-policy.ts';
import type { Policy } from './policy.ts';

/** Who is who, and who may do what; the roles of the one are roles of the other. */
export interface Rules {
  policy: Policy;
  registry: ListedRegistry;
}

/** The parts of hub.yaml that name both files. */
export interface RulesConfig {
  registry: string;
  access: { policy?: string | undefined; issuers?: readonly { name: string }[] };
}

/** Reads both files; the built-in policy where there is none. Throws POLICY-INVALID, REGISTRY-INVALID. */
export function loadRules({ registry, access }: RulesConfig): Rules {
  const policy = access.policy === undefined ? DEFAULT_POLICY : loadPolicy(access.policy);
  const issuers = access.issuers?.map(({ name }) => name);
  return { policy, registry: loadRegistry(registry, policy.roles, issuers) };
}

/** The policy in force; `replace` puts another in its place at once, for every decision from then on. */
export class LivePolicy {
  #current: Policy;

  constructor(first: Policy) {
    this.#current = first;
  }

  get current(): Policy {
    return this.#current;
  }

  replace(next: Policy): void {
    this.#current = next;
  }
}
