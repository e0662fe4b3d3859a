import { z } from 'zod';
import { VitalmeshError } from '../../../errors.ts';

const API_PATH = '/edge/client/v1';
/** Controllers that a network may name beside those of the identity file. A cluster has three or five members, each with an address or two. */
export const MAX_LEARNED = 8;
/** Of one list, and of one controller in it; what lies beyond is not looked at. */
const MAX_ENTRIES = 32;
const MAX_ADDRESSES = 8;
const MAX_LENGTH = 300;

const MEMBERS = z.object({ data: z.array(z.unknown()) });
const MEMBER = z.object({ apiAddresses: z.object({ 'edge-client': z.array(z.unknown()) }) });
const ADDRESS = z.object({ url: z.string().max(MAX_LENGTH) });

/** The API's base; identity files name it with or without its path. Throws IDENTITY-FILE when it is no https address. */
export function baseOf(address: string): URL {
  const url = secure(address);
  if (!url) throw new VitalmeshError('IDENTITY-FILE', { detail: 'a controller address is no https URL' });
  return withPath(url);
}

/**
 * The bases of the edge client API that the answer to `GET /controllers` names (openziti-wire.md §2c), in its order, each once, MAX_LEARNED
 * at most. Left out is what is no https address, carries a user, a query or a fragment, or stands for another path than that API's own.
 */
export function memberBasesOf(json: unknown): URL[] {
  const members = MEMBERS.safeParse(json).data?.data.slice(0, MAX_ENTRIES) ?? [];
  const bases = new Map<string, URL>();
  for (const member of members) {
    const addresses = MEMBER.safeParse(member).data?.apiAddresses['edge-client'].slice(0, MAX_ADDRESSES) ?? [];
    for (const address of addresses) {
      const base = memberBaseOf(ADDRESS.safeParse(address).data?.url ?? '');
      if (base && bases.size < MAX_LEARNED) bases.set(base.href, base);
    }
  }
  return [...bases.values()];
}

/** Host and port as an operator is told them. */
export function placeOf({ hostname, port }: URL): string {
  return `${hostname}:${port || 443}`;
}

function memberBaseOf(address: string): URL | undefined {
  const url = secure(address);
  if (!url || url.search || url.hash) return undefined;
  const base = withPath(url);
  return base.pathname === API_PATH ? base : undefined;
}

function secure(address: string): URL | undefined {
  const url = URL.parse(address);
  return url?.protocol === 'https:' && !url.username && !url.password ? url : undefined;
}

function withPath(url: URL): URL {
  return new URL(url.pathname.replace(/\/+$/, '') || API_PATH, url.origin);
}
