import type { Registry } from '../registry/registry.ts';
import { type AccessModes, unusableRows } from './credentials.ts';

/** What a registry says in vain, seen from hub.yaml. */
export interface RegistryGaps {
  /** Clients as whom nobody can get in. */
  unusable: number;
  /** Revocations that revoke nothing, since they name no issuer. */
  stray: number;
}

export function registryGaps(
  registry: Pick<Registry, 'clients' | 'revocations'>,
  modes: AccessModes,
  issuers: readonly string[],
): RegistryGaps {
  return {
    unusable: unusableRows(registry.clients(), modes, issuers).length,
    stray: registry.revocations().filter(({ issuer }) => !issuers.includes(issuer)).length,
  };
}

/** The same for an operator, a sentence each; none where nothing is in vain. */
export function gapsInWords({ unusable, stray }: RegistryGaps): string[] {
  const said: string[] = [];
  if (unusable > 0)
    said.push(`${counted(unusable, 'client')} of registry.yaml cannot get in: an identity, a token or its issuer is missing`);
  if (stray > 0) said.push(`${counted(stray, 'revocation')} of registry.yaml without effect: no issuer of hub.yaml has that name`);
  return said;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
