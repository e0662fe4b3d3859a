import { formatInstant } from '../../shared/clock.ts';
import { meaningOf } from '../../shared/errors.ts';
import type { AccessMode, AccessModes } from './credentials.ts';
import { gapsInWords, type RegistryGaps } from './registry-gaps.ts';
import type { KeysStatus } from './tokens/issuer-keys.ts';

/** For `vitalmesh-hub status`: what callers must prove, and whether they can. */
export interface AccessStatus extends RegistryGaps {
  /** `listed`: every credential that the row lists. */
  mcp: { person: AccessMode; software: AccessMode | 'listed' };
  /** `from`: the file, or the overlay service, of its keys. */
  issuers: readonly ({ name: string; from: string } & KeysStatus)[];
}

export function statusOf({ modes, ...rest }: Omit<AccessStatus, 'mcp'> & { modes: AccessModes }): AccessStatus {
  return { mcp: { person: modes.person, software: modes.software ?? 'listed' }, ...rest };
}

const ALONE = { overlay: 'by their overlay identity alone', oauth: 'by an access token alone' } as const;

/** Rows of the status for people; none where all is as it must be. */
export function formatAccess({ mcp, issuers, ...gaps }: AccessStatus): [string, string][] {
  const rows: [string, string][] = [];
  if (mcp.person !== 'both') rows.push(['Access', `FOR A TRIAL: people are let in ${ALONE[mcp.person]} (access.mcp of hub.yaml)`]);
  for (const said of gapsInWords(gaps)) rows.push(['Access', said]);
  for (const { name, from, keys, at, code, since } of issuers) {
    if (code === null || since === null) continue;
    const held = keys === null || at === null ? 'no keys' : `${keys} ${keys === 1 ? 'key' : 'keys'} of ${formatInstant(at)}`;
    rows.push([`Issuer ${name}`, `${from} NOT IN FORCE since ${formatInstant(since)}, but ${held}; ${meaningOf(code)}`]);
  }
  return rows;
}
