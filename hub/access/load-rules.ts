import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { VitalmeshError } from '../../shared/errors.ts';
import { type Revocation, unlisted } from '../registry/client-credentials.ts';
import { type ListedRegistry, loadRegistry } from '../registry/load-registry.ts';
import type { Registry } from '../registry/registry.ts';
import { DEFAULT_POLICY } from './default-policy.ts';
import { loadPolicy } from './load-policy.ts';
import type { Policy } from './policy.ts';

/** Who is who, and who may do what; the roles of the one are roles of the other. */
export interface Rules {
  policy: Policy;
  registry: Registry;
}

/** The parts of hub.yaml that name both files. */
interface RulesConfig {
  registry: string;
  access: { policy?: string | undefined; issuers?: readonly { name: string }[] };
}

/** Reads both files; the built-in policy where there is none. Throws POLICY-INVALID, REGISTRY-INVALID. */
export function loadRules({ registry, access }: RulesConfig): Rules & { registry: ListedRegistry } {
  const policy = access.policy === undefined ? DEFAULT_POLICY : loadPolicy(access.policy);
  const issuers = access.issuers?.map(({ name }) => name);
  return { policy, registry: loadRegistry(registry, policy.roles, issuers) };
}

/** How long files must have stayed as they are before they are taken, and how often that is tried. */
const QUIET_MS = 200;
const TRIES = 25;

/**
 * As `loadRules`, for files that somebody has just changed under a running hub: waits until nobody writes them, and lets what is revoked (`standing`)
 * stay so where the new file leaves it out, since a file that lost its end is as valid as one from which it was taken. `kept` says how many that are.
 */
export async function reloadRules(
  config: RulesConfig,
  standing: readonly Revocation[],
  quiet: () => Promise<unknown> = () => sleep(QUIET_MS),
): Promise<Rules & { kept: number }> {
  for (let i = 0; i < TRIES; i += 1) {
    const before = contents(config);
    await quiet();
    if (contents(config) !== before) continue;
    const { policy, registry } = loadRules(config);
    if (contents(config) !== before) continue;
    const left = unlisted(standing, registry.revocations());
    return { policy, registry: left.length === 0 ? registry : registry.revoking(left), kept: left.length };
  }
  throw new VitalmeshError('REGISTRY-INVALID', { detail: `${config.registry} or the policy is still being written` });
}

/** What both files hold now; what cannot be read is for the loading to say. */
function contents({ registry, access }: RulesConfig): string {
  const digest = (path: string): string => {
    try {
      return hash('sha256', readFileSync(path));
    } catch {
      return '';
    }
  };
  return [registry, ...(access.policy === undefined ? [] : [access.policy])].map(digest).join(' ');
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
