import type { Instant } from '../../shared/clock.ts';
import { counted } from '../../shared/counted.ts';
import type { Registry } from '../registry/registry.ts';
import { type BarredRow, barredInWords, barredRows, type Entrance } from './barred.ts';

/** What a registry says in vain, seen from hub.yaml. */
export interface RegistryGaps {
  /** Clients as whom nobody can get in. */
  unusable: readonly BarredRow[];
  /** Revocations that revoke nothing, since they name no issuer. */
  stray: number;
}

/** So many rows are named in words; all of them stand in `status --json`. */
const MOST_NAMED = 20;

export function registryGaps(registry: Pick<Registry, 'clients' | 'revocations'>, entrance: Entrance, at: Instant): RegistryGaps {
  return {
    unusable: barredRows(registry, entrance, at),
    stray: registry.revocations().filter(({ issuer }) => !entrance.issuers.includes(issuer)).length,
  };
}

/** The same for an operator, a sentence each; none where nothing is in vain. */
export function gapsInWords({ unusable, stray }: RegistryGaps): string[] {
  const said: string[] = [];
  if (unusable.length > 0) {
    const named = unusable.slice(0, MOST_NAMED).map(({ as, why }) => `${as} (${barredInWords(why)})`);
    const more = unusable.length - named.length;
    said.push(
      `${counted(unusable.length, 'client')} of registry.yaml cannot get in: ${named.join('; ')}${more > 0 ? `; and ${more} more` : ''}`,
    );
  }
  if (stray > 0) said.push(`${counted(stray, 'revocation')} of registry.yaml without effect: no issuer of hub.yaml has that name`);
  return said;
}
