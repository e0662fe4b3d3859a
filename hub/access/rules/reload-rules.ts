import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { VitalmeshError } from '../../../shared/errors.ts';
import { type Revocation, unlisted } from '../../registry/client-credentials.ts';
import { readRegistryText, registryFrom } from '../../registry/load-registry.ts';
import { readPolicyText } from '../load-policy.ts';
import type { Rules, RulesConfig } from '../load-rules.ts';
import { checkAside } from './check-aside.ts';
import type { RuleTexts } from './check-rules.ts';
import { contentId } from './content-id.ts';

/** How long files must have stayed as they are before they are taken, and how often that is tried. */
const QUIET_MS = 200;
const TRIES = 25;

/**
 * As `loadRules`, for files that somebody has just changed under a running hub: waits until nobody writes them, checks them in another thread, and lets what is
 * revoked (`standing`) stay so where the new file leaves it out, since a file that lost its end is as valid as one from which it was taken. `kept`
 * says how many that are.
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
    const { policy, registry: checked } = await checkAside(textsOf(config));
    if (contents(config) !== before) continue;
    const registry = registryFrom(checked);
    const left = unlisted(standing, registry.revocations());
    return { policy, registry: left.length === 0 ? registry : registry.revoking(left), kept: left.length };
  }
  throw new VitalmeshError('REGISTRY-INVALID', { detail: `${config.registry} or the policy is still being written` });
}

/** Throws REGISTRY-INVALID, POLICY-INVALID for a file that cannot be read. */
function textsOf({ registry, access }: RulesConfig): RuleTexts {
  return {
    registry: { name: basename(registry), text: readRegistryText(registry) },
    ...(access.policy !== undefined && { policy: { name: basename(access.policy), text: readPolicyText(access.policy) } }),
    ...(access.issuers && { issuers: access.issuers.map(({ name }) => name) }),
  };
}

/** What both files hold now; what cannot be read is for the loading to say. */
function contents({ registry, access }: RulesConfig): string {
  return [registry, ...(access.policy === undefined ? [] : [access.policy])].map((path) => contentId(path) ?? '').join(' ');
}
